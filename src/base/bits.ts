/** Bit arithmetic on int32 values. */

export function isPowerOfTwo(n: number): boolean {
  return n > 0 && (n & (n - 1)) === 0;
}

/** Returns `n` rounded up to a multiple of `unit`, a power of two. Exact below 2^31. */
export function roundUp(n: number, unit: number): number {
  return (n + unit - 1) & -unit;
}

/** Returns floor(log2(n)), for n >= 1. */
export function log2Floor(n: number): number {
  return 31 - Math.clz32(n);
}

/**
 * Returns the index of the lowest set bit of `n`, which is not 0. It does not negate `n`, because
 * V8 computes `-n` in floating point.
 */
export function lowestBit(n: number): number {
  return 31 - Math.clz32(n & (0 - n));
}
