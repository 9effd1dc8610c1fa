import * as zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Bytes, BytesPool } from "../../../src/buffers/index.js";
import { crc32, crc32c, Reader, Writer } from "../../../src/codec/index.js";
import { itIf } from "../../support/deep.js";
import { wrong } from "../help.js";
import { everyCut, onHeap, refusal, singles } from "./support.js";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One bit at a time, as the definition says. */
function slow(polynomial: number, bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0);
  }
  return ~crc >>> 0;
}

const KINDS = [
  ["crc32", crc32, 0xedb88320],
  ["crc32c", crc32c, 0x82f63b78],
] as const;

/** Bytes without a pattern, the same ones each time. */
function mixed(length: number): Uint8Array {
  let state = length + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
}

it.each([
  ["", 0, 0],
  ["a", 0xe8b7be43, 0xc1d04330],
  ["123456789", 0xcbf43926, 0xe3069283],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339, 0x22620404],
])("known values of %j", (text, ieee, castagnoli) => {
  expect([crc32(ascii(text)), crc32c(ascii(text))]).toEqual([ieee, castagnoli]);
});

it("values of RFC 3720", () => {
  const up = Uint8Array.from({ length: 32 }, (_, index) => index);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(up)).toBe(0x46dd794e);
  expect(crc32c(up.slice().reverse())).toBe(0x113fdb5c);
});

describe.each(KINDS)("%s", (name, crc, polynomial) => {
  it("is that of the definition, for each length, from each offset", () => {
    const bytes = mixed(80);
    for (let from = 0; from < 9; from++) {
      for (let to = from; to <= bytes.length; to++) {
        const some = bytes.subarray(from, to);
        expect(crc(some), `${from} to ${to}`).toBe(slow(polynomial, some));
      }
    }
  });

  it("goes on with what follows", () => {
    const bytes = mixed(50);
    for (let cut = 0; cut <= 50; cut++) {
      expect(crc(bytes.subarray(cut), crc(bytes.subarray(0, cut)))).toBe(crc(bytes));
    }
  });

  it("of Bytes in one part and in many, of slices, and of a reader, wherever it is cut", () => {
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      const bytes = mixed(40);
      for (const source of [pool.from(bytes), singles(pool, bytes)]) {
        expect(crc(source)).toBe(crc(bytes));
        const slice = source.slice(3, 30);
        expect(crc(slice)).toBe(crc(bytes.subarray(3, 30)));
        const reader = new Reader<Bytes>(source);
        reader.reset(source, 5, 20);
        expect(reader[name](2, 11)).toBe(crc(bytes.subarray(7, 16)));
        slice.release();
        source.release();
      }
      const none = pool.from("");
      expect(crc(none)).toBe(0);
      none.release();
    });
    const few = mixed(19);
    everyCut(few, (reader) => {
      for (let from = 0; from <= 19; from += 3) {
        for (let to = from; to <= 19; to += 2) {
          expect(reader[name](from, to)).toBe(crc(few.subarray(from, to)));
        }
      }
      reader.u32be();
      expect([reader[name](0, 19), reader.position]).toEqual([crc(few), 4]);
    });
  });

  it("refuses what it cannot read", () => {
    for (const previous of [-1, 2 ** 32, 0.5, wrong<number>("1"), wrong<number>(1n)]) {
      refusal(() => crc(new Uint8Array(3), previous), "ERR_OUT_OF_RANGE");
    }
    const gone = new Uint8Array(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    for (const source of [
      undefined,
      null,
      "text",
      [1],
      new ArrayBuffer(4),
      new Uint16Array(4),
      gone,
    ]) {
      refusal(() => crc(wrong<Uint8Array>(source)), "ERR_INVALID_ARGUMENT");
    }
    onHeap((heap) => {
      const bytes = new BytesPool(heap).from("gone");
      bytes.release();
      refusal(() => crc(bytes), "ERR_RELEASED");
    });
  });
});

describe.each(KINDS)("%s of readers and writers", (name, crc) => {
  it("of what was written, in each part", () => {
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      const bytes = mixed(60);
      const middle = pool.from(bytes.subarray(20, 40));
      for (const grow of ["realloc", "chain"] as const) {
        const writer = new Writer(heap, { grow, initial: 7 });
        expect(writer[name]()).toBe(0);
        for (const byte of bytes.subarray(0, 20)) writer.u8(byte);
        writer.append(middle);
        for (const byte of bytes.subarray(40)) writer.u8(byte);
        expect(writer[name]()).toBe(crc(bytes));
        for (let from = 0; from <= 60; from += 4) {
          for (let to = from; to <= 60; to += 3) {
            expect(writer[name](from, to)).toBe(crc(bytes.subarray(from, to)));
          }
        }
        for (const [from, to] of [
          [0, 61],
          [-1, 3],
          [5, 4],
          [0.5, 3],
        ] as const) {
          refusal(() => writer[name](from, to), "ERR_OUT_OF_RANGE");
        }
        writer[Symbol.dispose]();
        expect(writer[name]()).toBe(0);
      }
      middle.release();
    });
  });

  it("a reader that has not got the bytes is short of them, and 0", () => {
    everyCut(mixed(10), (reader) => {
      for (const [from, to] of [
        [-1, 3],
        [4, 3],
        [0, 0.5],
        [11, 10],
      ] as const) {
        refusal(() => reader[name](from, to), "ERR_OUT_OF_RANGE");
      }
      expect([reader[name](3, 14), reader.missing, reader.position]).toEqual([0, 4, 0]);
      expect([reader[name](0, 4), reader.missing]).toEqual([0, 4]);
      reader.rewind();
      expect(reader[name](0, 10)).toBe(crc(mixed(10)));
    });
  });
});

/** Node has it since 20.15. */
const ofNode = (zlib as { crc32?: (bytes: Uint8Array, previous?: number) => number }).crc32;

itIf(ofNode !== undefined)("crc32 is that of zlib", () => {
  for (const length of [0, 1, 7, 8, 9, 1000, 100_003]) {
    const bytes = mixed(length);
    expect(crc32(bytes)).toBe(ofNode?.(bytes));
    // Of no bytes after others zlib has 0.
    const next = length === 0 ? 5 : ofNode?.(bytes, 5);
    expect(crc32(bytes, 5)).toBe(next);
  }
});
