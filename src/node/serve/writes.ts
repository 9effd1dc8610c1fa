import { checkRange, invalid } from "../../buffers/errors.js";
import type { Bytes } from "../../buffers/index.js";
import { checkBytes, isBytes } from "../../buffers/internal.js";
import type { Outgoing } from "./outgoing.js";
import type { ReadBlock } from "./readBlock.js";

/** Returns how many bytes of an array are written. @throws {BufferError} for wrong arguments */
export function checkWrite(
  data: Bytes | Uint8Array,
  u8: Uint8Array,
  offset: number,
  length: number | undefined,
): number {
  if (data !== u8 && isBytes(data)) {
    if (offset === 0 && (length === undefined || length === data.length)) return 0;
    throw invalid("offset and length", [offset, length], "none for Bytes; slice() cuts them");
  }
  if (data !== u8) checkBytes("data", data, "Bytes, a Uint8Array or a string");
  // The peer would get what is another's.
  else if (length === undefined)
    throw invalid("length", length, "a number: the array is all memory");
  checkRange("offset", offset, 0, data.length);
  const count = length ?? data.length - offset;
  checkRange("length", count, 0, data.length - offset);
  return count;
}

/**
 * Adds what a connection writes, or drops it. Bytes of the block that is being read are written
 * from there.
 * @throws {HeapError} ERR_HEAP_EXHAUSTED; {BufferError} ERR_RELEASED
 */
export function addWrite(
  outgoing: Outgoing,
  isTaken: boolean,
  data: Bytes | Uint8Array,
  u8: Uint8Array,
  offset: number,
  count: number,
  block: ReadBlock | undefined,
): void {
  if (data !== u8 && isBytes(data)) {
    if (isTaken) outgoing.addBytes(data);
    else data.release();
  } else if (isTaken) {
    const isRead = data === u8 && block !== undefined && offset >= block.ptr;
    if (isRead && offset + count <= block.end) outgoing.addRead(block, offset, count);
    else outgoing.addCopy(data as Uint8Array, offset, count);
  }
}
