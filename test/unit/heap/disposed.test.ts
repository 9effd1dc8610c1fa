import { expect, test } from "vitest";
import { Heap, NULL, type Ptr } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import * as frontCache from "../../../src/layout/frontCache.js";
import { at, refused, smallHeap, viewsOf, wrong } from "../help.js";

const METHODS: [string, (heap: Heap, ptr: Ptr) => unknown][] = [
  ["malloc", (heap) => heap.malloc(16)],
  ["malloc of 0", (heap) => heap.malloc(0)],
  ["malloc of a span", (heap) => heap.malloc(70000)],
  ["malloc of a bad size", (heap) => heap.malloc(-1)],
  ["tryMalloc", (heap) => heap.tryMalloc(16)],
  ["tryMalloc of a span", (heap) => heap.tryMalloc(70000)],
  ["free", (heap, ptr) => heap.free(ptr)],
  ["free of null", (heap) => heap.free(NULL)],
  ["free of nonsense", (heap) => heap.free(wrong("x"))],
  ["realloc", (heap, ptr) => heap.realloc(ptr, 16)],
  ["realloc in place", (heap, ptr) => heap.realloc(ptr, 64)],
  ["realloc of null", (heap) => heap.realloc(NULL, 16)],
  ["calloc", (heap) => heap.calloc(16)],
  ["alignedAlloc", (heap) => heap.alignedAlloc(64, 16)],
  ["mallocBatch", (heap) => heap.mallocBatch(16, 2, [])],
  ["mallocBatch of none", (heap) => heap.mallocBatch(16, 0, [])],
  ["freeBatch", (heap, ptr) => heap.freeBatch([ptr], 1)],
  ["freeBatch of none", (heap) => heap.freeBatch([], 0)],
  ["usableSize", (heap, ptr) => heap.usableSize(ptr)],
  ["classify", (heap, ptr) => heap.classify(ptr)],
  ["classify of null", (heap) => heap.classify(0)],
  ["bytes", (heap, ptr) => heap.bytes(ptr)],
  ["blocks", (heap) => heap.blocks()],
  ["drain", (heap) => heap.drain()],
  ["reset", (heap) => heap.reset()],
  ["stats", (heap) => heap.stats()],
  ["verify", (heap) => heap.verify()],
  ["snapshot", (heap) => heap.snapshot()],
];

test("the list is complete", () => {
  const own = Object.getOwnPropertyNames(Heap.prototype);
  const named = new Set(METHODS.map(([name]) => name.split(" ")[0]));
  for (const name of own) {
    if (name !== "constructor" && name !== "openViews") expect(named).toContain(name);
  }
});

test.each(METHODS)("a disposed heap refuses %s", (_name, method) => {
  for (const options of [{}, { wrapTiny: false, frontStats: true, safeFree: true }]) {
    const heap = smallHeap(options);
    const live = heap.malloc(64);
    const span = heap.malloc(70000);
    heap.free(heap.malloc(64));
    heap[Symbol.dispose]();
    for (const ptr of [live, span]) {
      const error = refused(heap, "ERR_HEAP_DISPOSED", () => method(heap, ptr));
      expect(error.message).toMatch("the heap was disposed or detached");
    }
  }
});

test("disposing twice is once", () => {
  const heap = smallHeap();
  heap[Symbol.dispose]();
  heap[Symbol.dispose]();
  const again = Heap.open(heap.buffer);
  again.verify();
  again.free(again.malloc(5));
});

test("what was live is live when the heap is opened again, and goes on", () => {
  const heap = smallHeap({ capacity: 2 ** 20, fastCap: 3, sllDrainInterval: 0 });
  const live = [16, 500, 5000, 60000, 70000].map((size) => heap.malloc(size));
  live.forEach((ptr, index) => {
    heap.u8[ptr] = index + 1;
  });
  for (const ptr of Array.from({ length: 30 }, () => heap.malloc(16))) heap.free(ptr);
  const before = heap.stats();
  expect(before.cached.blocks).toBeGreaterThan(0);
  heap[Symbol.dispose]();
  const again = Heap.open(heap.buffer);
  again.verify();
  expect(again.options).toEqual(heap.options);
  expect(again.stats().live).toEqual(before.live);
  expect(again.stats().cached).toEqual({ blocks: 0, bytes: 0 });
  live.forEach((ptr, index) => {
    expect(again.u8[ptr]).toBe(index + 1);
    again.free(ptr);
  });
  again.drain();
  expect(again.stats().slabs.inUse).toBe(0);
  again.verify();
});

test("a closed handle works again when its image is opened: both see one heap", () => {
  const heap = smallHeap();
  const ptr = heap.malloc(64);
  heap[Symbol.dispose]();
  const again = Heap.open(heap.buffer);
  expect(heap.classify(ptr)).toBe("tiny");
  again.free(ptr);
  expect(heap.classify(ptr)).toBe("freed");
});

test("a heap disposes itself at the end of its scope", () => {
  const outer: Heap[] = [];
  {
    using heap = smallHeap();
    heap.malloc(5);
    outer.push(heap);
  }
  refused(at(outer, 0), "ERR_HEAP_DISPOSED", () => at(outer, 0).malloc(5));
});

test("disposing empties every chain", () => {
  const heap = smallHeap();
  const ptrs = Array.from({ length: 3000 }, () => heap.malloc(16));
  heap.freeBatch(ptrs, ptrs.length);
  heap[Symbol.dispose]();
  const { meta } = viewsOf(heap);
  const chains = meta.subarray(frontCache.ROOMS, classRecord.START);
  expect(chains.every((word) => word === 0)).toBe(true);
  expect(Heap.open(heap.buffer).stats().slabs.inUse).toBe(0);
});
