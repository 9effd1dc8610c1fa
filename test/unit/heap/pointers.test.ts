import { describe, expect, test } from "vitest";
import { type Heap, type HeapErrorCode, NULL, type Ptr } from "../../../src/index.js";
import { firstSlabOf, metadataOffset } from "../../../src/layout/metadata.js";
import { slabToPtr } from "../../../src/layout/units.js";
import { refused, smallHeap, thrown, wrong } from "../help.js";

const CAPACITY = 2 ** 20;
const FIRST = slabToPtr(firstSlabOf(CAPACITY));
const hostile = {
  valueOf(): number {
    throw new Error("valueOf");
  },
};

interface Case {
  readonly name: string;
  readonly ptr: unknown;
  readonly code: HeapErrorCode;
  readonly reason: string;
}

/** A heap with live and freed blocks of each tier, and every number that is no live ptr of it. */
function casesOn(heap: Heap): Case[] {
  const live = heap.malloc(64);
  const tiny = heap.malloc(64);
  const pool = heap.malloc(5000);
  const large = heap.malloc(60000);
  const span = heap.malloc(200000);
  const gone = heap.malloc(130000);
  heap.malloc(5000);
  const [drained = NULL, cached = NULL] = [320, 448].map((size) => heap.malloc(size));
  heap.malloc(320);
  heap.malloc(448);
  for (const ptr of [tiny, pool, large, gone, drained]) heap.free(ptr);
  heap.drain();
  heap.free(cached);
  const bad = (name: string, ptr: unknown, reason: string): Case => {
    const code = reason === "freed" ? "ERR_DOUBLE_FREE" : "ERR_INVALID_POINTER";
    return { name, ptr, code, reason };
  };
  return [
    bad("freed, drained", drained, "freed"),
    bad("freed, cached", cached, "freed"),
    bad("freed pool, drained", pool, "freed"),
    bad("freed large, its slab given back", large, "unallocated"),
    bad("freed span", gone, "unallocated"),
    bad("a freed span's second slab", gone + 65536, "unallocated"),
    bad("interior of tiny", live + 16, "interior"),
    bad("interior of a span", span + 16, "interior"),
    bad("a span's second slab", span + 65536, "interior"),
    bad("misaligned", live + 1, "misaligned"),
    bad("misaligned by 8", live + 8, "misaligned"),
    bad("the last byte", CAPACITY - 1, "misaligned"),
    bad("never allocated", CAPACITY - 16, "unallocated"),
    bad("the capacity", CAPACITY, "foreign"),
    bad("2^31", 2 ** 31, "foreign"),
    bad("2^32 + a live ptr", 2 ** 32 + live, "foreign"),
    bad("-16", -16, "foreign"),
    bad("a live ptr less 2^32", live - 2 ** 32, "foreign"),
    bad("the header map", 16, "metadata"),
    bad("the header map's last", metadataOffset(CAPACITY) - 16, "metadata"),
    bad("the superblock", metadataOffset(CAPACITY), "metadata"),
    bad("the metadata's last", FIRST - 16, "metadata"),
    bad("undefined", undefined, "foreign"),
    bad("null", null, "foreign"),
    bad("NaN", Number.NaN, "foreign"),
    bad("Infinity", Infinity, "foreign"),
    bad("a fraction", live + 0.5, "foreign"),
    bad("a bigint", BigInt(live), "foreign"),
    bad("a string", `${live}`, "foreign"),
    bad("a symbol", Symbol("ptr"), "foreign"),
    bad("an object", {}, "foreign"),
    bad("a boxed ptr", Object(live), "foreign"),
    bad("a hostile object", hostile, "foreign"),
    bad("an array", [live], "foreign"),
    bad("true", true, "foreign"),
  ];
}

const names = casesOn(smallHeap({ capacity: CAPACITY })).map(({ name }) => name);

describe.each([
  ["a plain heap", {}],
  ["a heap with knobs", { safeFree: true, frontStats: true }],
])("no live ptr of %s", (_name, options) => {
  test.each(names)("%s", (name) => {
    const heap = smallHeap({ capacity: CAPACITY, ...options });
    const found = casesOn(heap).find((row) => row.name === name);
    if (found === undefined) throw new Error(name);
    const { code, reason } = found;
    const ptr = wrong<Ptr>(found.ptr);
    const good = heap.malloc(60);
    const before = JSON.stringify(heap.stats());
    for (const action of [
      () => heap.free(ptr),
      () => heap.realloc(ptr, 50),
      () => heap.realloc(ptr, 100000),
      () => heap.usableSize(ptr),
      () => heap.bytes(ptr),
      () => heap.freeBatch([ptr], 1),
      () => heap.freeBatch([good, NULL, ptr], 3),
    ]) {
      const error = refused(heap, code, action);
      expect(error.details).toEqual({ ptr: found.ptr, reason });
      expect(error.message).toMatch(/^ptr .* expected a live ptr of this heap$/);
    }
    expect(heap.classify(wrong<number>(found.ptr))).toBe(reason);
    expect(JSON.stringify(heap.stats())).toBe(before);
    heap.verify();
    heap.free(good);
  });
});

test("the message says what the ptr is", () => {
  const heap = smallHeap();
  const ptr = heap.malloc(16);
  heap.free(ptr);
  const double = thrown(() => heap.free(ptr), "ERR_DOUBLE_FREE");
  expect(double.message).toBe(`ptr ${ptr} was freed already; expected a live ptr of this heap`);
  const live = heap.malloc(16);
  const texts: [unknown, string][] = [
    [live + 4, "is not a multiple of 16"],
    [16, "lies in the heap's own metadata"],
    [-1, "ptr -1 is not an offset in this heap"],
    ["x", 'ptr "x" is not an offset in this heap'],
    [live + 4096, "is not the first byte of a block"],
    [524288 - 16, "was never allocated, or its slab was given back"],
  ];
  for (const [value, text] of texts) {
    expect(thrown(() => heap.free(wrong(value)), "ERR_INVALID_POINTER").message).toContain(text);
  }
  const { message, details } = thrown(() => heap.usableSize(NULL), "ERR_INVALID_POINTER");
  expect(message).toContain("ptr 0 is null");
  expect(details.reason).toBe("null");
});

test("each tier's double free is refused at once, and after a drain", () => {
  for (const size of [16, 1024, 1280, 32768, 40000, 65536, 65537, 200000]) {
    const heap = smallHeap();
    const ptr = heap.malloc(size);
    heap.free(ptr);
    const code = size > 65536 ? "ERR_INVALID_POINTER" : "ERR_DOUBLE_FREE";
    refused(heap, code, () => heap.free(ptr));
    heap.drain();
    refused(heap, "ERR_INVALID_POINTER", () => heap.free(ptr));
  }
});

test("null: free ignores it, realloc allocates, the rest refuses", () => {
  const heap = smallHeap();
  heap.free(NULL);
  heap.free(wrong(-0));
  expect(heap.stats().live.blocks).toBe(0);
  const ptr = heap.realloc(NULL, 100);
  expect(heap.usableSize(ptr)).toBe(112);
  for (const action of [() => heap.usableSize(NULL), () => heap.bytes(NULL)]) {
    refused(heap, "ERR_INVALID_POINTER", action);
  }
});

test("a free run in the middle of others is unallocated, whatever it was before", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  const spans = Array.from({ length: 3 }, () => heap.malloc(200000));
  const slabs = Array.from({ length: 3 }, () => heap.malloc(65536));
  heap.malloc(65536);
  const [a = NULL, b = NULL, c = NULL] = spans;
  const [d = NULL, e = NULL, f = NULL] = slabs;
  for (const ptr of [a, c, b, d, f, e]) heap.free(ptr);
  heap.drain();
  for (let ptr: number = a; ptr < f + 65536; ptr += 65536) {
    expect(heap.classify(ptr), `slab ${ptr / 65536}`).toBe("unallocated");
    expect(heap.classify(ptr + 65536 - 16)).toBe("unallocated");
  }
});
