import { expect, test } from "vitest";
import { isPowerOfTwo, log2Floor, lowestBit, roundUp } from "../../../src/base/bits.js";

test("isPowerOfTwo holds for the 31 powers and nothing around them", () => {
  for (let shift = 0; shift < 31; shift++) {
    const power = 2 ** shift;
    expect(isPowerOfTwo(power)).toBe(true);
    if (power > 2) expect(isPowerOfTwo(power - 1)).toBe(false);
    if (power > 1) expect(isPowerOfTwo(power + 1)).toBe(false);
  }
  for (const n of [0, -0, -1, -16, -(2 ** 31)]) expect(isPowerOfTwo(n)).toBe(false);
});

test("roundUp gives the least multiple that is not less", () => {
  for (const unit of [1, 2, 16, 4096, 65536]) {
    for (const base of [0, unit, 5 * unit, 2 ** 30]) {
      for (const step of [0, 1, unit - 1, unit]) {
        expect(roundUp(base + step, unit)).toBe(Math.ceil((base + step) / unit) * unit);
      }
    }
  }
  expect(roundUp(2 ** 31 - 65536, 65536)).toBe(2 ** 31 - 65536);
});

test("log2Floor is exact at and around every power", () => {
  expect(log2Floor(1)).toBe(0);
  for (let shift = 1; shift < 31; shift++) {
    expect(log2Floor(2 ** shift)).toBe(shift);
    expect(log2Floor(2 ** shift - 1)).toBe(shift - 1);
    if (shift > 1) expect(log2Floor(2 ** shift + 1)).toBe(shift);
  }
});

test("lowestBit finds the lowest of any set bits", () => {
  for (let low = 0; low < 32; low++) {
    expect(lowestBit(1 << low)).toBe(low);
    expect(lowestBit(-1 << low)).toBe(low);
    if (low < 31) expect(lowestBit((1 << low) | (1 << 31))).toBe(low);
    if (low < 30) expect(lowestBit((1 << low) | (1 << 30))).toBe(low);
  }
});
