/**
 * Integers of variable length. One of more than 32 bits is split into two words.
 *
 *     LEB128   1ddddddd 1ddddddd 0ddddddd          the lowest 7 bits first
 *     signed   1ddddddd 1ddddddd 0sdddddd          so, too; all bits above it are like s
 *     QUIC     nndddddd dddddddd ...               the highest bits first; 2 ** nn bytes
 */
import { high32, low32 } from "./words.js";

/** The most bytes of a LEB128 of 32 bits, and of 64 bits. */
export const LEB32_BYTES = 5;
export const LEB64_BYTES = 10;

/** Returns the bytes that a value of 32 bits takes as LEB128. */
export function leb32Length(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  return value < 0x10000000 ? 4 : LEB32_BYTES;
}

/** Writes a value of 32 bits as LEB128 at `at`, where there is room. Returns the end. */
export function putLeb32(u8: Uint8Array, at: number, value: number): number {
  let left = value;
  let end = at;
  while (left > 127) {
    u8[end++] = (left & 127) | 128;
    left >>>= 7;
  }
  u8[end++] = left;
  return end;
}

/** Returns the bytes that two words take as LEB128. */
export function leb64Length(low: number, high: number): number {
  if (high === 0) return leb32Length(low);
  return Math.ceil((64 - Math.clz32(high)) / 7);
}

/** Writes two words as LEB128 at `at`, where there is room. Returns the end. */
export function putLeb64(u8: Uint8Array, at: number, low: number, high: number): number {
  let [lowLeft, highLeft] = [low, high];
  let end = at;
  while (highLeft !== 0) {
    u8[end++] = (lowLeft & 127) | 128;
    lowLeft = ((lowLeft >>> 7) | (highLeft << 25)) >>> 0;
    highLeft >>>= 7;
  }
  return putLeb32(u8, end, lowLeft);
}

/** Returns the bytes of the LEB128 that begins at `at`, or 0 if it does not end before `end`. */
export function findLebEnd(u8: Uint8Array, at: number, end: number): number {
  for (let index = at; index < end; index++) {
    if (u8[index] < 128) return index - at + 1;
  }
  return 0;
}

/** Reads a LEB128 of `length` bytes into the two words. Returns whether it fits into 64 bits. */
export function takeLeb64(u8: Uint8Array, at: number, length: number): boolean {
  let low = 0;
  let high = 0;
  for (let index = 0; index < length; index++) {
    const bits = u8[at + index] & 127;
    const shift = 7 * index;
    if (shift < 32) low |= bits << shift;
    if (shift === 28) high |= bits >>> 4;
    if (shift > 28 && shift < 64) high |= bits << (shift - 32);
  }
  low32[0] = low;
  high32[0] = high;
  return length < LEB64_BYTES || (length === LEB64_BYTES && u8[at + 9] <= 1);
}

/**
 * Reads a signed LEB128 of `length` bytes into the two words. Returns whether it fits into 64 bits:
 * the bits of the last byte that 64 bits have no room for must repeat the sign.
 */
export function takeSleb64(u8: Uint8Array, at: number, length: number): boolean {
  takeLeb64(u8, at, length);
  const last = u8[at + length - 1];
  const bits = 7 * length;
  if ((last & 0x40) !== 0 && bits < 64) {
    high32[0] |= bits < 32 ? -1 : -1 << (bits - 32);
    if (bits < 32) low32[0] |= -1 << bits;
  }
  return length < LEB64_BYTES || last === 0 || last === 0x7f;
}

/** Returns the bytes that two signed words take as a signed LEB128. */
export function slebLength(low: number, high: number): number {
  const isWord = high === low >> 31;
  const bits = isWord ? 33 - Math.clz32(low ^ high) : 65 - Math.clz32(high ^ (high >> 31));
  return Math.ceil(bits / 7);
}

/** Writes two signed words as a signed LEB128 of `length` bytes at `at`, where there is room. */
export function putSleb(
  u8: Uint8Array,
  at: number,
  length: number,
  low: number,
  high: number,
): void {
  let [lowLeft, highLeft] = [low, high];
  const last = at + length - 1;
  for (let index = at; index < last; index++) {
    u8[index] = (lowLeft & 127) | 128;
    lowLeft = (lowLeft >>> 7) | (highLeft << 25);
    highLeft >>= 7;
  }
  u8[last] = lowLeft & 127;
}

/** The largest integer of QUIC. */
export const QUIC_MAX: bigint = 2n ** 62n - 1n;

/** Returns the bytes that two words take as an integer of QUIC. */
export function quicLength(low: number, high: number): number {
  if (high !== 0 || low >= 0x40000000) return 8;
  if (low < 0x40) return 1;
  return low < 0x4000 ? 2 : 4;
}

/** Writes two words as an integer of QUIC of `length` bytes at `at`, where there is room. */
export function putQuic(
  view: DataView,
  at: number,
  length: number,
  low: number,
  high: number,
): void {
  if (length === 1) view.setUint8(at, low);
  else if (length === 2) view.setUint16(at, low | 0x4000);
  else if (length === 4) view.setUint32(at, (low | 0x80000000) >>> 0);
  else {
    view.setUint32(at, (high | 0xc0000000) >>> 0);
    view.setUint32(at + 4, low);
  }
}
