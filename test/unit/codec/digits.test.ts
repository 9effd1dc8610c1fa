import { describe, expect, it } from "vitest";
import { Writer } from "../../../src/codec/index.js";
import { everyWay, onHeap, refusal } from "./support.js";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const MOST = Number.MAX_SAFE_INTEGER;
const values = [
  ...[0, 1, 9, 10, 42, 999, 1e5, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 1e14, 1e15 - 1, 1e15, 1e15 + 1],
  ...[MOST - 1, MOST],
];

describe("decimal and hex are read", () => {
  it.each(["", "\r\n", " ", "/", ":", "x", "\0", "\xff"])("with %j behind them", (behind) => {
    for (const value of values) {
      for (const zeros of ["", "0", "0".repeat(14)]) {
        const minus = [-value, `-${zeros}${value}`] as const;
        for (const [expected, digits] of [[value, `${zeros}${value}`], minus] as const) {
          everyWay(text(digits + behind), (reader) => {
            expect(reader.decimal(), digits).toBe(expected + 0);
            expect([reader.position, reader.ok]).toEqual([digits.length, true]);
          });
        }
      }
    }
  });

  it.each(["", "\r\n", ";", "g", "G", "/", ":", "@", "`", "\xff"])("hex before %j", (behind) => {
    for (const value of values) {
      const low = value.toString(16);
      for (const digits of [low, low.toUpperCase(), `000${low}`]) {
        everyWay(text(digits + behind), (reader) => {
          expect(reader.hex(), digits).toBe(value);
          expect([reader.position, reader.ok]).toEqual([digits.length, true]);
        });
      }
    }
  });

  it("any byte ends them that is no digit, and nothing else does", () => {
    for (let byte = 0; byte < 256; byte++) {
      const char = byte < 128 ? String.fromCharCode(byte) : "";
      everyWay(bytes(49, byte), (reader) => {
        expect(reader.decimal()).toBe(/[0-9]/.test(char) ? 10 + Number(char) : 1);
        reader.rewind();
        const isHex = /[0-9a-fA-F]/.test(char);
        expect(reader.hex()).toBe(isHex ? 16 + Number.parseInt(char, 16) : 1);
      });
    }
  });
});

describe("decimal and hex that are none", () => {
  it("too large: at once, with the position, and nothing moves", () => {
    for (const [name, digits] of [
      ["decimal", "9007199254740992"],
      ["decimal", "-9007199254740992"],
      ["decimal", "99999999999999999999"],
      ["decimal", "0".repeat(33)],
      ["decimal", `${"0".repeat(32)}1`],
      ["hex", "20000000000000"],
      ["hex", "ffffffffffffffff"],
      ["hex", "0".repeat(100)],
    ] as const) {
      everyWay(text(`+${digits}\r\n`), (reader) => {
        reader.u8();
        expect(refusal(() => reader[name](), "ERR_TOO_LARGE").details.position).toBe(1);
        expect([reader.position, reader.missing]).toEqual([1, 0]);
      });
    }
  });

  it("no digit is malformed; nothing, or a minus alone, is a short read", () => {
    for (const [name, given] of [
      ["decimal", "\r\n"],
      ["decimal", "-\r\n"],
      ["decimal", "--1"],
      ["decimal", "+1"],
      ["decimal", "a"],
      ["hex", "-1"],
      ["hex", "g"],
    ] as const) {
      everyWay(text(`x${given}`), (reader) => {
        reader.u8();
        expect(refusal(() => reader[name](), "ERR_MALFORMED").details.position).toBe(1);
        expect([reader.position, reader.missing]).toEqual([1, 0]);
      });
    }
    for (const [name, given] of [
      ["decimal", "x"],
      ["decimal", "x-"],
      ["hex", "x"],
    ] as const) {
      everyWay(text(given), (reader) => {
        reader.u8();
        expect([reader[name](), reader.missing, reader.position]).toEqual([0, 1, 1]);
      });
    }
  });
});

describe("decimal and hex are written", () => {
  /** Both sides of each power of 2 and of 10. */
  const all = [2, 10].flatMap((base) =>
    Array.from({ length: 54 }, (_, power) => base ** power)
      .flatMap((edge) => [edge - 1, edge, edge + 1])
      .filter((value) => value <= MOST),
  );

  it.each(["realloc", "chain"] as const)("as the engine writes them: %s", (grow) => {
    onHeap((heap) => {
      const writer = new Writer(heap, { grow, initial: 1 });
      for (const value of all) {
        for (const [write, expected] of [
          [() => writer.decimal(value), String(value)],
          [() => writer.decimal(-value), String(0 - value)],
          [() => writer.hex(value), value.toString(16)],
        ] as const) {
          write();
          const written = writer.finish();
          expect(written.toString()).toBe(expected);
          written.release();
        }
      }
      writer[Symbol.dispose]();
    });
  });

  it("a value that is no safe integer is refused, and nothing is written", () => {
    onHeap((heap) => {
      const writer = new Writer(heap);
      writer.u8(1);
      for (const value of [0.5, Number.NaN, Infinity, MOST + 1, -MOST - 1]) {
        for (const name of ["decimal", "hex"] as const) {
          const error = refusal(() => writer[name](value), "ERR_OUT_OF_RANGE");
          expect(error.details.position).toBe(1);
        }
      }
      refusal(() => writer.hex(-1), "ERR_OUT_OF_RANGE");
      expect(writer.length).toBe(1);
      const few = new Writer(heap, { maximum: 3 });
      refusal(() => few.decimal(-123), "ERR_TOO_LARGE");
      refusal(() => few.hex(0x1000), "ERR_TOO_LARGE");
      few.decimal(-12);
      expect([...few.view()]).toEqual([45, 49, 50]);
      few[Symbol.dispose]();
      writer[Symbol.dispose]();
    });
  });
});
