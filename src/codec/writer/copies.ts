import { invalid } from "../../buffers/errors.js";
import {
  type Bytes,
  checkBytes,
  heapOf,
  isBytes,
  type Part,
  partsOf,
  toByteArray,
} from "../../buffers/internal.js";
import { BufferError } from "../../index.js";
import { tooLarge } from "../checks.js";
import { close, grow, limitRoom } from "./blocks.js";
import type { WriterState } from "./state.js";

/** Up to here a loop is faster than a call of the engine's `set`. */
export const SHORT_BYTES = 8;

/** Returns the error for what is to be appended and is no `Bytes`. */
export function notBytes(given: unknown): BufferError {
  return invalid("bytes", given, "Bytes (bytes() and bytesPrefixed() take a Uint8Array)");
}

/** Checks that bytes can be appended after `front` others. @throws what `append` throws */
export function checkAppend(writer: WriterState, bytes: unknown, front: number): void {
  if (!isBytes(bytes)) throw notBytes(bytes);
  const more = front + bytes.length;
  if (heapOf(bytes).buffer !== writer.heap.buffer) {
    throw new BufferError("ERR_INVALID_ARGUMENT", "append takes bytes of the heap of the writer");
  }
  const { length } = writer;
  if (writer.isDisposed) throw new BufferError("ERR_CLOSED", "this writer was disposed");
  if (more > writer.maximum - length) {
    throw tooLarge("the message's length", 0, length + more, writer.maximum);
  }
}

/** Appends bytes that `checkAppend` has checked. */
export function appendParts<B extends ArrayBufferLike>(
  writer: WriterState<B>,
  bytes: Bytes<B>,
): void {
  const { length } = bytes;
  // Empty bytes have a part, too, and a writer that stays empty would hold it for ever.
  if (length === 0) return;
  const parts = partsOf(bytes);
  if (!writer.isChain) {
    copyParts(writer, parts, length);
    return;
  }
  close(writer);
  for (const { block, start, length, at } of parts) {
    const part = { block, start, length, at: writer.base + at };
    block.holders++;
    writer.closed.push(part);
    writer.appended.add(part);
  }
  writer.isFrozen ||= bytes.isFrozen;
  writer.base += length;
  writer.bitsFree = 0;
  limitRoom(writer);
}

/** Copies parts of the same heap, one after the other. */
function copyParts(writer: WriterState, parts: readonly Part[], length: number): void {
  let at = writer.at + length <= writer.limit ? writer.at : grow(writer, length);
  for (const part of parts) {
    writer.raw.copyWithin(at, part.start, part.start + part.length);
    at += part.length;
  }
  writer.at = at;
}

/** Returns the bytes, or a copy if they lie in the block of the writer, which may move. */
export function steady(writer: WriterState, bytes: Uint8Array): Uint8Array {
  const { start, blockBytes, heap, isChain } = writer;
  if (isChain || bytes.buffer !== heap.buffer) return bytes;
  const { byteOffset, length } = bytes;
  return byteOffset < start + blockBytes && byteOffset + length > start
    ? new Uint8Array(bytes)
    : bytes;
}

const ARRAY = "a Uint8Array (append() and appendPrefixed() take Bytes)";

/** Returns how many bytes there are. A detached buffer, which has none, is refused. */
export function countBytes(bytes: Uint8Array): number {
  const { length } = checkBytes("bytes", bytes, ARRAY);
  if (length === 0) toByteArray(bytes);
  return length;
}

/** Writes bytes that are few, have no room, or come from another realm; refuses all else. */
export function slowBytes(writer: WriterState, bytes: Uint8Array): void {
  const length = countBytes(bytes);
  const { raw, at } = writer;
  if (at + length > writer.limit) {
    splitBytes(writer, bytes);
    return;
  }
  if (length > SHORT_BYTES) raw.set(bytes, at);
  else for (let index = 0; index < length; index++) raw[at + index] = bytes[index];
  writer.at = at + length;
}

/** Fills the open block, and then one more. */
function splitBytes(writer: WriterState, given: Uint8Array): void {
  const bytes = steady(writer, toByteArray(given));
  const { at } = writer;
  const fits = writer.limit - at;
  if (!writer.isChain || fits <= 0) {
    const start = grow(writer, bytes.length);
    writer.raw.set(bytes, start);
    writer.at = start + bytes.length;
    return;
  }
  if (bytes.length > writer.maximum - writer.length) grow(writer, bytes.length);
  // The room counts as written now, so that the part that `grow` closes includes it.
  writer.at = at + fits;
  let next: number;
  try {
    next = grow(writer, bytes.length - fits);
  } catch (error) {
    writer.at = at;
    throw error;
  }
  writer.raw.set(bytes.subarray(0, fits), at);
  writer.raw.set(bytes.subarray(fits), next);
  writer.at = next + bytes.length - fits;
}
