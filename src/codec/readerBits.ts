import { checkBitCount } from "./bits.js";
import type { ReaderBase } from "./readerBase.js";
import { assemble, bytesLeft, fallShort, scratch } from "./readerCold.js";

/** Reads a bit field, the highest bit first. */
export function takeBits(reader: ReaderBase, count: number): number {
  checkBitCount(count);
  if (reader.lacking > 0) return 0;
  const left = reader.bitAt === reader.at ? reader.bitsLeft : 0;
  const kept = reader.bitByte & ((1 << left) - 1);
  if (count <= left) {
    reader.bitsLeft = left - count;
    return kept >>> reader.bitsLeft;
  }
  const more = (count - left + 7) >> 3;
  if (more > reader.remaining) {
    fallShort(reader, reader.position, more - bytesLeft(reader));
    return 0;
  }
  assemble(reader, more);
  let value = kept;
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
