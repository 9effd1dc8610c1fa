/** How many bytes numbers have whose width differs. */
import { LEB64_BYTES, leb32Length, leb64Length, quicLength, slebLength } from "../varint.js";
import { high32, highWord, low32, u64, zigzag } from "../words.js";

export const zigzagOf32 = (value: number): number =>
  leb32Length(((value << 1) ^ (value >> 31)) >>> 0);

export const intOf32 = (value: number): number => (value < 0 ? LEB64_BYTES : leb32Length(value));

export const slebOf32 = (value: number): number => slebLength(value | 0, value >> 31);

export function lebOf64(value: bigint): number {
  u64[0] = value;
  return leb64Length(low32[0], high32[0]);
}

export function zigzagOf64(value: bigint): number {
  u64[0] = value;
  zigzag();
  return leb64Length(low32[0], high32[0]);
}

export function slebOf64(value: bigint): number {
  u64[0] = value;
  return slebLength(low32[0] | 0, high32[0] | 0);
}

export function quicOf64(value: bigint): number {
  u64[0] = value;
  return quicLength(low32[0], high32[0]);
}

export const quicOf = (value: number): number => quicLength(value >>> 0, highWord(value));

export const lebOfSafe = (value: number): number => leb64Length(value >>> 0, highWord(value) >>> 0);

export function zigzagOfSafe(value: number): number {
  low32[0] = value;
  high32[0] = highWord(value);
  zigzag();
  return leb64Length(low32[0], high32[0]);
}

export const slebOfSafe = (value: number): number => slebLength(value | 0, highWord(value) | 0);
