import { describe, expect, it } from "vitest";
import { BytesPool } from "../../../src/buffers/index.js";
import { Reader } from "../../../src/codec/index.js";
import { wrong } from "../help.js";
import { everyWay, onHeap, refusal } from "./support.js";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

describe("malformed data", () => {
  const tooLong = [
    ["varint32", [128, 128, 128, 128, 16], "a varint of at most 32 bits in 5 bytes"],
    ["varint32", [255, 255, 255, 255, 255, 1], "a varint of at most 32 bits in 5 bytes"],
    ["zigzag32", [255, 255, 255, 255, 31], "a varint of at most 32 bits in 5 bytes"],
    ["varint64", [...new Array(9).fill(128), 2], "a varint of at most 64 bits in 10 bytes"],
    ["zigzag64", new Array(11).fill(255), "a varint of at most 64 bits in 10 bytes"],
  ] as const;

  it.each(tooLong)("%s of %j", (name, values, expected) => {
    everyWay(bytes(7, ...values, 0), (reader) => {
      expect(reader.u8()).toBe(7);
      const error = refusal(() => reader[name](), "ERR_MALFORMED");
      expect(error.details).toEqual({ position: 1, expected });
      expect([reader.position, reader.missing]).toEqual([1, 0]);
      expect(reader.u8()).toBe(values[0]);
    });
  });

  it("varints with more bytes than they need are read", () => {
    everyWay(bytes(0x81, 0x80, 0, 0x81, 0x80, 0x80, 0x80, 0, 5), (reader) => {
      expect([reader.varint32(), reader.varint64(), reader.u8()]).toEqual([1, 1n, 5]);
    });
  });

  it("a QUIC integer that is no safe integer", () => {
    everyWay(bytes(0xc0, 0x20, 0, 0, 0, 0, 0, 0), (reader) => {
      const error = refusal(() => reader.quic(), "ERR_TOO_LARGE");
      expect(error.details).toEqual({ position: 0, got: 2 ** 53, most: 2 ** 53 - 1 });
      expect(reader.position).toBe(0);
      expect(reader.quic64()).toBe(2n ** 53n);
    });
  });

  it("UTF-8, if the reader is strict", () => {
    const input = bytes(1, 2, 0x61, 0xff, 0);
    everyWay(input, (reader) => {
      reader.u8();
      if (!reader.isStrict) {
        expect(reader.utf8Prefixed("u8")).toBe("a\ufffd");
        reader.rewind();
        reader.skip(2);
        expect([reader.utf8Terminated(), reader.remaining]).toEqual(["a\ufffd", 0]);
        return;
      }
      const error = refusal(() => reader.utf8Prefixed("u8"), "ERR_MALFORMED");
      expect(error.details).toEqual({ position: 2, expected: "UTF-8" });
      expect(reader.position).toBe(1);
      reader.skip(1);
      refusal(() => reader.utf8(2), "ERR_MALFORMED");
      refusal(() => reader.utf8Terminated(), "ERR_MALFORMED");
      expect([reader.position, reader.utf8(1)]).toEqual([2, "a"]);
    });
  });

  it("lengths above the maximum, before their bytes have come", () => {
    const reader = new Reader(bytes(9, 5, 65, 66), { maximum: 4 });
    reader.u8();
    for (const kind of ["u8", "varint", "quic"] as const) {
      const error = refusal(() => reader.utf8Prefixed(kind), "ERR_TOO_LARGE");
      expect(error.details).toEqual({ position: 1, got: 5, most: 4 });
      refusal(() => reader.bytesPrefixed(kind), "ERR_TOO_LARGE");
    }
    expect([reader.position, reader.missing]).toEqual([1, 0]);
    expect(reader.utf8Prefixed("u8", 5)).toBe("");
    expect(reader.missing).toBe(3);
    const text = new Reader(bytes(65, 66, 67, 0));
    refusal(() => text.utf8Terminated(0, 2), "ERR_TOO_LARGE");
    expect(text.utf8Terminated(0, 3)).toBe("ABC");
    refusal(() => new Reader(bytes(65, 66, 67)).utf8Terminated(0, 2), "ERR_TOO_LARGE");
  });
});

it("wrong arguments", () => {
  const reader = new Reader(bytes(1, 2, 3));
  for (const count of [-1, 0.5, Number.NaN, ...["1", 1n, Symbol("one")].map(wrong<number>)]) {
    refusal(() => reader.skip(count), "ERR_OUT_OF_RANGE");
    refusal(() => reader.copy(count), "ERR_OUT_OF_RANGE");
    refusal(() => reader.bytes(count), "ERR_OUT_OF_RANGE");
    refusal(() => reader.utf8(count), "ERR_OUT_OF_RANGE");
    refusal(() => reader.bits(count), "ERR_OUT_OF_RANGE");
  }
  refusal(() => reader.bits(33), "ERR_OUT_OF_RANGE");
  refusal(() => reader.utf8Terminated(128), "ERR_OUT_OF_RANGE");
  refusal(() => reader.utf8Prefixed(wrong<"u8">("u64")), "ERR_INVALID_ARGUMENT");
  refusal(() => new Reader(wrong<Uint8Array>([1])), "ERR_INVALID_ARGUMENT");
  refusal(() => new Reader(wrong<Uint8Array>(new Uint16Array(2))), "ERR_INVALID_ARGUMENT");
  refusal(() => new Reader(bytes(1), { maximum: -1 }), "ERR_INVALID_ARGUMENT");
  for (const odd of [null, undefined, 5, "a", {}, { buffer: null }]) {
    refusal(() => new Reader(wrong<Uint8Array>(odd)), "ERR_INVALID_ARGUMENT");
    refusal(() => reader.copyTo(wrong<Uint8Array>(odd)), "ERR_INVALID_ARGUMENT");
  }
  refusal(() => new Reader(bytes(1, 65)).utf8Prefixed("u8", Number.NaN), "ERR_INVALID_ARGUMENT");
  refusal(() => new Reader(bytes(1, 65)).bytesPrefixed("u8", Number.NaN), "ERR_INVALID_ARGUMENT");
  refusal(() => new Reader(bytes(65, 0)).utf8Terminated(0, Number.NaN), "ERR_INVALID_ARGUMENT");
  for (const odd of [null, 5, "a"]) {
    refusal(() => new Reader(bytes(1), wrong<object>(odd)), "ERR_INVALID_ARGUMENT");
  }
  expect([reader.position, reader.missing]).toEqual([0, 0]);
});

it("the first short read counts, and nothing is read after it until rewind", () => {
  everyWay(bytes(1, 2, 3, 4, 5), (reader) => {
    reader.u8();
    reader.mark();
    expect([reader.u16be(), reader.u32be(), reader.u8(), reader.bits(3)]).toEqual([0x203, 0, 0, 0]);
    expect([reader.position, reader.missing, reader.remaining]).toEqual([3, 2, 0]);
    expect([reader.utf8Terminated(), reader.varint64(), reader.quic()]).toEqual(["", 0n, 0]);
    expect(reader.copyTo(new Uint8Array(1))).toBe(0);
    reader.skip(1);
    expect([reader.position, reader.missing]).toEqual([3, 2]);
    reader.rewind();
    expect([reader.position, reader.missing, reader.remaining]).toEqual([1, 0, 4]);
    expect(reader.u32be()).toBe(0x2030405);
  });
});

it("rewind goes back into the middle of a byte", () => {
  everyWay(bytes(0b10110011, 0b01010101, 7), (reader) => {
    expect(reader.bits(3)).toBe(0b101);
    reader.mark();
    for (let round = 0; round < 2; round++) {
      expect([reader.bits(7), reader.bits(2)]).toEqual([0b1001101, 0b01]);
      reader.align();
      expect([reader.bits(8), reader.bits(1)]).toEqual([7, 0]);
      expect(reader.missing).toBe(1);
      reader.rewind();
    }
    expect(reader.u16be()).toBe(0b0101010100000111);
  });
});

it("a bit field begins at a new byte in a part that ends where the last field did", () => {
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    const block = pool.from([10, 0b00010100]);
    const parts = [block.slice(1, 2), block.slice(0, 2), pool.from([0b11100000])] as const;
    const all = parts[0].concat(parts[1], parts[2]);
    const reader = new Reader(all);
    expect([reader.bits(3), reader.u8(), reader.u8(), reader.bits(3)]).toEqual([0, 10, 20, 7]);
    for (const each of [block, ...parts, all]) each.release();
  });
});

it("slices of Bytes share their block; those of an array its buffer", () => {
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    const source = pool.from([3, 65, 66, 67, 68, 69]);
    const reader = new Reader(source);
    const slice = reader.bytesPrefixed("u8");
    source.set(1, 97);
    expect(slice.toString()).toBe("aBC");
    const rest = reader.bytes(2);
    const none = reader.bytes(1);
    expect([rest.toString(), none.length, reader.missing]).toEqual(["DE", 0, 1]);
    reader.rewind();
    const head = source.split(1);
    refusal(() => reader.bytes(1), "ERR_INVALID_ARGUMENT");
    for (const each of [slice, rest, none, head, source]) each.release();
    refusal(() => reader.bytes(1), "ERR_RELEASED");
    refusal(() => reader.reset(source), "ERR_RELEASED");
  });
  const input = bytes(1, 2, 3);
  const view = new Reader(input).bytes(2);
  input[0] = 9;
  expect([...view]).toEqual([9, 2]);
});

describe("a count from the bytes", () => {
  it("is returned if so many elements can follow", () => {
    everyWay(bytes(3, 1, 2, 3, 4, 5, 6), (reader) => {
      expect(reader.counted(reader.u8(), 2)).toBe(3);
      expect([reader.counted(6), reader.counted(0), reader.counted(1, 6)]).toEqual([6, 0, 1]);
      expect([reader.missing, reader.position]).toEqual([0, 1]);
    });
  });

  it("is a short read if they cannot", () => {
    for (const count of [4, 1000, 0xffffffff, Number.MAX_SAFE_INTEGER]) {
      everyWay(bytes(3, 1, 2, 3, 4, 5, 6), (reader) => {
        reader.u8();
        expect(reader.counted(count, 2)).toBe(0);
        expect([reader.missing, reader.position]).toEqual([2 * count - 6, 1]);
        expect([reader.u8(), reader.counted(1), reader.counted(0)]).toEqual([0, 0, 0]);
        reader.rewind();
        expect([reader.u8(), reader.counted(3, 2)]).toEqual([3, 3]);
      });
    }
  });

  it("is 0 if it was missing itself", () => {
    everyWay(bytes(0, 0), (reader) => {
      expect([reader.counted(reader.u32be(), 2), reader.missing]).toEqual([0, 2]);
    });
  });

  it("lets a loop do no more than the bytes that came", () => {
    everyWay(bytes(0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2), (reader) => {
      let turns = 0;
      reader.u8();
      const count = reader.counted(reader.u32be());
      for (let index = 0; index < count && reader.missing === 0; index++) turns++;
      expect([turns, reader.missing]).toEqual([0, 0xffffffff - 2]);
    });
  });

  it("is too large if its elements have more bytes than the maximum", () => {
    const reader = new Reader(bytes(1, 2, 3), { maximum: 100 });
    expect(reader.counted(3)).toBe(3);
    const error = refusal(() => reader.counted(51, 2), "ERR_TOO_LARGE");
    expect(error.details).toEqual({ position: 0, got: 102, most: 100 });
    refusal(() => reader.counted(3, 1, 2), "ERR_TOO_LARGE");
    expect([reader.missing, reader.u8()]).toEqual([0, 1]);
    expect([reader.counted(100), reader.missing]).toEqual([0, 98]);
  });

  it("is refused if it is no count", () => {
    const reader = new Reader(bytes(1, 2, 3));
    for (const count of [-1, 1.5, Number.NaN, Infinity, "1", 1n, undefined, null]) {
      refusal(() => reader.counted(wrong(count)), "ERR_OUT_OF_RANGE");
    }
    for (const least of [0, -1, 0.5, Number.NaN, "1", 1n, null]) {
      refusal(() => reader.counted(1, wrong(least)), "ERR_OUT_OF_RANGE");
    }
    refusal(() => reader.counted(1, 1, wrong("9")), "ERR_INVALID_ARGUMENT");
    expect(reader.u8()).toBe(1);
  });
});

describe("bytes that are gone while they are read", () => {
  const reads: [string, (reader: Reader) => unknown][] = [
    ["utf8", (reader) => reader.utf8(2)],
    ["utf8 of none", (reader) => reader.utf8(0)],
    ["utf8 of too many", (reader) => reader.utf8(99)],
    ["utf8Prefixed", (reader) => reader.utf8Prefixed("u8")],
    ["utf8Prefixed, long", (reader) => reader.utf8Prefixed("u16be")],
    ["utf8Terminated", (reader) => reader.utf8Terminated()],
    ["bytes", (reader) => reader.bytes(2)],
    ["bytesPrefixed", (reader) => reader.bytesPrefixed("u8")],
    ["copy", (reader) => reader.copy(2)],
    ["copyTo", (reader) => reader.copyTo(new Uint8Array(2))],
  ];
  const content = [1, 65, 0, 66, 0];

  it.each(reads)("%s of released bytes", (_name, read) => {
    for (const strict of [false, true]) {
      onHeap((heap) => {
        const pool = new BytesPool(heap);
        const single = pool.from(content);
        const chain = single.concat(single);
        const readers = [new Reader(single, { strict }), new Reader(chain, { strict })];
        single.release();
        chain.release();
        const other = pool.from("SECRET");
        for (const reader of readers) {
          refusal(() => read(reader), "ERR_RELEASED");
          reader.reset(other as typeof single);
          expect(reader.utf8(6)).toBe("SECRET");
        }
        other.release();
      });
    }
  });

  it.each(reads)("%s of split bytes, and of a detached array", (_name, read) => {
    onHeap((heap) => {
      const source = new BytesPool(heap).from(content);
      const reader = new Reader(source);
      const head = source.split(2);
      refusal(() => read(reader), "ERR_INVALID_ARGUMENT");
      for (const bytes of [head, source]) bytes.release();
    });
    for (const offset of [0, 1]) {
      const array = new Uint8Array(Uint8Array.from([0, ...content]).buffer, offset);
      const reader = new Reader(array);
      structuredClone(array, { transfer: [array.buffer] });
      refusal(() => read(reader), "ERR_INVALID_ARGUMENT");
    }
  });

  it("a handle that is retained may be released once", () => {
    onHeap((heap) => {
      const source = new BytesPool(heap).from("text").retain();
      const reader = new Reader(source);
      source.release();
      expect(reader.utf8(4)).toBe("text");
      source.release();
    });
  });
});

it("reset takes an array of any buffer, in TypeScript, too", () => {
  const reader = new Reader(new Uint8Array(1));
  const shared: Uint8Array = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  reader.reset(shared, 1, 2);
  expect(reader.u8() + reader.remaining).toBe(8);
});

it("reset goes on to other bytes, of the same buffer or of another", () => {
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    const first = pool.from([1, 2, 3]);
    const both = first.concat(first);
    const other = bytes(0, 4, 5, 6);
    const reader = new Reader<typeof first | Uint8Array>(first);
    for (const [source, expected] of [
      [other, 0x0405],
      [other.subarray(1), 0x0506],
      [first, 0x0203],
      [both, 0x0203],
      [other.subarray(2), 0],
      [bytes(7, 8, 9), 0x0809],
    ] as const) {
      reader.reset(source);
      reader.skip(1);
      expect(reader.u16be()).toBe(expected);
    }
    first.release();
    both.release();
  });
});

it("copies fill their target", () => {
  everyWay(bytes(1, 2, 3, 4), (reader) => {
    const target = new Uint8Array(3);
    expect([reader.copyTo(target), ...target, reader.remaining]).toEqual([3, 1, 2, 3, 1]);
    expect(reader.copyTo(target)).toBe(0);
    expect([...target, reader.missing]).toEqual([1, 2, 3, 2]);
  });
});

describe("reset", () => {
  it("refuses other arrays, also of the same buffer, and stays as it was", () => {
    const input = bytes(1, 2, 3, 4, 5, 6, 7, 8);
    const odd = [undefined, null, "ab", {}, [1], new Uint16Array(input.buffer)];
    const alike = { buffer: input.buffer, byteOffset: 0, length: 1000 };
    everyWay(input, (reader) => {
      expect(reader.u16be()).toBe(0x0102);
      for (const source of [...odd, new DataView(input.buffer), alike]) {
        refusal(() => reader.reset(wrong<Uint8Array>(source)), "ERR_INVALID_ARGUMENT");
        expect([reader.position, reader.remaining]).toEqual([2, 6]);
      }
      expect([reader.u32be(), reader.u16be()]).toEqual([0x03040506, 0x0708]);
    });
  });

  it("follows a buffer that changed its length, and refuses one that was transferred", () => {
    const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
    const buffer = new Resizable(4, { maxByteLength: 64 });
    const reader = new Reader(new Uint8Array(buffer));
    (buffer as unknown as { resize(length: number): void }).resize(64);
    new Uint8Array(buffer)[63] = 9;
    reader.reset(new Uint8Array(buffer, 60, 4));
    expect([reader.u32be(), reader.missing]).toEqual([9, 0]);
    const gone = new Uint8Array(8);
    const other = new Reader(gone);
    structuredClone(gone, { transfer: [gone.buffer] });
    refusal(() => other.reset(gone), "ERR_INVALID_ARGUMENT");
    refusal(() => new Reader(gone), "ERR_INVALID_ARGUMENT");
  });
});

it("a read that throws leaves a begun byte as it was", () => {
  const longest = Array.from({ length: 12 }, () => 255);
  everyWay(bytes(0b10100000, ...longest), (reader) => {
    expect(reader.bits(1)).toBe(1);
    refusal(() => reader.varint32(), "ERR_MALFORMED");
    refusal(() => reader.varint64(), "ERR_MALFORMED");
    refusal(() => reader.quic(), "ERR_TOO_LARGE");
    refusal(() => reader.utf8Prefixed("u16be", 10), "ERR_TOO_LARGE");
    refusal(() => reader.bytesPrefixed("varint", 10), "ERR_MALFORMED");
    refusal(() => reader.utf8Terminated(0, 3), "ERR_TOO_LARGE");
    expect([reader.bits(2), reader.position]).toEqual([0b01, 1]);
  });
  const strict = new Reader(bytes(0b10100000, 255, 255), { strict: true });
  expect(strict.bits(1)).toBe(1);
  refusal(() => strict.utf8(2), "ERR_MALFORMED");
  expect([strict.bits(2), strict.position]).toEqual([0b01, 1]);
});
