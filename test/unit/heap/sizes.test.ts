import { describe, expect, test } from "vitest";
import { HeapError, type Ptr } from "../../../src/index.js";
import { refused, SMALL_BYTES, smallHeap, wrong } from "../help.js";

const hostile = {
  valueOf(): number {
    throw new Error("valueOf");
  },
};
const SIZES: [string, unknown, string][] = [
  ["-1", -1, "-1"],
  ["-16", -16, "-16"],
  ["-2^31", -(2 ** 31), "-2147483648"],
  ["a fraction", 16.5, "16.5"],
  ["a small fraction", 1e-9, "1e-9"],
  ["NaN", Number.NaN, "NaN"],
  ["Infinity", Infinity, "Infinity"],
  ["-Infinity", -Infinity, "-Infinity"],
  ["the capacity", SMALL_BYTES, "524288"],
  ["2^31", 2 ** 31, "2147483648"],
  ["2^32", 2 ** 32, "4294967296"],
  ["2^32 + 16", 2 ** 32 + 16, "4294967312"],
  ["2^53", 2 ** 53, "9007199254740992"],
  ["a string", "16", '"16"'],
  ["an empty string", "", '""'],
  ["a bigint", 16n, "16n"],
  ["undefined", undefined, "undefined"],
  ["null", null, "null"],
  ["true", true, "true"],
  ["an object", {}, "an object"],
  ["an array", [16], "an array"],
  ["a boxed number", Object(16), "an object of class Number"],
  ["a hostile object", hostile, "an object"],
  ["a symbol", Symbol("size"), "Symbol(size)"],
  ["a function", () => 16, "a function"],
];

describe.each([
  ["a plain heap", {}],
  ["a heap without tiny", { wrapTiny: false }],
  ["a heap with every knob", { wrapTiny: false, frontStats: true, safeFree: true }],
])("ERR_INVALID_SIZE on %s", (_heapName, options) => {
  test.each(SIZES)("%s", (_name, value, shown) => {
    const heap = smallHeap(options);
    const live = heap.malloc(100);
    const max = heap.stats().pooledBytes + 65536 * heap.stats().slabs.inUse;
    const size = wrong<number>(value);
    const before = JSON.stringify(heap.stats());
    const out: number[] = [];
    for (const action of [
      () => heap.malloc(size),
      () => heap.tryMalloc(size),
      () => heap.calloc(size),
      () => heap.realloc(live, size),
      () => heap.realloc(wrong<Ptr>(0), size),
      () => heap.alignedAlloc(16, size),
      () => heap.alignedAlloc(64, size),
      () => heap.alignedAlloc(65536, size),
      () => heap.mallocBatch(size, 3, out),
    ]) {
      const error = refused(heap, "ERR_INVALID_SIZE", action);
      expect(error.message).toBe(`size is ${shown}; it takes an integer from 0 to ${max} (bytes)`);
      expect(error.details).toEqual({ got: value, min: 0, max });
    }
    expect(out).toEqual([]);
    expect(JSON.stringify(heap.stats())).toBe(before);
    heap.verify();
    heap.free(live);
  });
});

test("sizes up to the largest are taken, the next is not", () => {
  const heap = smallHeap();
  const max = heap.stats().pooledBytes;
  heap.free(heap.malloc(max));
  heap.free(heap.malloc(-0));
  refused(heap, "ERR_INVALID_SIZE", () => heap.malloc(max + 1));
  heap.verify();
});

test("every failure is a HeapError, whatever the order of bad arguments", () => {
  const heap = smallHeap();
  for (const bad of SIZES.map((row) => row[1])) {
    for (const action of [
      () => heap.realloc(wrong(bad), wrong(bad)),
      () => heap.alignedAlloc(wrong(bad), wrong(bad)),
      () => heap.mallocBatch(wrong(bad), wrong(bad), wrong(bad)),
      () => heap.freeBatch(wrong(bad), wrong(bad)),
    ]) {
      expect(action).toThrow(HeapError);
    }
  }
});
