import { checkWhole, outOfRange } from "../buffers/errors.js";
import type { WriterBase } from "./writerBase.js";
import { grow } from "./writerCold.js";

/**
 * Bit fields, the highest bit first, as protocols draw them. The byte that a field ends in is
 * written at once, its free bits 0: whatever is written next that is no bit field begins after it.
 *
 *      7 6 5 4 3 2 1 0
 *     +-------+-------+
 *     | bits  | free  |     `bitsFree` of the byte before `bitAt`
 *     +-------+-------+
 */
export function checkBitCount(count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= 32) return;
  throw outOfRange("the count of bits", count, 1, 32);
}

export function putBits(writer: WriterBase, value: number, count: number): void {
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
