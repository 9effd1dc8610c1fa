import { expect, test } from "vitest";
import { NULL } from "../../../src/index.js";
import { fill, smallHeap, thrown } from "../help.js";

test("reset frees everything at once", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (let round = 0; round < 4; round++) {
    const sizes = [16, 100, 1000, 3000, 40000, 65536, 70000, 300000];
    const ptrs = sizes.map((size) => heap.malloc(size));
    for (const ptr of Array.from({ length: 700 }, () => heap.malloc(48))) heap.free(ptr);
    const before = heap.stats();
    heap.reset();
    heap.verify();
    const after = heap.stats();
    expect(after.live).toEqual({ blocks: 0, bytes: 0 });
    expect(after.cached).toEqual({ blocks: 0, bytes: 0 });
    expect(after.slabs.inUse).toBe(0);
    expect(after.refills + after.drains + after.slabs.opened).toBe(0);
    expect(after.peakCommittedBytes).toBeGreaterThanOrEqual(before.peakCommittedBytes - 65536);
    expect(after.committedBytes).toBeLessThan(before.committedBytes);
    for (const ptr of ptrs) {
      expect(heap.classify(ptr)).toBe("unallocated");
      thrown(() => heap.free(ptr), "ERR_INVALID_POINTER");
    }
  }
});

test("after a reset all memory is there again, as one run", () => {
  const heap = smallHeap();
  const count = fill(heap, 64).length;
  heap.reset();
  expect(fill(heap, 64)).toHaveLength(count);
  heap.reset();
  const max = heap.stats().pooledBytes;
  expect(heap.malloc(max)).not.toBe(NULL);
  heap.reset();
  heap.reset();
  heap.verify();
});

test("reset keeps the options", () => {
  const heap = smallHeap({ fastCap: 2, wrapTiny: false, frontStats: true, sllDrainInterval: 0 });
  heap.malloc(10);
  heap.reset();
  expect(heap.stats().front).toEqual({ hits: 0, misses: 0 });
  expect(heap.usableSize(heap.malloc(10))).toBe(1280);
  heap.verify();
});
