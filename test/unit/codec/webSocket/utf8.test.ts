import { TextDecoder } from "node:util";
import { expect, it } from "vitest";
import { checkUtf8, isUtf8 } from "../../../../src/codec/webSocket/utf8.js";

const memory = new ArrayBuffer(256);
const u8 = new Uint8Array(memory);
const i32 = new Int32Array(memory);

function accepts(bytes: readonly number[]): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Returns what the check says, byte by byte: the index of the first wrong one, or the state. */
function check(bytes: readonly number[], at: number): number {
  u8.set(bytes, at);
  return checkUtf8(u8, i32, at, at + bytes.length, 0);
}

it("takes every code point, in one piece and byte by byte", () => {
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const bytes = utf8Of(point);
    bytes.forEach((byte, index) => {
      u8[8 + index] = byte;
    });
    const end = 8 + bytes.length;
    let state = 0;
    for (let at = 8; at < end; at++) {
      state = checkUtf8(u8, i32, at, at + 1, state);
      if (state < 0 || (state === 0) !== (at === end - 1)) throw new Error(`U+${point} at ${at}`);
    }
    if (!isUtf8(u8, i32, 8, end)) throw new Error(`U+${point}`);
  }
});

function utf8Of(point: number): number[] {
  const low = (shift: number): number => 0x80 | ((point >> shift) & 63);
  if (point < 0x80) return [point];
  if (point < 0x800) return [0xc0 | (point >> 6), low(0)];
  if (point < 0x10000) return [0xe0 | (point >> 12), low(6), low(0)];
  return [0xf0 | (point >> 18), low(12), low(6), low(0)];
}

it("judges all pairs of bytes, and all threes and fours at the edges, as TextDecoder", () => {
  const edges = [0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1];
  edges.push(0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff);
  const expectSame = (bytes: readonly number[]): void => {
    if ((check(bytes, 16) === 0) !== accepts(bytes)) throw new Error(bytes.join(" "));
  };
  for (let first = 0; first < 256; first++) {
    expectSame([first]);
    for (let second = 0; second < 256; second++) expectSame([first, second]);
  }
  for (const first of edges.filter((byte) => byte >= 0xe0)) {
    for (const second of edges) {
      for (const third of edges) {
        expectSame([first, second, third]);
        for (const fourth of [0x7f, 0x80, 0xbf, 0xc0]) expectSame([first, second, third, fourth]);
      }
    }
  }
});

it("finds the first wrong byte at any place and alignment", () => {
  for (let at = 4; at < 12; at++) {
    for (let length = 1; length <= 70; length++) {
      u8.fill(0x41);
      u8[at - 1] = 0xff;
      u8[at + length] = 0xff;
      if (checkUtf8(u8, i32, at, at + length, 0) !== 0) throw new Error(`${at}, ${length}`);
      for (let wrong = at; wrong < at + length; wrong++) {
        u8[wrong] = 0x80;
        if (checkUtf8(u8, i32, at, at + length, 0) !== ~wrong) throw new Error(`${at}, ${wrong}`);
        u8[wrong] = 0x41;
      }
    }
  }
});

it.each([
  ["an overlong slash", [0xc0, 0xaf], 0],
  ["an overlong slash in 3 bytes", [0xe0, 0x80, 0xaf], 1],
  ["an overlong slash in 4 bytes", [0xf0, 0x80, 0x80, 0xaf], 1],
  ["the largest overlong of 3 bytes", [0xe0, 0x9f, 0xbf], 1],
  ["the largest overlong of 4 bytes", [0xf0, 0x8f, 0xbf, 0xbf], 1],
  ["a surrogate", [0xed, 0xa0, 0x80], 1],
  ["the last surrogate", [0xed, 0xbf, 0xbf], 1],
  ["a pair of surrogates", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80], 1],
  ["U+110000", [0xf4, 0x90, 0x80, 0x80], 1],
  ["5 bytes", [0xf8, 0x88, 0x80, 0x80, 0x80], 0],
  ["6 bytes", [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80], 0],
  ["a byte that is none", [97, 0xfe], 1],
  ["a lone continuation", [97, 98, 0xbf], 2],
  ["a letter within a code point", [0xe2, 0x82, 97], 2],
])("refuses %s at the byte that cannot stand there", (_name, bytes, wrong) => {
  expect(~check(bytes, 20)).toBe(20 + wrong);
});
