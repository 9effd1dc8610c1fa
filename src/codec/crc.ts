import { isByteArray } from "../base/tag.js";
import { invalid } from "../buffers/errors.js";
import {
  type Bytes,
  findPart,
  heapOf,
  isBytes,
  type Part,
  partsOf,
  toByteArray,
} from "../buffers/internal.js";
import { checkWhole } from "./checks.js";

/** Which polynomial, and its tables, which are made when they are needed. */
export class Crc {
  private readonly polynomial: number;
  private made: Int32Array | undefined;

  /** @param polynomial with its bits in reverse order */
  constructor(polynomial: number) {
    this.polynomial = polynomial;
    this.made = undefined;
  }

  get tables(): Int32Array {
    this.made ??= makeTables(this.polynomial);
    return this.made;
  }
}

/** That of Ethernet, gzip, PNG and zip. */
export const IEEE: Crc = new Crc(0xedb88320);
/** That of iSCSI, SCTP, Kafka and Snappy. */
export const CASTAGNOLI: Crc = new Crc(0x82f63b78);

/**
 * Returns the CRC-32 of bytes, as gzip, PNG and zip have it: 0 to 2 ** 32 - 1. It takes 0.8 ns per
 * byte, and copies nothing. `previous` is the CRC of the bytes before these.
 * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_RELEASED; ERR_OUT_OF_RANGE for `previous`
 */
export function crc32(source: Bytes | Uint8Array, previous: number = 0): number {
  return crcOf(IEEE, source, previous);
}

/**
 * Returns the CRC-32C (Castagnoli) of bytes, as iSCSI, Kafka and Snappy have it.
 * @throws as `crc32`
 */
export function crc32c(source: Bytes | Uint8Array, previous: number = 0): number {
  return crcOf(CASTAGNOLI, source, previous);
}

function crcOf(crc: Crc, source: Bytes | Uint8Array, previous: number): number {
  checkWhole("previous", previous, 0xffffffff);
  if (isBytes(source)) {
    const { u8 } = heapOf(source);
    return crcOfParts(crc, u8, partsOf(source), 0, source.length, previous);
  }
  if (!isByteArray(source)) throw invalid("source", source, "Bytes or a Uint8Array");
  const { length } = source;
  if (length === 0) toByteArray(source);
  return update(crc.tables, source, 0, length, previous);
}

/** Returns the CRC of the bytes from `from` to `to` of these parts, which must have them. */
export function crcOfParts(
  crc: Crc,
  raw: Uint8Array,
  parts: readonly Part[],
  from: number,
  to: number,
  previous: number,
): number {
  let value = previous;
  let position = from;
  for (let index = findPart(parts, from); position < to; index++) {
    const { start, length, at } = parts[index] as Part;
    const end = Math.min(to, at + length);
    value = update(crc.tables, raw, start + position - at, start + end - at, value);
    position = end;
  }
  return value;
}

/** The first table of 256 numbers is for the last of eight bytes, and so on. */
function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? polynomial : 0);
    tables[byte] = value;
  }
  for (let index = 256; index < tables.length; index++) {
    const before = tables[index - 256];
    tables[index] = (before >>> 8) ^ tables[before & 255];
  }
  return tables;
}

/**
 * Returns the CRC of bytes after others that have the CRC `previous`. Eight bytes in each turn take
 * a third of the time of one; sixteen are not faster.
 */
export function update(
  tables: Int32Array,
  u8: Uint8Array,
  start: number,
  end: number,
  previous: number,
): number {
  let crc = ~previous;
  let at = start;
  for (const last = end - 7; at < last; at += 8) {
    crc =
      tables[1792 + ((crc ^ u8[at]) & 255)] ^
      tables[1536 + (((crc >>> 8) ^ u8[at + 1]) & 255)] ^
      tables[1280 + (((crc >>> 16) ^ u8[at + 2]) & 255)] ^
      tables[1024 + ((crc >>> 24) ^ u8[at + 3])] ^
      tables[768 + u8[at + 4]] ^
      tables[512 + u8[at + 5]] ^
      tables[256 + u8[at + 6]] ^
      tables[u8[at + 7]];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ tables[(crc ^ u8[at]) & 255];
  return ~crc >>> 0;
}
