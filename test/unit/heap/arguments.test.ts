import { describe, expect, test } from "vitest";
import { Heap, type Ptr } from "../../../src/index.js";
import { refused, smallHeap, thrown, wrong } from "../help.js";

test.each([
  ["0", 0, "0"],
  ["-16", -16, "-16"],
  ["3", 3, "3"],
  ["48", 48, "48"],
  ["1.5", 1.5, "1.5"],
  ["131072", 131072, "131072"],
  ["2^31", 2 ** 31, "2147483648"],
  ["2^32", 2 ** 32, "4294967296"],
  ["NaN", Number.NaN, "NaN"],
  ["Infinity", Infinity, "Infinity"],
  ["undefined", undefined, "undefined"],
  ["null", null, "null"],
  ["a string", "64", '"64"'],
  ["a bigint", 64n, "64n"],
  ["a symbol", Symbol("a"), "Symbol(a)"],
  ["an object", {}, "an object"],
])("ERR_INVALID_ALIGNMENT: %s", (_name, alignment, shown) => {
  const heap = smallHeap();
  for (const size of [0, 64, 100000, -1]) {
    const action = (): Ptr => heap.alignedAlloc(wrong<number>(alignment), size);
    const error = refused(heap, "ERR_INVALID_ALIGNMENT", action);
    expect(error.message).toBe(`alignment is ${shown}; it takes a power of two from 1 to 65536`);
    expect(error.details).toEqual({ got: alignment, min: 1, max: 65536 });
  }
});

describe("over and open", () => {
  const isResizable = "resizable" in ArrayBuffer.prototype;
  const growing = { maxByteLength: 2 ** 21 };
  type Maker = new (bytes: number, options: object) => ArrayBufferLike;
  const resizable = (): unknown => new (ArrayBuffer as unknown as Maker)(2 ** 20, growing);
  const growable = (): unknown => new (SharedArrayBuffer as unknown as Maker)(2 ** 20, growing);
  test.runIf(isResizable)("a buffer that can change its length", () => {
    for (const buffer of [resizable(), growable()]) {
      const error = thrown(() => Heap.over(wrong(buffer)), "ERR_INVALID_ARGUMENT");
      expect(error.message).toContain("can change its length");
      expect(error.details).toEqual({ got: 2 ** 20 });
      thrown(() => Heap.open(wrong(buffer)), "ERR_BAD_HEAP_IMAGE");
    }
  });

  test.each([0, 1, 65536, 524287])("a buffer of %i bytes", (bytes) => {
    const error = thrown(() => Heap.over(new ArrayBuffer(bytes)), "ERR_INVALID_ARGUMENT");
    expect(error.message).toContain(`the buffer has ${bytes} bytes; a heap takes 524288 to`);
    expect(error.details).toEqual({ got: bytes });
    const bad = thrown(() => Heap.open(new ArrayBuffer(bytes)), "ERR_BAD_HEAP_IMAGE");
    expect(bad.details).toMatchObject({ field: "byteLength", found: bytes });
  });

  test("a buffer too large is refused before it is touched", () => {
    const buffer = new ArrayBuffer(2 ** 31);
    expect(thrown(() => Heap.over(buffer)).details).toEqual({ got: 2 ** 31 });
    expect(thrown(() => Heap.open(buffer)).details).toMatchObject({ field: "byteLength" });
  });

  test("a detached buffer", () => {
    const buffer = new ArrayBuffer(2 ** 20);
    structuredClone(buffer, { transfer: [buffer] });
    thrown(() => Heap.over(buffer), "ERR_INVALID_ARGUMENT");
    thrown(() => Heap.open(buffer), "ERR_BAD_HEAP_IMAGE");
  });

  test.each([
    ["an object", {}],
    ["null", null],
    ["undefined", undefined],
    ["a number", 2 ** 20],
    ["a string", "buffer"],
    ["a bigint", 5n],
    ["a symbol", Symbol("b")],
    ["a function", () => 1],
    ["a view", new Uint8Array(2 ** 20)],
    ["a DataView", new DataView(new ArrayBuffer(2 ** 20))],
    ["a holder of no buffer", { buffer: {} }],
    ["a holder of a view", { buffer: new Uint8Array(2 ** 20) }],
  ])("%s is no memory", (_name, memory) => {
    for (const action of [() => Heap.over(wrong(memory)), () => Heap.open(wrong(memory))]) {
      const error = thrown(action, "ERR_INVALID_ARGUMENT");
      expect(error.message).toContain("a heap lives in an ArrayBuffer");
    }
  });

  test("a bad option leaves the buffer as it was", () => {
    const buffer = new ArrayBuffer(2 ** 20);
    new Uint8Array(buffer).fill(7);
    thrown(() => Heap.over(buffer, { fastCap: 0 }), "ERR_INVALID_OPTION");
    thrown(() => Heap.over(buffer, wrong({ x: 0 })), "ERR_INVALID_OPTION");
    expect(new Uint8Array(buffer).every((byte) => byte === 7)).toBe(true);
  });
});

test.each([
  ["beyond the block", 113],
  ["negative", -1],
  ["a fraction", 1.5],
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["a string", "5"],
  ["a bigint", 5n],
  ["a symbol", Symbol("l")],
  ["an object", {}],
])("bytes: a length that is %s", (_name, length) => {
  const heap = smallHeap();
  const ptr = heap.malloc(100);
  const action = (): unknown => heap.bytes(ptr, wrong(length));
  const error = refused(heap, "ERR_INVALID_ARGUMENT", action);
  expect(error.message).toContain("it takes an integer from 0 to 112");
  expect(error.details).toEqual({ got: length, min: 0, max: 112 });
});

describe("batches", () => {
  const COUNTS = [-1, 1.5, Number.NaN, Infinity, 2 ** 31, "1", 1n, null, undefined, Symbol("c")];

  test("a value that is not a count", () => {
    const heap = smallHeap();
    const ptr = heap.malloc(16);
    for (const value of COUNTS) {
      const count = wrong<number>(value);
      refused(heap, "ERR_INVALID_ARGUMENT", () => heap.mallocBatch(16, count, []));
      refused(heap, "ERR_INVALID_ARGUMENT", () => heap.mallocBatch(16, count, new Int32Array(9)));
      const error = refused(heap, "ERR_INVALID_ARGUMENT", () => heap.freeBatch([ptr], count));
      expect(error.details).toEqual({ got: value, max: 1 });
      expect(error.message).toContain("it takes an integer from 0 to 1");
    }
  });

  test("an array that is too short", () => {
    const heap = smallHeap();
    const short = new Int32Array(4);
    refused(heap, "ERR_INVALID_ARGUMENT", () => heap.mallocBatch(16, 5, short));
    refused(heap, "ERR_INVALID_ARGUMENT", () => heap.freeBatch(short, 5));
    refused(heap, "ERR_INVALID_ARGUMENT", () => heap.freeBatch([], 1));
    heap.mallocBatch(16, 4, short);
    expect(new Set(short).size).toBe(4);
    heap.freeBatch(short, 4);
  });

  test("what is no array", () => {
    const heap = smallHeap();
    const holder = { length: 5, 0: 0 };
    for (const value of [null, undefined, 5, "xxxxx", {}, holder, new Set([1]), () => 1]) {
      for (const action of [
        () => heap.mallocBatch(16, 1, wrong(value)),
        () => heap.freeBatch(wrong(value), 1),
      ]) {
        const error = refused(heap, "ERR_INVALID_ARGUMENT", action);
        expect(error.message).toContain("they take an array, an Int32Array");
      }
    }
    refused(heap, "ERR_INVALID_ARGUMENT", () =>
      heap.mallocBatch(16, 1, wrong(new DataView(new ArrayBuffer(64)))),
    );
  });

  test.each([
    ["a BigInt64Array", () => new BigInt64Array(8)],
    ["a BigUint64Array", () => new BigUint64Array(8)],
    ["a Uint8Array", () => new Uint8Array(8)],
    ["an Int16Array", () => new Int16Array(8)],
    ["a Float32Array", () => new Float32Array(8)],
  ])("%s holds no ptr", (_name, make) => {
    const heap = smallHeap();
    refused(heap, "ERR_INVALID_ARGUMENT", () => heap.mallocBatch(16, 3, wrong(make())));
    refused(heap, "ERR_INVALID_ARGUMENT", () => heap.freeBatch(wrong(make()), 1));
    expect(heap.stats().live.blocks).toBe(0);
  });

  test("an array that refuses to be written to loses no block", () => {
    const heap = smallHeap();
    expect(() => heap.mallocBatch(16, 3, wrong(Object.freeze([])))).toThrow();
    expect(heap.stats().live.blocks).toBe(0);
  });
});
