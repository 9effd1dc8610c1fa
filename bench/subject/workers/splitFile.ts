import type { Split } from "./split.js";

/*
 * The file, beside the script's, from which the native subject reads a split script.
 *
 *   word 0      1        2       3       four words per worker
 *   "HKW1"   workers   cells   left   | words, events, slots, ends |
 *
 * Each worker's words, events, written events and ends follow; then the blocks that are left, with
 * four words each: worker, place, size, written.
 */
const MAGIC = 0x31574b48; // "HKW1"

/** Returns the words of a split script's file, in this machine's byte order. */
export function encodeSplit({ streams, cellCount, left }: Split): Int32Array {
  const heads = streams.flatMap(({ words, events, ends, slotCount }) => [
    words.length,
    events.length,
    slotCount,
    ends.length,
  ]);
  const bodies = streams.flatMap(({ words, events, written, ends }) => [
    words,
    events,
    written,
    ends,
  ]);
  const tail = left.flatMap(({ worker, place, size, written }) => [worker, place, size, written]);
  const parts = [[MAGIC, streams.length, cellCount, left.length], heads, ...bodies, tail];
  const file = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}
