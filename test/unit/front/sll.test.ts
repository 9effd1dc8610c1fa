import { expect, test } from "vitest";
import type { Heap, Ptr } from "../../../src/index.js";
import { MAGAZINE_COUNT, SLL_BLOCKS, SPARE_HEAD } from "../../../src/layout/metadata.js";
import { at, imageOf, smallHeap } from "../help.js";

function churn(heap: Heap, size: number, count: number): Ptr[] {
  const ptrs = Array.from({ length: count }, () => heap.malloc(size));
  expect(new Set(ptrs).size).toBe(count);
  for (const ptr of ptrs) heap.free(ptr);
  heap.verify();
  return ptrs;
}

test("spare magazines go from class to class, whatever their caps", () => {
  const heap = smallHeap({ capacity: 2 ** 22, sllDrainInterval: 0 });
  const sizes = [16, 1024, 16, 5000, 256, 20000, 300, 60000, 16];
  for (let round = 0; round < 3; round++) {
    for (const size of sizes) {
      const count = Math.min(2000, Math.floor(1000000 / size));
      churn(heap, size, count);
      // Once through the SLL, once through the slabs.
      churn(heap, size, count);
      heap.drain();
      heap.verify();
    }
  }
  expect(heap.stats().slabs.inUse).toBe(0);
});

test("malloc takes back the newest magazine of the SLL, and its own becomes a spare", () => {
  const heap = smallHeap({ fastCap: 10, sllDrainInterval: 0, frontStats: true });
  const { meta } = imageOf(heap);
  const ptrs = churn(heap, 64, 60);
  expect(meta[SLL_BLOCKS]).toBe(40);
  expect(at(meta, SPARE_HEAD)).toBe(0);
  const before = heap.stats();
  const again = Array.from({ length: 60 }, () => heap.malloc(64));
  expect(new Set(again)).toEqual(new Set(ptrs));
  expect(meta[SLL_BLOCKS]).toBe(0);
  expect(at(meta, SPARE_HEAD)).toBeGreaterThan(0);
  const after = heap.stats();
  expect(after.refills).toBe(before.refills);
  expect(after.drains).toBe(0);
  heap.verify();
});

test("all magazines in use force a drain, and no block is lost", () => {
  const heap = smallHeap({ capacity: 2 ** 21, fastCap: 1, sllDrainInterval: 0 });
  const ptrs = churn(heap, 16, 500);
  const { cached, drains, free, live } = heap.stats();
  expect(drains).toBeGreaterThan(0);
  expect(live.blocks).toBe(0);
  expect(cached.blocks).toBeLessThanOrEqual(MAGAZINE_COUNT);
  expect(cached.blocks + free.blocks).toBeGreaterThanOrEqual(ptrs.length);
});
