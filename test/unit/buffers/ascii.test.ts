import { expect, it } from "vitest";
import { ASCII_MAX, readAscii } from "../../../src/buffers/ascii.js";

const counts = Array.from({ length: ASCII_MAX + 1 }, (_, count) => count);

it.each(counts)("reads %i bytes, of which the largest is 0x7f", (count) => {
  const u8 = Uint8Array.from({ length: ASCII_MAX + 8 }, (_, index) => 0x7f - index);
  const expected = String.fromCharCode(...u8.subarray(3, 3 + count));
  expect(readAscii(u8, 3, count)).toBe(expected);
});

it.each(counts)("refuses %i bytes with one from 0x80, wherever it is", (count) => {
  for (let index = 0; index < count; index++) {
    for (const byte of [0x80, 0xff]) {
      const u8 = new Uint8Array(ASCII_MAX + 8).fill(0x41);
      u8[3 + index] = byte;
      expect(readAscii(u8, 3, count)).toBe(undefined);
    }
  }
});
