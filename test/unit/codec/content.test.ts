import { describe, expect, it } from "vitest";
import { type Bytes, BytesPool } from "../../../src/buffers/index.js";
import { Reader, Writer } from "../../../src/codec/index.js";
import { wrong } from "../help.js";
import { everyCut, everyWay, onHeap, refusal } from "./support.js";

const ALL = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const UNITS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x3a9, 0xd7ff, 0xe000, 0xfeff, 0xfffd, 0xffff];
const PAIRS = [[0xd83d, 0xde00], [0xd800], [0xdfff], [0xdc00, 0xd800], [0xd800, 65]];
const WIDE = [...UNITS.map((unit) => [unit]), ...PAIRS].map((all) => String.fromCharCode(...all));
const LENGTHS = [0, 1, 2, 15, 16, 17, 24, 25, 63, 64, 65, 100, 4096, 4097, 9000];

describe("latin1", () => {
  it("every byte is its character, and back", () => {
    const text = String.fromCharCode(...ALL);
    everyWay(ALL, (reader) => {
      expect(reader.latin1(256)).toBe(text);
      expect(reader.remaining).toBe(0);
    });
    onHeap((heap) => {
      for (const grow of ["realloc", "chain"] as const) {
        const writer = new Writer(heap, { initial: 1, grow });
        writer.latin1(text);
        const bytes = writer.finish();
        expect(bytes.toUnshared()).toEqual(ALL);
        bytes.release();
        writer[Symbol.dispose]();
      }
    });
  });

  it.each(LENGTHS)("%i characters, ASCII and not", (length) => {
    for (const unit of ["a", "\x7f", "\x80", "\xff"]) {
      const text = "x".repeat(length && length - 1) + (length ? unit : "");
      const reader = new Reader(Buffer.from(text, "latin1"));
      expect(reader.latin1(length)).toBe(text);
      expect([reader.position, reader.ok]).toEqual([length, true]);
    }
  });

  it("a character that has no byte is refused with its position, and nothing is written", () => {
    onHeap((heap) => {
      const writer = new Writer(heap);
      writer.u16be(7);
      writer.bits(1, 1);
      for (const [text, index] of [
        ["\u0100", 0],
        ["abc\uffff", 3],
        ["\xff\u{1f600}", 1],
      ] as const) {
        const { details } = refusal(() => writer.latin1(text), "ERR_OUT_OF_RANGE");
        expect([details.position, details.got]).toEqual([3 + index, text.charCodeAt(index)]);
      }
      writer.bits(3, 2);
      expect([...writer.view()]).toEqual([0, 7, 0b11100000]);
      for (const text of [1, null, {}, Symbol("a")].map(wrong<string>)) {
        refusal(() => writer.latin1(text), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.utf16le(text), "ERR_INVALID_ARGUMENT");
      }
      writer[Symbol.dispose]();
    });
  });
});

describe("utf16le", () => {
  it.each(WIDE)("%j, also if it is a lone surrogate", (text) => {
    const expected = Buffer.from(text, "utf16le");
    onHeap((heap) => {
      const writer = new Writer(heap, { initial: 1, grow: "chain" });
      writer.utf16le(`ab${text}`);
      const bytes = writer.finish();
      expect(bytes.toUnshared().subarray(4)).toEqual(new Uint8Array(expected));
      bytes.release();
      writer[Symbol.dispose]();
    });
    everyCut(Uint8Array.of(...expected, 9), (reader) => {
      expect(reader.utf16le(expected.length)).toBe(text);
      expect(reader.u8()).toBe(9);
    });
  });

  it.each(LENGTHS)("%i units", (length) => {
    const text = "Ω".repeat(length);
    const reader = new Reader(Buffer.from(text, "utf16le"));
    expect(reader.utf16le(2 * length)).toBe(text);
    expect([reader.remaining, reader.ok]).toEqual([0, true]);
  });

  it.each(WIDE)("%j within long texts", (text) => {
    for (const long of [text.padEnd(70, "é"), text.padStart(4097, "é"), text.repeat(3000)]) {
      const reader = new Reader(Buffer.from(long, "utf16le"));
      expect(reader.utf16le(2 * long.length)).toBe(long);
    }
  });

  it("an odd count is refused, also when its bytes are missing", () => {
    everyWay(Uint8Array.of(1, 2, 3, 4), (reader) => {
      reader.u8();
      for (const count of [1, 3, 99]) {
        const { details } = refusal(() => reader.utf16le(count), "ERR_OUT_OF_RANGE");
        expect([details.position, details.got]).toEqual([1, count]);
      }
      expect([reader.position, reader.missing]).toEqual([1, 0]);
    });
  });
});

it("latin1 and utf16le: what is missing, and what is no count", () => {
  everyWay(Uint8Array.of(65, 66, 67), (reader) => {
    for (const name of ["latin1", "utf16le"] as const) {
      for (const count of [-1, 0.5, Number.NaN, wrong<number>("1"), wrong<number>(1n)]) {
        refusal(() => reader[name](count), "ERR_OUT_OF_RANGE");
      }
      expect([reader[name](10), reader.missing, reader.position]).toEqual(["", 7, 0]);
      expect([reader[name](2), reader.latin1(0)]).toEqual(["", ""]);
      reader.rewind();
      expect([reader[name](0), reader.ok]).toEqual(["", true]);
    }
  });
  onHeap((heap) => {
    const gone: Bytes = new BytesPool(heap).from("gone");
    const reader = new Reader(gone);
    gone.release();
    for (const name of ["latin1", "utf16le"] as const) {
      refusal(() => reader[name](2), "ERR_RELEASED");
    }
    refusal(() => reader.crc32(0, 1), "ERR_RELEASED");
  });
});
