/**
 * 64 bits as a bigint and as two words. Arithmetic is done on the words, because on bigints it
 * allocates at each step.
 *
 * They are typed arrays because V8, before Node 24, leaves its compiled code to store a bigint by a
 * `DataView` (8 ns), but not by a typed array (1 ns).
 */
const memory = new ArrayBuffer(8);
const IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export const u64 = new BigUint64Array(memory) as BigUint64Array & { 0: bigint };
export const i64 = new BigInt64Array(memory) as BigInt64Array & { 0: bigint };
export const low32: Uint32Array = new Uint32Array(memory, IS_LITTLE ? 0 : 4, 1);
export const high32: Uint32Array = new Uint32Array(memory, IS_LITTLE ? 4 : 0, 1);

export const U64_MAX: bigint = 2n ** 64n - 1n;
export const I64_MIN: bigint = -(2n ** 63n);
export const I64_MAX: bigint = 2n ** 63n - 1n;

/** Replaces the signed value by its zigzag encoding. */
export function zigzag(): void {
  const low = low32[0];
  const high = high32[0];
  const sign = high >> 31;
  low32[0] = (low << 1) ^ sign;
  high32[0] = ((high << 1) | (low >>> 31)) ^ sign;
}

/** Replaces a zigzag encoding by the signed value. */
export function unzigzag(): void {
  const low = low32[0];
  const high = high32[0];
  const sign = -(low & 1);
  low32[0] = ((low >>> 1) | (high << 31)) ^ sign;
  high32[0] = (high >>> 1) ^ sign;
}

const WORD = 2 ** 32;

/** Returns the high word of a safe integer: a signed one, if that is negative. */
export function highWord(value: number): number {
  return Math.floor(value / WORD);
}

/**
 * Returns the number that two words make, of which the high one may be signed. It is rounded when
 * it is no safe integer.
 */
export function joinWords(low: number, high: number): number {
  return high * WORD + low;
}
