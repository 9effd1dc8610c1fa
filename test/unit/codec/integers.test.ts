import { describe, expect, it } from "vitest";
import { type Reader, Writer } from "../../../src/codec/index.js";
import { everyCut, everyWay, onHeap, refusal } from "./support.js";

/** LEB128 by division: 7 bits at a time, until the rest is 0, or is the sign of a signed one. */
function leb(value: bigint, isSigned: boolean): number[] {
  const bytes: number[] = [];
  for (let left = value; ; ) {
    const low = Number(BigInt.asUintN(7, left));
    left >>= 7n;
    const isLast = isSigned ? left === (low < 64 ? 0n : -1n) : left === 0n;
    bytes.push(isLast ? low : low + 128);
    if (isLast) return bytes;
  }
}

/** Two's complement of 64 bits. */
function fixed(value: bigint, isLittle: boolean): number[] {
  const digits = BigInt.asUintN(64, value).toString(16).padStart(16, "0");
  const bytes = (digits.match(/../g) ?? []).map((two) => Number.parseInt(two, 16));
  return isLittle ? bytes.reverse() : bytes;
}

const zigzag = (value: bigint): bigint => (value < 0n ? -2n * value - 1n : 2n * value);
const unsigned = (value: bigint): bigint => BigInt.asUintN(64, value);

const SAFE = 2n ** 53n - 1n;
const I32 = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const I64 = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const U64 = [0n, 2n ** 64n - 1n] as const;

/** Powers of two and their neighbours, and one value within each length. */
const EDGES: readonly bigint[] = [
  ...new Set(
    Array.from({ length: 65 }, (_, bits) => 2n ** BigInt(bits)).flatMap((edge) =>
      [edge - 1n, edge, edge + 1n, (edge * 3n) / 2n].flatMap((value) => [value, -value]),
    ),
  ),
];

interface Kind {
  /** The least and the most value that the bytes can say. */
  readonly range: readonly [bigint, bigint];
  /** Whether the methods take and give numbers. */
  readonly isNumber: boolean;
  encode(value: bigint): number[];
}

const KINDS = {
  int32: { range: I32, isNumber: true, encode: (value) => leb(unsigned(value), false) },
  int64: { range: I64, isNumber: false, encode: (value) => leb(unsigned(value), false) },
  sleb32: { range: I32, isNumber: true, encode: (value) => leb(value, true) },
  sleb64: { range: I64, isNumber: false, encode: (value) => leb(value, true) },
  varint64: { range: U64, isNumber: false, encode: (value) => leb(value, false) },
  zigzag64: { range: I64, isNumber: false, encode: (value) => leb(zigzag(value), false) },
  varint64Number: { range: U64, isNumber: true, encode: (value) => leb(value, false) },
  int64Number: { range: I64, isNumber: true, encode: (value) => leb(unsigned(value), false) },
  zigzag64Number: { range: I64, isNumber: true, encode: (value) => leb(zigzag(value), false) },
  sleb64Number: { range: I64, isNumber: true, encode: (value) => leb(value, true) },
  u64leNumber: { range: U64, isNumber: true, encode: (value) => fixed(value, true) },
  u64beNumber: { range: U64, isNumber: true, encode: (value) => fixed(value, false) },
  i64leNumber: { range: I64, isNumber: true, encode: (value) => fixed(value, true) },
  i64beNumber: { range: I64, isNumber: true, encode: (value) => fixed(value, false) },
} satisfies Readonly<Record<string, Kind>>;

type Name = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Name[];

const inRange = ({ range: [least, most] }: Kind): bigint[] =>
  EDGES.filter((value) => value >= least && value <= most);
const isSafe = (value: bigint): boolean => value >= -SAFE && value <= SAFE;

function write(writer: Writer, name: Name, value: number | bigint): void {
  (writer[name] as (value: number | bigint) => void)(value);
}

describe.each(NAMES)("%s", (name) => {
  const kind: Kind = KINDS[name];
  const given = (value: bigint): number | bigint => (kind.isNumber ? Number(value) : value);

  it("is written as the reference does", () => {
    onHeap((heap) => {
      for (const grow of ["realloc", "chain"] as const) {
        const writer = new Writer(heap, { initial: 1, grow });
        for (const value of inRange(kind)) {
          if (kind.isNumber && !isSafe(value)) continue;
          write(writer, name, given(value));
          const bytes = writer.finish();
          expect([...bytes], String(value)).toEqual(kind.encode(value));
          bytes.release();
        }
        writer[Symbol.dispose]();
      }
    });
  });

  it("a value that it does not take leaves the writer as it was", () => {
    onHeap((heap) => {
      const writer = new Writer(heap);
      writer.u8(1);
      const [least, most] = kind.range;
      const wrong = EDGES.filter((value) => {
        return value < least || value > most || (kind.isNumber && !isSafe(value));
      }).map(given);
      for (const value of [...wrong, 0.5, Number.NaN, Infinity, kind.isNumber ? 5n : 5]) {
        const error = refusal(() => write(writer, name, value), "ERR_OUT_OF_RANGE");
        expect(error.details.position).toBe(1);
      }
      expect([...writer.view()]).toEqual([1]);
      writer[Symbol.dispose]();
    });
  });

  it("is read, wherever it is cut, and if it is no safe number it is refused", () => {
    for (const value of inRange(kind)) {
      const bytes = kind.encode(value);
      everyCut(Uint8Array.of(9, ...bytes, 8), (reader) => {
        expect(reader.u8()).toBe(9);
        if (kind.isNumber && !isSafe(value)) {
          const error = refusal(() => reader[name](), "ERR_TOO_LARGE");
          expect(error.details.position).toBe(1);
          expect([reader.position, reader.ok, reader.peek()]).toEqual([1, true, bytes[0]]);
        } else {
          expect(reader[name](), String(value)).toBe(given(value));
          expect([reader.u8(), reader.remaining, reader.ok]).toEqual([8, 0, true]);
        }
      });
    }
  });

  it("is missing at each byte", () => {
    const isFixed = name.includes("64le") || name.includes("64be");
    const all = inRange(kind).map((value) => kind.encode(value));
    for (const bytes of new Map(all.map((each) => [each.length, each])).values()) {
      for (let there = 0; there < bytes.length; there++) {
        everyWay(Uint8Array.of(9, ...bytes.slice(0, there)), (reader) => {
          reader.u8();
          expect(reader[name]()).toBe(kind.isNumber ? 0 : 0n);
          expect(reader.missing).toBe(isFixed ? 8 - there : 1);
          expect([reader.position, reader.ok, reader[name]()]).toEqual([1, false, given(0n)]);
        });
      }
    }
  });
});

describe("LEB128 of other encoders", () => {
  const read = (bytes: readonly number[], action: (reader: Reader) => void): void =>
    everyCut(Uint8Array.from(bytes), action);

  it("int32: negative ones of 5 bytes, and what has more than 32 bits", () => {
    for (const [bytes, value] of [
      [[0xf1, 0xff, 0xff, 0xff, 0x0f], -15],
      [[0xf1, 0xff, 0xff, 0xff, 0x7f], -15],
      [[0x80, 0x80, 0x80, 0x80, 0x08], -(2 ** 31)],
      [[0x80, 0x80, 0x80, 0x80, 0x10], 0],
      [[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], 1],
      [[0x83, 0x80, 0x80, 0], 3],
    ] as const) {
      read(bytes, (reader) => expect([reader.int32(), reader.remaining]).toEqual([value, 0]));
    }
  });

  it.each([
    ["sleb32", 5, 0x07, 0x78],
    ["sleb64", 10, 0x00, 0x7f],
    ["sleb64Number", 10, 0x00, 0x7f],
  ] as const)("%s: its %i bytes, with any last one", (name, length, low, high) => {
    for (const fill of [0x80, 0xff]) {
      for (let last = 0; last < 256; last++) {
        const bytes = [...new Array<number>(length - 1).fill(fill), last];
        read([...bytes, 0], (reader) => {
          if (last <= low || (last >= high && last < 0x80)) {
            const all = BigInt(last) << BigInt(7 * (length - 1));
            const rest = fill === 0x80 ? 0n : 2n ** BigInt(7 * (length - 1)) - 1n;
            const value = BigInt.asIntN(7 * length, all + rest);
            if (name === "sleb64Number" && !isSafe(value)) {
              refusal(() => reader[name](), "ERR_TOO_LARGE");
            } else {
              expect(BigInt(reader[name]())).toBe(value);
              expect(reader.remaining).toBe(1);
            }
          } else {
            const { position } = refusal(() => reader[name](), "ERR_MALFORMED").details;
            expect([position, reader.position, reader.ok]).toEqual([0, 0, true]);
          }
        });
      }
    }
  });

  it("signed ones with more bytes than they need", () => {
    for (let pad = 0; pad < 4; pad++) {
      const ones = new Array<number>(pad).fill(0xff);
      const zeros = new Array<number>(pad).fill(0x80);
      read([...ones, 0x7f], (reader) => expect(reader.sleb32()).toBe(-1));
      read([0xc0, ...ones, 0x7f], (reader) => expect(reader.sleb64()).toBe(-64n));
      read([0xc0, ...zeros, 0], (reader) => expect(reader.sleb32()).toBe(64));
    }
  });

  it.each(NAMES.filter((name) => KINDS[name].encode(1n).length === 1 || name.startsWith("zig")))(
    "%s: one that does not end",
    (name) => {
      for (const fill of [0x80, 0xff, 0xaa]) {
        read(new Array<number>(12).fill(fill), (reader) => {
          refusal(() => reader[name](), "ERR_MALFORMED");
          expect([reader.position, reader.ok]).toEqual([0, true]);
        });
      }
    },
  );
});
