import { expect, test } from "vitest";
import type { Heap, Ptr } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at, smallHeap, viewsOf } from "../help.js";

function churn(heap: Heap, size: number, count: number): Ptr[] {
  const ptrs = Array.from({ length: count }, () => heap.malloc(size));
  expect(new Set(ptrs).size).toBe(count);
  for (const ptr of ptrs) heap.free(ptr);
  heap.verify();
  return ptrs;
}

test("blocks go through the SLL and the slabs, whatever their class's cap", () => {
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

test("malloc takes the newest block of the chain, then the newest chain of the SLL", () => {
  const heap = smallHeap({ fastCap: 10, sllDrainInterval: 0, frontStats: true });
  const { meta } = viewsOf(heap);
  const ptrs = churn(heap, 64, 60);
  const classAt = classRecord.at(4);
  expect(meta[superblock.SLL_BLOCKS]).toBe(50);
  expect(at(meta, classAt + classRecord.SLL_CHAINS)).toBe(5);
  const before = heap.stats();
  expect(Array.from({ length: 60 }, () => heap.malloc(64))).toEqual(ptrs.reverse());
  expect(meta[superblock.SLL_BLOCKS]).toBe(0);
  expect(at(meta, classAt + classRecord.SLL_CHAINS)).toBe(0);
  expect(at(meta, classAt + classRecord.SLL_HEAD)).toBe(0);
  const after = heap.stats();
  expect(after.refills).toBe(before.refills);
  expect(after.drains).toBe(0);
  expect(after.mends).toBe(0);
  heap.verify();
});

test("a cap of one block puts every block on the SLL, and loses none", () => {
  const heap = smallHeap({ capacity: 2 ** 21, fastCap: 1, sllDrainInterval: 0 });
  const ptrs = churn(heap, 16, 500);
  const { cached, drains, live } = heap.stats();
  expect(drains).toBe(0);
  expect(live.blocks).toBe(0);
  expect(cached.blocks).toBe(ptrs.length);
  expect(viewsOf(heap).meta[superblock.SLL_BLOCKS]).toBe(499);
});
