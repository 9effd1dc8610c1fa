import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NULL } from "../../../src/index.js";
import { runs } from "../../support/tier.js";
import { fill, isPattern, SLAB, smallHeap, writePattern } from "../help.js";

const SIZES = [
  0, 1, 16, 17, 32, 33, 64, 100, 127, 128, 129, 130, 160, 256, 257, 1000, 1024, 1025, 5000, 32768,
  32769, 65535, 65536, 65537, 131072, 131073, 200000, 260000,
];

test.each(SIZES)("from %i bytes to every size and back, contents are kept", (from) => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (const to of SIZES) {
    const kept = Math.min(from, to);
    const ptr = heap.malloc(from);
    const guard = heap.malloc(to);
    heap.bytes(guard).fill(0xee);
    writePattern(heap, ptr, from, to);
    const moved = heap.realloc(ptr, to);
    expect(heap.usableSize(moved)).toBeGreaterThanOrEqual(to);
    expect(isPattern(heap, moved, kept, to), `${kept} bytes of ${to}`).toBe(true);
    if (moved !== ptr) expect(["freed", "unallocated"]).toContain(heap.classify(ptr));
    writePattern(heap, moved, to, from);
    const back = heap.realloc(moved, from);
    expect(isPattern(heap, back, kept, from), `${kept} bytes back`).toBe(true);
    expect(heap.bytes(guard).every((byte) => byte === 0xee)).toBe(true);
    heap.verify();
    heap.free(back);
    heap.free(guard);
  }
  heap.drain();
  expect(heap.stats().slabs.inUse).toBe(0);
});

test("a block stays where it is while it fits and is at least half used", () => {
  const heap = smallHeap();
  for (const size of [64, 112, 1024, 5120, 32768, 65536]) {
    const ptr = heap.malloc(size);
    expect(heap.realloc(ptr, size)).toBe(ptr);
    expect(heap.realloc(ptr, size / 2)).toBe(ptr);
    expect(heap.realloc(ptr, size / 2 + 1)).toBe(ptr);
    const smaller = heap.realloc(ptr, size / 2 - 1);
    expect(smaller).not.toBe(ptr);
    expect(heap.usableSize(smaller)).toBeLessThan(size);
    const larger = heap.realloc(smaller, size + 1 > 65536 ? size : size + 1);
    expect(larger).not.toBe(smaller);
    heap.reset();
  }
});

describe("spans", () => {
  test("are cut where they lie; the slabs come back", () => {
    const heap = smallHeap({ capacity: 2 ** 21 });
    const ptr = heap.malloc(10 * SLAB);
    writePattern(heap, ptr, 200000, 5);
    for (let slabs = 9; slabs >= 2; slabs--) {
      expect(heap.realloc(ptr, slabs * SLAB)).toBe(ptr);
      expect(heap.stats().slabs.inUse).toBe(slabs);
      expect(heap.usableSize(ptr)).toBe(slabs * SLAB);
      heap.verify();
    }
    expect(isPattern(heap, ptr, 2 * SLAB, 5)).toBe(true);
    const block = heap.realloc(ptr, 65536);
    expect(block).not.toBe(ptr);
    expect(heap.realloc(block, 65535)).toBe(block);
    expect(isPattern(heap, block, 65535, 5)).toBe(true);
    expect(heap.stats().slabs.inUse).toBe(1);
    heap.verify();
  });

  test("grow where they lie into the wilderness and into free runs", () => {
    const heap = smallHeap({ capacity: 2 ** 21 });
    const ptr = heap.malloc(65537);
    for (const slabs of [2, 3, 7, 12]) {
      expect(heap.realloc(ptr, slabs * SLAB)).toBe(ptr);
      expect(heap.stats().slabs.inUse).toBe(slabs);
      heap.verify();
    }
    const gap = heap.malloc(4 * SLAB);
    const wall = heap.malloc(2 * SLAB);
    heap.free(gap);
    expect(heap.realloc(ptr, 14 * SLAB)).toBe(ptr);
    expect(heap.realloc(ptr, 16 * SLAB)).toBe(ptr);
    heap.verify();
    heap.free(wall);
    expect(heap.realloc(ptr, 20 * SLAB)).toBe(ptr);
    heap.verify();
    heap.free(ptr);
    expect(heap.stats().slabs.inUse).toBe(0);
  });

  test("move when a neighbour is in the way", () => {
    const heap = smallHeap({ capacity: 2 ** 21 });
    const ptr = heap.malloc(2 * SLAB);
    heap.malloc(2 * SLAB);
    writePattern(heap, ptr, 2 * SLAB, 9);
    const moved = heap.realloc(ptr, 3 * SLAB);
    expect(moved).not.toBe(ptr);
    expect(isPattern(heap, moved, 2 * SLAB, 9)).toBe(true);
    expect(heap.classify(ptr)).toBe("unallocated");
    heap.verify();
  });

  test("change within their last slab", () => {
    const heap = smallHeap({ capacity: 2 ** 20 });
    const ptr = heap.malloc(100000);
    for (const size of [100001, 131072, 65537, 70000]) {
      expect(heap.realloc(ptr, size)).toBe(ptr);
      expect(heap.usableSize(ptr)).toBe(Math.ceil(size / 16) * 16);
      expect(heap.stats().spans).toEqual({ blocks: 1, bytes: heap.usableSize(ptr) });
      heap.verify();
    }
  });

  test("grow to the very end of the heap", () => {
    const heap = smallHeap();
    const max = heap.stats().pooledBytes;
    const ptr = heap.malloc(65537);
    expect(heap.realloc(ptr, max)).toBe(ptr);
    expect(heap.stats().pooledBytes).toBe(0);
    heap.verify();
  });
});

test("realloc of null is malloc; to 0 bytes it keeps a block", () => {
  const heap = smallHeap();
  const ptr = heap.realloc(NULL, 300);
  expect(heap.usableSize(ptr)).toBe(heap.usableSize(heap.malloc(300)));
  const none = heap.realloc(ptr, 0);
  expect(none).not.toBe(0);
  expect(heap.usableSize(none)).toBe(16);
  expect(heap.stats().live.blocks).toBe(2);
});

test("a block can always be made smaller, even when memory is exhausted", () => {
  for (const [from, to] of [
    [1024, 16],
    [32768, 100],
    [65536, 5000],
    [131072, 40],
  ] as const) {
    const heap = smallHeap();
    const ptr = heap.malloc(from);
    writePattern(heap, ptr, to, 1);
    fill(heap, 65536);
    fill(heap, from);
    const smaller = heap.realloc(ptr, to);
    expect(isPattern(heap, smaller, to, 1)).toBe(true);
    heap.verify();
  }
});

test("a chain of random sizes keeps the contents", () => {
  const size = fc.oneof(fc.nat(300), fc.nat(5000), fc.nat(70000), fc.nat(400000));
  const property = fc.property(fc.array(size, { minLength: 1, maxLength: 30 }), (sizes) => {
    const heap = smallHeap({ capacity: 2 ** 22 });
    let ptr = heap.malloc(16);
    let before = 0;
    for (const [index, bytes] of sizes.entries()) {
      ptr = heap.realloc(ptr, bytes);
      const kept = Math.min(before, bytes);
      expect(isPattern(heap, ptr, kept, index - 1)).toBe(true);
      writePattern(heap, ptr, bytes, index);
      before = bytes;
    }
    heap.verify();
    heap.free(ptr);
    heap.drain();
    expect(heap.stats().slabs.inUse).toBe(0);
  });
  fc.assert(property, { numRuns: runs(20, 60) });
});

test("a block whose class stays does not move, however little of it is asked for", () => {
  const heap = smallHeap();
  for (const [from, to] of [
    [16, 0],
    [16, 4],
    [32, 17],
    [65536, 57345],
  ] as const) {
    const ptr = heap.malloc(from);
    expect(heap.realloc(ptr, to)).toBe(ptr);
  }
});

test("a span becomes a block of a class when it is cut to its size: no slab stays unused", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (const size of [65536, 40961, 32776, 100]) {
    const ptr = heap.malloc(65537);
    const block = heap.realloc(ptr, size);
    expect(heap.usableSize(block) - size).toBeLessThan(SLAB);
    expect(heap.usableSize(block)).toBeLessThanOrEqual(SLAB);
    heap.free(block);
  }
  heap.verify();
});
