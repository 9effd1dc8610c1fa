import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Writer } from "../../../src/codec/index.js";
import { wrong } from "../help.js";
import { onHeap, refusal } from "./support.js";

type Write = (writer: Writer) => void;

const WIDTHS = [16, 24, 32] as const;
const ORDERS = ["le", "be"] as const;
type Field = "u16le" | "f32le";

function field(name: string, value: number | bigint): Write {
  return (writer) => writer[name as Field](wrong(value));
}

/** For each method the value that takes the most room, and how many bytes it takes. */
const WRITES: readonly (readonly [name: string, bytes: number, write: Write])[] = [
  ["u8", 1, field("u8", 1)],
  ["i8", 1, field("i8", 1)],
  ...WIDTHS.flatMap((bits) =>
    ORDERS.flatMap((order) =>
      ["u", "i"].map((sign) => {
        const name = `${sign}${bits}${order}`;
        return [name, bits / 8, field(name, 1)] as const;
      }),
    ),
  ),
  ...["u64le", "u64be", "i64le", "i64be"].map((name) => [name, 8, field(name, 1n)] as const),
  ...["f32le", "f32be"].map((name) => [name, 4, field(name, 1)] as const),
  ...["f64le", "f64be"].map((name) => [name, 8, field(name, 1)] as const),
  ["varint32 of a byte", 1, field("varint32", 127)],
  ["varint32", 5, field("varint32", 2 ** 32 - 1)],
  ["varint64", 10, field("varint64", 2n ** 64n - 1n)],
  ["zigzag32", 5, field("zigzag32", -(2 ** 31))],
  ["zigzag64", 10, field("zigzag64", -(2n ** 63n))],
  ["quic", 8, field("quic", Number.MAX_SAFE_INTEGER)],
  ["quic64", 8, field("quic64", 2n ** 62n - 1n)],
  ["utf8", 5, (writer) => writer.utf8("short")],
  ["utf8, long", 100, (writer) => writer.utf8("x".repeat(100))],
  ["utf8, not ASCII", 5, (writer) => writer.utf8("grün")],
  ["utf8Prefixed u8", 6, (writer) => writer.utf8Prefixed("u8", "short")],
  ["utf8Prefixed varint", 6, (writer) => writer.utf8Prefixed("varint", "short")],
  ["utf8Prefixed u8, not ASCII", 6, (writer) => writer.utf8Prefixed("u8", "grün")],
  ["utf8Prefixed u32be", 9, (writer) => writer.utf8Prefixed("u32be", "short")],
  ["utf8Terminated", 6, (writer) => writer.utf8Terminated("short")],
  ["bytes, few", 5, (writer) => writer.bytes(new Uint8Array(5))],
  ["bytes", 9, (writer) => writer.bytes(new Uint8Array(9))],
  ["bytesPrefixed", 11, (writer) => writer.bytesPrefixed("u16le", new Uint8Array(9))],
  ["reserve", 7, (writer) => writer.reserve(7)],
  ["bits", 3, (writer) => writer.bits(0x1ffff, 17)],
];

describe.each(["realloc", "chain"] as const)("the last bytes of a writer by %s", (grow) => {
  it.each(WRITES)("%s takes %i", (_name, bytes, write) => {
    onHeap((heap) => {
      for (const room of [0, bytes - 1, bytes, bytes + 1]) {
        const writer = new Writer(heap, { grow, maximum: 1 + room });
        writer.u8(7);
        if (room < bytes) refusal(() => write(writer), "ERR_TOO_LARGE");
        else write(writer);
        expect(writer.length).toBe(room < bytes ? 1 : 1 + bytes);
        expect(writer.view()[0]).toBe(7);
        writer[Symbol.dispose]();
      }
    });
  });
});

it.each(["ü", "\u0080", "\u00ff", "grün", "ascii, then \u0100", "\u{1f600}", "x\ud800"])(
  "a short text with room is UTF-8 also where it is not ASCII: %j",
  (text) => {
    onHeap((heap) => {
      const encoded = [...new TextEncoder().encode(text)];
      const writer = new Writer(heap);
      const writes: readonly (readonly [write: Write, expected: number[]])[] = [
        [(to) => to.utf8(text), encoded],
        [(to) => to.utf8Prefixed("u8", text), [encoded.length, ...encoded]],
        [(to) => to.utf8Prefixed("varint", text), [encoded.length, ...encoded]],
        [(to) => to.utf8Terminated(text), [...encoded, 0]],
      ];
      for (const [write, expected] of writes) {
        writer.reset();
        writer.u8(7);
        write(writer);
        expect([...writer.view()]).toEqual([7, ...expected]);
      }
      writer[Symbol.dispose]();
    });
  },
);

describe("arrays of bytes", () => {
  it.each([3, 30])("of another realm are copied: %i", (length) => {
    onHeap((heap) => {
      const bytes = runInNewContext(`Uint8Array.from({ length: ${length} }, (_, i) => i)`);
      const writer = new Writer(heap);
      writer.bytes(wrong(bytes));
      writer.bytesPrefixed("u8", wrong(bytes));
      const expected = Array.from({ length }, (_, index) => index);
      expect([...writer.view()]).toEqual([...expected, length, ...expected]);
      writer[Symbol.dispose]();
    });
  });

  it.each(["realloc", "chain"] as const)("whose buffer was detached are refused, by %s", (grow) => {
    onHeap((heap) => {
      const writer = new Writer(heap, { grow, initial: 16 });
      for (let count = 0; count < 15; count++) writer.u8(0);
      writer.bits(1, 1);
      const bytes = new Uint8Array(16);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      refusal(() => writer.bytes(bytes), "ERR_INVALID_ARGUMENT");
      refusal(() => writer.bytesPrefixed("u16be", bytes), "ERR_INVALID_ARGUMENT");
      writer.bits(1, 1);
      expect([writer.length, writer.view()[15]]).toEqual([16, 0xc0]);
      writer[Symbol.dispose]();
    });
  });

  it("whose slices are of another kind are copied, too", () => {
    class Odd extends Uint8Array {
      static get [Symbol.species](): never {
        return wrong(Array);
      }
    }
    onHeap((heap) => {
      const writer = new Writer(heap, { grow: "chain", initial: 16 });
      writer.u8(7);
      writer.bytes(new Odd(300).fill(5));
      const bytes = writer.finish();
      expect([...bytes.toUnshared()]).toEqual([7, ...new Uint8Array(300).fill(5)]);
      bytes.release();
      writer[Symbol.dispose]();
    });
  });
});
