import { beforeAll, describe, expect, it } from "vitest";
import { type Bytes, BytesPool } from "../../../src/buffers/index.js";
import { Reader, Writer } from "../../../src/codec/index.js";
import { Heap } from "../../../src/index.js";
import { deepIt } from "../../support/deep.js";
import { onHeap } from "./support.js";

const replacing = new TextDecoder("utf-8", { ignoreBOM: true });
const fatal = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();

const heap = Heap.create({ capacity: 2 ** 22 });
const pool = new BytesPool(heap);

/** Both ends of each class of bytes that the standard tells apart, at any place of a sequence. */
const CLASSES = [
  ...[0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf],
  ...[0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff],
];
const EVERY = Array.from({ length: 256 }, (_, byte) => byte);

/** The ranges of table 3-7 of the Unicode standard, by the first byte. */
type Row = readonly [from: number, to: number, ...rest: (readonly [number, number])[]];
const WELL_FORMED: readonly Row[] = [
  [0x00, 0x7f],
  [0xc2, 0xdf, [0x80, 0xbf]],
  [0xe0, 0xe0, [0xa0, 0xbf], [0x80, 0xbf]],
  [0xe1, 0xec, [0x80, 0xbf], [0x80, 0xbf]],
  [0xed, 0xed, [0x80, 0x9f], [0x80, 0xbf]],
  [0xee, 0xef, [0x80, 0xbf], [0x80, 0xbf]],
  [0xf0, 0xf0, [0x90, 0xbf], [0x80, 0xbf], [0x80, 0xbf]],
  [0xf1, 0xf3, [0x80, 0xbf], [0x80, 0xbf], [0x80, 0xbf]],
  [0xf4, 0xf4, [0x80, 0x8f], [0x80, 0xbf], [0x80, 0xbf]],
];

/** Returns whether the bytes from `at` are whole characters. */
function isWellFormed(bytes: Uint8Array, at: number, end: number): boolean {
  if (at === end) return true;
  const first = bytes[at] as number;
  const row = WELL_FORMED.find(([from, to]) => first >= from && first <= to);
  if (row === undefined) return false;
  const [, , ...rest] = row;
  if (at + rest.length >= end) return false;
  const fits = rest.every(([from, to], index) => {
    const byte = bytes[at + 1 + index] as number;
    return byte >= from && byte <= to;
  });
  return fits && isWellFormed(bytes, at + 1 + rest.length, end);
}

/** Returns the bytes in parts: each sequence of `width` bytes is cut after `cut` of them. */
function cutAll(bytes: Uint8Array, width: number, cut: number): Bytes {
  const whole = pool.from(bytes);
  if (cut === 0) return whole;
  const parts = [whole.slice(0, cut)];
  for (let at = cut; at < bytes.length; at += width) {
    parts.push(whole.slice(at, Math.min(at + width, bytes.length)));
  }
  const [first, ...others] = parts as [Bytes, ...Bytes[]];
  const all = first.concat(...others);
  for (const part of [whole, ...parts]) part.release();
  return all;
}

/** Throws cheaper than `expect` returns, which is called some million times here. */
function mustBe(got: unknown, expected: unknown, bytes: Uint8Array, at: number): void {
  if (got !== expected) expect(got, `bytes at ${at} of ${bytes.slice(at, at + 4)}`).toBe(expected);
}

function refused(reader: Reader, width: number): boolean {
  try {
    reader.utf8(width);
  } catch (error) {
    return (error as { code: string }).code === "ERR_MALFORMED";
  }
  return false;
}

/**
 * Reads each sequence of `width` bytes, in one part and cut at the first `cuts` places. It does so
 * strictly for `strictCuts` of these, since an error takes ten times as long as a text.
 */
function compare(bytes: Uint8Array, width: number, strictCuts = width, cuts = width): void {
  const texts: string[] = [];
  const good: boolean[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    texts.push(replacing.decode(bytes.subarray(at, at + width)));
    good.push(isWellFormed(bytes, at, at + width));
  }
  for (let cut = 0; cut < cuts; cut++) {
    const source = cutAll(bytes, width, cut);
    const lenient = new Reader(source);
    const strict = new Reader(source, { strict: true });
    for (let index = 0; index < texts.length; index++) {
      const at = index * width;
      mustBe(lenient.utf8(width), texts[index], bytes, at);
      if (cut >= strictCuts) continue;
      if (good[index]) {
        mustBe(strict.utf8(width), texts[index], bytes, at);
      } else {
        mustBe(refused(strict, width), true, bytes, at);
        mustBe(strict.position, at, bytes, at);
        strict.skip(width);
      }
    }
    source.release();
  }
  expect(heap.stats().live.blocks).toBe(0);
}

/** Compares all sequences that have these bytes at these places, some thousand at a time. */
function compareAll(
  places: readonly (readonly number[])[],
  strictCuts?: number,
  cuts?: number,
): number {
  const width = places.length;
  const batch = new Uint8Array(2048 * width);
  const total = places.reduce((product, { length }) => product * length, 1);
  let used = 0;
  for (let index = 0; index < total; index++) {
    let rest = index;
    for (let place = width - 1; place >= 0; place--) {
      const bytes = places[place] as readonly number[];
      batch[used + place] = bytes[rest % bytes.length] as number;
      rest = Math.floor(rest / bytes.length);
    }
    used += width;
    if (used === batch.length || index === total - 1) {
      compare(batch.subarray(0, used), width, strictCuts, cuts);
      used = 0;
    }
  }
  return total;
}

beforeAll(() => {
  // Millions of errors are thrown here, and a stack takes longer than all else.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  return () => {
    Error.stackTraceLimit = limit;
  };
});

describe("sequences of bytes are read as TextDecoder reads them", () => {
  it("all of one byte, and all of two", () => {
    expect(compareAll([EVERY])).toBe(256);
    expect(compareAll([EVERY, EVERY])).toBe(65_536);
  });

  it("three and four: each class of bytes at each place", () => {
    compareAll([CLASSES, CLASSES, CLASSES]);
    const leads = CLASSES.filter((byte) => byte >= 0xe0 || byte === 0x41 || byte === 0xc2);
    const rest = CLASSES.filter((byte) => byte === 0x41 || (byte >= 0x7f && byte <= 0xc2));
    compareAll([leads, rest, rest, rest], 1);
  });

  deepIt("all of three", () => {
    for (const first of EVERY) {
      // Only these begin what has three bytes. The first 192 begin nothing.
      const cuts = first >= 0xe0 && first < 0xf0 ? 3 : 1;
      const strictCuts = first >= 0xc0 ? 1 : 0;
      expect(compareAll([[first], EVERY, EVERY], strictCuts, cuts)).toBe(65_536);
    }
  });

  deepIt("four: all of the first two, and each class of the others", () => {
    const ends = [0x41, 0x80, 0x90, 0xbf, 0xc0];
    for (const first of EVERY.slice(0xc0)) compareAll([[first], EVERY, ends, ends], 1);
    compareAll([CLASSES, CLASSES, CLASSES, CLASSES], 0);
  });

  it("what is well-formed is what the fatal decoder takes", () => {
    for (const bytes of [CLASSES.flatMap((a) => CLASSES.map((b) => [a, b])), [[]]].flat()) {
      const given = Uint8Array.from(bytes);
      let taken = true;
      try {
        fatal.decode(given);
      } catch {
        taken = false;
      }
      expect(isWellFormed(given, 0, given.length)).toBe(taken);
    }
  });

  it("within texts of any length, where one loop ends and another begins", () => {
    const kinds = ["é", "中", "😀", "\ufeff", "\xff", "\xc3", "\xe4\xb8", "\xf0\x9f\x98"];
    for (const kind of kinds) {
      const middle = kind.charCodeAt(0) > 0xff || kind === "é" ? encoder.encode(kind) : latin(kind);
      for (let length = 0; length < 60; length++) {
        for (const at of new Set([0, 1, length >> 1, length - 1, length].filter((n) => n >= 0))) {
          const bytes = new Uint8Array(length + middle.length).fill(0x61);
          bytes.set(middle, Math.min(at, length));
          compare(bytes, bytes.length);
        }
      }
    }
  });
});

const latin = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("texts are written as TextEncoder writes them", () => {
  it("all code points, and lone surrogates", () => {
    onHeap((small) => {
      const writer = new Writer(small);
      for (let point = 0; point <= 0x10ffff; point++) {
        const text = String.fromCodePoint(point);
        writer.utf8(text);
        const view = writer.view();
        const expected = encoder.encode(text);
        let isSame = view.length === expected.length;
        for (let at = 0; at < expected.length; at++) isSame &&= view[at] === expected[at];
        if (!isSame) expect([...view], point.toString(16)).toEqual([...expected]);
        writer.reset();
      }
      writer[Symbol.dispose]();
    });
  });

  it("surrogates in any order, in short texts and in long ones", () => {
    const units = ["a", "\x80", "\u07ff", "\u0800", "\ud800", "\udbff", "\udc00", "\udfff"];
    const pairs = units.flatMap((a) => units.map((b) => a + b));
    const texts = pairs.flatMap((a) => units.map((b) => a + b));
    onHeap((small) => {
      for (const grow of ["realloc", "chain"] as const) {
        const writer = new Writer(small, { grow, initial: 3 });
        for (const text of texts.flatMap((each) => [each, each.padStart(23), each.padEnd(40)])) {
          const expected = encoder.encode(text);
          writer.utf8(text);
          writer.utf8Prefixed("u16be", text);
          writer.utf8Terminated(text);
          const bytes = writer.finish();
          const reader = new Reader(bytes);
          expect(reader.copy(expected.length)).toEqual(expected);
          expect(reader.u16be()).toBe(expected.length);
          expect(reader.copy(expected.length)).toEqual(expected);
          expect(reader.utf8Terminated()).toBe(replacing.decode(expected));
          bytes.release();
        }
        writer[Symbol.dispose]();
      }
    });
  });
});
