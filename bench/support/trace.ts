import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** A recorded allocation trace: HKT1, two words an event, `op << 30 | slot` and `size`. */
export interface Trace {
  readonly eventCount: number;
  readonly slotCount: number;
  readonly words: Int32Array;
}

const MAGIC = 0x31544b48; // "HKT1"
const HEAD_WORDS = 4;

/** Reads a trace, compressed or not. Throws an Error that says what is wrong with the file. */
export function readTrace(file: string): Trace {
  const raw = readFileSync(file);
  const bytes = raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw;
  const words = new Int32Array(Uint8Array.from(bytes).buffer, 0, bytes.length >> 2);
  const [magic, eventCount = 0, slotCount = 0] = words;
  if (magic !== MAGIC) throw new Error(`${file}: no HKT1 trace`);
  if (words.length < HEAD_WORDS + 2 * eventCount) throw new Error(`${file}: truncated`);
  return {
    eventCount,
    slotCount,
    words: words.subarray(HEAD_WORDS, HEAD_WORDS + 2 * eventCount),
  };
}
