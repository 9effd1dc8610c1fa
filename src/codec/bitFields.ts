import { outOfRange } from "../buffers/errors.js";
import { checkWhole } from "./checks.js";
import { assemble, bytesLeft, fallShort, scratch } from "./reader/parts.js";
import type { ReaderState } from "./reader/state.js";
import { grow } from "./writer/blocks.js";
import type { WriterState } from "./writer/state.js";

/**
 * Bit fields, the highest bit first, as protocols draw them. The byte in which a field ends is
 * written at once, with its free bits 0. Whatever is written next and is no bit field begins at the
 * byte after it.
 *
 *      7 6 5 4 3 2 1 0
 *     +-------+-------+
 *     | bits  | free  |     `bitsFree` of the byte before `bitAt`
 *     +-------+-------+
 */
function checkBitCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= 32) return;
  throw outOfRange("the count of bits", count, 1, 32);
}

/** Writes the lowest `count` bits of a value, the highest of them first. */
export function putBits(writer: WriterState, value: number, count: number): void {
  checkBitCount(count);
  checkWhole(`a field of ${count} bits`, value, 2 ** count - 1, writer.length);
  const free = writer.bitAt === writer.at ? writer.bitsFree : 0;
  const more = (count - free + 7) >> 3;
  const before = writer.at - 1;
  if (writer.at + more > writer.limit) grow(writer, more);
  const partial = writer.isChain ? before : writer.at - 1;
  const { raw: u8 } = writer;
  let left = count;
  let spare = free;
  if (spare > 0) {
    const take = Math.min(spare, left);
    left -= take;
    spare -= take;
    const bits = (value >>> left) & ((1 << take) - 1);
    u8[partial] = u8[partial] | (bits << spare);
  }
  let { at } = writer;
  while (left > 0) {
    const take = Math.min(8, left);
    left -= take;
    spare = 8 - take;
    u8[at++] = ((value >>> left) & ((1 << take) - 1)) << spare;
  }
  writer.at = at;
  writer.bitsFree = spare;
  writer.bitAt = at;
}

/** Reads a bit field of 1 to 32 bits, the highest bit first. Returns 0 if bytes are missing. */
export function takeBits(reader: ReaderState, count: number): number {
  checkBitCount(count);
  if (reader.lacking > 0) return 0;
  const left = reader.bitAt === reader.at ? reader.bitsLeft : 0;
  const pending = reader.bitByte & ((1 << left) - 1);
  if (count <= left) {
    reader.bitsLeft = left - count;
    return pending >>> reader.bitsLeft;
  }
  const more = (count - left + 7) >> 3;
  if (more > reader.remaining) {
    fallShort(reader, reader.position, more - bytesLeft(reader));
    return 0;
  }
  assemble(reader, more);
  let value = pending;
  let wanted = count - left;
  for (let index = 0; index < more; index++) {
    const take = Math.min(8, wanted);
    value = (value << take) | (scratch[index] >>> (8 - take));
    wanted -= take;
  }
  reader.bitByte = scratch[more - 1];
  reader.bitsLeft = 8 * more - (count - left);
  reader.bitAt = reader.at;
  return value >>> 0;
}
