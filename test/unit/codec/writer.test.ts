import { describe, expect, it } from "vitest";
import { BytesPool } from "../../../src/buffers/index.js";
import { Writer, type WriterOptions } from "../../../src/codec/index.js";
import type { Heap } from "../../../src/index.js";
import { FLOAT_FIELDS, INTEGER_FIELDS } from "../../support/fields.js";
import { fill, smallHeap, thrown, wrong } from "../help.js";
import { onHeap, refusal } from "./support.js";

function onWriter(options: WriterOptions, action: (writer: Writer, heap: Heap) => void): void {
  onHeap((heap) => {
    const writer = new Writer(heap, options);
    action(writer, heap);
    writer[Symbol.dispose]();
  });
}

type Range = readonly [name: keyof Writer, least: number | bigint, most: number | bigint];

const RANGES: readonly Range[] = [
  ...INTEGER_FIELDS.map(({ name, isBig, least, most }): Range => {
    return isBig ? [name, least, most] : [name, Number(least), Number(most)];
  }),
  ["varint32", 0, 2 ** 32 - 1],
  ["zigzag32", -(2 ** 31), 2 ** 31 - 1],
  ["quic", 0, Number.MAX_SAFE_INTEGER],
  ["varint64", 0n, 2n ** 64n - 1n],
  ["zigzag64", -(2n ** 63n), 2n ** 63n - 1n],
  ["quic64", 0n, 2n ** 62n - 1n],
];

describe("a value that a field does not take", () => {
  it.each(RANGES)("%s takes %s to %s", (name, least, most) => {
    onWriter({}, (writer) => {
      const write = (value: unknown): void => {
        (writer[name] as (this: Writer, value: unknown) => void).call(writer, value);
      };
      writer.u8(7);
      const isBig = typeof most === "bigint";
      const beyond = isBig ? [(least as bigint) - 1n, most + 1n] : [Number(least) - 1, most + 1];
      const others = isBig
        ? [0, "1", undefined, Symbol("one")]
        : [0.5, Number.NaN, "1", undefined, Infinity, 1n, Symbol("one"), { valueOf: () => 1 }];
      for (const value of [...beyond, ...others]) {
        const error = refusal(() => write(value), "ERR_OUT_OF_RANGE");
        expect(error.details).toEqual({ name, got: value, least, most, position: 1 });
        expect(error.message).toContain(`to ${most}`);
      }
      expect([...writer.view()]).toEqual([7]);
      write(least);
      write(most);
      expect(writer.length).toBeGreaterThan(2);
    });
  });

  it.each(FLOAT_FIELDS)("%s takes numbers", (name) => {
    onWriter({}, (writer) => {
      for (const value of ["1", undefined, 1n]) {
        refusal(() => writer[name](wrong<number>(value)), "ERR_INVALID_ARGUMENT");
      }
      expect(writer.length).toBe(0);
    });
  });

  it("a length that its prefix cannot hold", () => {
    onWriter({}, (writer) => {
      refusal(() => writer.utf8Prefixed("u8", "é".repeat(128)), "ERR_OUT_OF_RANGE");
      refusal(() => writer.bytesPrefixed("u8", new Uint8Array(256)), "ERR_OUT_OF_RANGE");
      refusal(() => writer.bytesPrefixed("u16be", new Uint8Array(65536)), "ERR_OUT_OF_RANGE");
      const odd = wrong<"u8">("u64");
      refusal(() => writer.utf8Prefixed(odd, "a"), "ERR_INVALID_ARGUMENT");
      refusal(() => writer.bytesPrefixed(odd, new Uint8Array(1)), "ERR_INVALID_ARGUMENT");
      expect(writer.length).toBe(0);
      writer.bytesPrefixed("u8", new Uint8Array(255));
      expect(writer.length).toBe(256);
    });
  });

  it("a terminator that is in the text, or is no byte of ASCII", () => {
    onWriter({}, (writer) => {
      refusal(() => writer.utf8Terminated("a\0b"), "ERR_INVALID_ARGUMENT");
      refusal(() => writer.utf8Terminated("a\n", 10), "ERR_INVALID_ARGUMENT");
      refusal(() => writer.utf8Terminated("a", 128), "ERR_OUT_OF_RANGE");
      writer.utf8Terminated("a\0b", 10);
      expect([...writer.view()]).toEqual([97, 0, 98, 10]);
    });
  });

  it("bit fields", () => {
    onWriter({}, (writer) => {
      for (const count of [0, 33, 1.5]) refusal(() => writer.bits(0, count), "ERR_OUT_OF_RANGE");
      for (const value of [8, -1, 0.5, wrong<number>(1n)]) {
        refusal(() => writer.bits(value, 3), "ERR_OUT_OF_RANGE");
      }
      writer.bits(2 ** 32 - 1, 32);
      expect([...writer.view()]).toEqual([255, 255, 255, 255]);
    });
  });

  it("options", () => {
    onHeap((heap) => {
      for (const options of [{ initial: 0 }, { initial: 1.5 }, { maximum: -1 }]) {
        refusal(() => new Writer(heap, options), "ERR_OUT_OF_RANGE");
      }
      const grow = wrong<"chain">("both");
      refusal(() => new Writer(heap, { grow }), "ERR_INVALID_ARGUMENT");
      for (const odd of [null, 5, "chain", { poll: new BytesPool(heap) }]) {
        refusal(() => new Writer(heap, wrong<object>(odd)), "ERR_INVALID_ARGUMENT");
      }
      const pool = new BytesPool(smallHeap());
      for (const odd of [pool, null, {}, heap]) {
        const options = { pool: wrong<typeof pool>(odd) };
        refusal(() => new Writer(heap, options), "ERR_INVALID_ARGUMENT");
        refusal(() => new Writer(new BytesPool(heap), options), "ERR_INVALID_ARGUMENT");
      }
      for (const odd of [null, 5, {}, Object.create(BytesPool.prototype)]) {
        refusal(() => new Writer(wrong<typeof heap>(odd)), "ERR_INVALID_ARGUMENT");
      }
    });
  });
});

it("a writer writes to the heap of a pool", () => {
  onHeap((heap) => {
    using writer = new Writer(new BytesPool(heap));
    writer.u8(7);
    expect([writer.heap === heap, writer.view()[0]]).toEqual([true, 7]);
  });
});

describe.each(["realloc", "chain"] as const)("a writer that grows by %s", (grow) => {
  it("takes bytes only from a Uint8Array, and stays as it was for anything else", () => {
    onWriter({ grow, initial: 16 }, (writer, heap) => {
      writer.u8(7);
      const handle = new BytesPool(heap).from([1, 2, 3, 4]);
      const fakes = [new Proxy(new Uint8Array(9), {}), Object.create(Uint8Array.prototype)];
      const others = [5, {}, undefined, null, "12a", [1, 2], new Uint16Array(9), ...fakes];
      for (const got of [handle, ...others]) {
        refusal(() => writer.bytes(wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.bytesPrefixed("u8", wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.patchBytes(0, wrong(got)), "ERR_INVALID_ARGUMENT");
        if (got === handle) continue;
        refusal(() => writer.append(wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.appendPrefixed("u8", wrong(got)), "ERR_INVALID_ARGUMENT");
      }
      for (const got of [5, {}, undefined, null, ["a"], 1n]) {
        refusal(() => writer.utf8(wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.utf8Prefixed("u8", wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.utf8Prefixed("u32le", wrong(got)), "ERR_INVALID_ARGUMENT");
        refusal(() => writer.utf8Terminated(wrong(got)), "ERR_INVALID_ARGUMENT");
      }
      handle.release();
      expect(writer.length).toBe(1);
      writer.u8(8);
      const bytes = writer.finish();
      expect([...bytes.toUnshared()]).toEqual([7, 8]);
      bytes.release();
    });
  });

  it("stays as it was when the heap is exhausted", () => {
    onWriter({ grow, initial: 16 }, (writer, heap) => {
      writer.utf8("0123456789abc");
      const ptrs = [65536, 16384, 4096, 1024, 64, 16].flatMap((size) => fill(heap, size));
      const actions = [
        (): void => writer.u64be(1n),
        (): void => writer.bytes(new Uint8Array(2000)),
        (): void => writer.utf8Prefixed("u8", "x".repeat(200)),
        (): void => writer.bits(1, 32),
        (): void => void writer.reserve(64),
        (): void => writer.varint64(2n ** 63n),
      ];
      for (const action of actions) thrown(action, "ERR_HEAP_EXHAUSTED");
      expect(writer.length).toBe(13);
      for (const ptr of ptrs) heap.free(ptr);
      writer.u8(33);
      const bytes = writer.finish();
      expect(bytes.toString()).toBe("0123456789abc!");
      bytes.release();
    });
  });

  it("writes no more than its maximum", () => {
    onWriter({ grow, initial: 16, maximum: 40 }, (writer) => {
      writer.bytes(new Uint8Array(30).fill(1));
      const error = refusal(() => writer.bytes(new Uint8Array(11)), "ERR_TOO_LARGE");
      expect(error.details).toEqual({ position: 0, got: 41, most: 40 });
      refusal(() => writer.reserve(11), "ERR_TOO_LARGE");
      writer.bytes(new Uint8Array(10).fill(2));
      refusal(() => writer.u8(1), "ERR_TOO_LARGE");
      writer.reset();
      writer.bytes(new Uint8Array(40).fill(3));
      refusal(() => writer.u8(1), "ERR_TOO_LARGE");
      const bytes = writer.finish();
      expect([...bytes.toUnshared()]).toEqual(new Array(40).fill(3));
      bytes.release();
    });
  });
});

describe.each(["realloc", "chain"] as const)("a writer, grown by %s", (grow) => {
  it("patches reserved and written bytes at any place", () => {
    onWriter({ grow, initial: 16 }, (writer) => {
      const positions: number[] = [];
      for (let index = 0; index < 20; index++) {
        positions.push(writer.reserve(4));
        writer.utf8("abc");
      }
      expect(positions).toEqual(Array.from({ length: 20 }, (_, index) => 7 * index));
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = positions;
      writer.patchU8(a, 1);
      writer.patchU16le(b, 0x0203);
      writer.patchU16be(c, 0x0203);
      writer.patchU24le(d, 0x020304);
      writer.patchU24be(e, 0x020304);
      writer.patchU32le(f, 0xfffefdfc);
      writer.patchU32be(g, 0xfffefdfc);
      writer.patchBytes(h, Uint8Array.of(9, 8));
      refusal(() => writer.patchU32be(137, 1), "ERR_OUT_OF_RANGE");
      refusal(() => writer.patchU8(-1, 1), "ERR_OUT_OF_RANGE");
      refusal(() => writer.patchU8(0.5, 1), "ERR_OUT_OF_RANGE");
      for (const odd of [wrong<number>(1n), wrong<number>(Symbol("one"))]) {
        refusal(() => writer.patchU8(odd, 1), "ERR_OUT_OF_RANGE");
        refusal(() => writer.patchU32le(0, odd), "ERR_OUT_OF_RANGE");
        refusal(() => writer.utf8Terminated("a", odd), "ERR_OUT_OF_RANGE");
      }
      for (const name of ["patchU8", "patchU16le", "patchU24be", "patchU32le"] as const) {
        refusal(() => writer[name](0, -1), "ERR_OUT_OF_RANGE");
      }
      const bytes = writer.finish();
      const at = (position: number): number[] =>
        [...bytes.toUnshared()].slice(position, position + 4);
      expect([a, b, c, d].map(at)).toEqual([
        [1, 0, 0, 0],
        [3, 2, 0, 0],
        [2, 3, 0, 0],
        [4, 3, 2, 0],
      ]);
      expect([e, f, g, h].map(at)).toEqual([
        [2, 3, 4, 0],
        [0xfc, 0xfd, 0xfe, 0xff],
        [0xff, 0xfe, 0xfd, 0xfc],
        [9, 8, 0, 0],
      ]);
      bytes.release();
    });
  });

  it("appends Bytes, which their holder still releases", () => {
    onWriter({ grow, initial: 16 }, (writer, heap) => {
      const pool = new BytesPool(heap);
      const text = pool.from("0123456789".repeat(5));
      writer.bits(1, 4);
      writer.append(text);
      writer.bits(1, 4);
      writer.appendPrefixed("varint", text);
      writer.u8(255);
      const bytes = writer.finish();
      const fifty = [...text.toUnshared()];
      expect([...bytes.toUnshared()]).toEqual([16, ...fifty, 16, 50, ...fifty, 255]);
      text.release();
      bytes.release();
      const foreign = new BytesPool(smallHeap()).from("a");
      refusal(() => writer.append(foreign as never), "ERR_INVALID_ARGUMENT");
      expect(writer.length).toBe(0);
    });
  });
});

describe.each(["realloc", "chain"] as const)("a writer that is used again, by %s", (grow) => {
  it("goes on after finish and reset, and not after disposal", () => {
    onWriter({ grow, initial: 16 }, (writer) => {
      const empty = writer.finish();
      expect(empty.length).toBe(0);
      empty.release();
      for (let round = 0; round < 3; round++) {
        writer.bits(5, 3);
        writer.utf8("left".repeat(30));
        writer.reset();
        expect(writer.length).toBe(0);
        writer.bits(5, 3);
        const bytes = writer.finish();
        expect([...bytes.toUnshared()]).toEqual([0xa0]);
        bytes.release();
      }
      writer.u8(1);
      writer[Symbol.dispose]();
      refusal(() => writer.u8(1), "ERR_CLOSED");
      refusal(() => writer.bits(1, 1), "ERR_CLOSED");
      writer[Symbol.dispose]();
    });
  });
});

it("a chain copies nothing that was written, and shares what is appended", () => {
  onWriter({ grow: "chain", initial: 16 }, (writer, heap) => {
    const text = new BytesPool(heap).from("abcdef").freeze();
    const kept = writer.reserve(2);
    const first = writer.view().byteOffset;
    writer.append(text);
    writer.u32le(1);
    refusal(() => writer.view(), "ERR_NOT_CONTIGUOUS");
    refusal(() => writer.patchU8(kept + 2, 1), "ERR_NOT_CONTIGUOUS");
    refusal(() => writer.patchU16be(kept + 1, 1), "ERR_NOT_CONTIGUOUS");
    writer.patchU16be(kept, 6);
    writer.bytes(new Uint8Array(100).fill(1));
    const bytes = writer.finish();
    expect([...bytes.chunks()][0]?.byteOffset).toBe(first);
    expect(bytes.isFrozen).toBe(true);
    expect([...bytes.toUnshared()].slice(0, 12)).toEqual([
      0, 6, 97, 98, 99, 100, 101, 102, 1, 0, 0, 0,
    ]);
    text.release();
    bytes.release();
  });
});

it("a block that is mostly unused is not handed out", () => {
  onWriter({ initial: 65536 }, (writer, heap) => {
    writer.u32le(1);
    const bytes = writer.finish();
    const [chunk] = [...bytes.chunks()];
    expect(heap.usableSize(wrong(chunk?.byteOffset))).toBeLessThan(1024);
    bytes.release();
  });
});

describe.each(["realloc", "chain"] as const)("bytes that a writer by %s is given", (grow) => {
  it("empty Bytes leave nothing behind", () => {
    onWriter({ grow }, (writer, heap) => {
      const pool = new BytesPool(heap);
      for (let round = 0; round < 3; round++) {
        for (const end of [() => writer.finish().release(), () => writer.reset()]) {
          const empty = pool.from("").freeze();
          writer.append(empty);
          end();
          expect(heap.stats().live.blocks).toBe(1);
          empty.release();
          expect(heap.stats().live.blocks).toBe(0);
        }
      }
      const empty = pool.from("");
      writer.bits(1, 1);
      writer.append(empty);
      writer.bits(1, 1);
      empty.release();
      const bytes = writer.finish();
      expect([bytes.isFrozen, ...bytes.view()]).toEqual([false, 0b11000000]);
      bytes.release();
    });
  });

  it("Bytes without room behind their length leave a bit field as it was", () => {
    onWriter({ grow, initial: 16, maximum: 30 }, (writer, heap) => {
      const pool = new BytesPool(heap);
      const long = pool.alloc(20);
      const exact = pool.alloc(14);
      const between = pool.alloc(16);
      for (let index = 0; index < 15; index++) writer.u8(index);
      writer.bits(1, 1);
      refusal(() => writer.appendPrefixed("u8", long), "ERR_TOO_LARGE");
      refusal(() => writer.appendPrefixed("u8", exact), "ERR_TOO_LARGE");
      writer.bits(1, 1);
      expect(writer.length).toBe(16);
      for (const bytes of [long, exact, between, writer.finish()]) bytes.release();
    });
  });

  it("a view of its own bytes, which move", () => {
    onWriter({ grow: "realloc", initial: 16 }, (writer) => {
      for (let index = 0; index < 16; index++) writer.u8(index);
      const expected = [...writer.view()];
      for (let round = 0; round < 6; round++) {
        expected.push(...expected);
        writer.bytes(writer.view());
      }
      writer.bytesPrefixed("u16be", writer.view());
      expect([...writer.view()]).toEqual([...expected, 4, 0, ...expected]);
    });
  });
});

describe("a message that no block of the heap can hold", () => {
  it("is too large, and changes nothing", () => {
    for (const grow of ["realloc", "chain"] as const) {
      onWriter({ grow, initial: 1 }, (writer) => {
        writer.u8(7);
        for (const action of [
          () => writer.bytes(new Uint8Array(2 ** 20)),
          () => writer.utf8("x".repeat(2 ** 20)),
          () => writer.reserve(2 ** 20),
          () => writer.bytesPrefixed("varint", new Uint8Array(2 ** 20)),
        ]) {
          expect(refusal(action, "ERR_TOO_LARGE").details.most).toBeLessThan(2 ** 19);
        }
        expect([...writer.view()]).toEqual([7]);
      });
    }
  });
});
