import { expect, test } from "vitest";
import type { Heap, Ptr } from "../../../src/index.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { ptrToSlab } from "../../../src/layout/units.js";
import { at, smallHeap, viewsOf } from "../help.js";
import { field } from "../inspect/corrupt.js";

const take = (heap: Heap, count: number, size: number): Ptr[] =>
  Array.from({ length: count }, () => heap.malloc(size));

test("a slab that changes its class starts over", () => {
  const heap = smallHeap({ refillCountHot: 4 });
  const { headers, meta } = viewsOf(heap);
  const ptrs = take(heap, 40, 48);
  const slab = ptrToSlab(at(ptrs, 0));
  for (const ptr of ptrs.slice(3, 9)) heap.free(ptr);
  heap.drain();
  const again = take(heap, 6, 48);
  expect(meta[field(slab, slabRecord.CURSOR)]).toBeGreaterThan(0);
  for (const ptr of [...again, ...ptrs.slice(0, 3), ...ptrs.slice(9)]) heap.free(ptr);
  heap.drain();
  expect(headers.every((header) => header === 0)).toBe(true);
  const other = heap.malloc(1024);
  expect(ptrToSlab(other)).toBe(slab);
  expect(meta[field(slab, slabRecord.CURSOR)]).toBe(0);
  expect(meta[field(slab, slabRecord.CARVED)]).toBe(4);
  expect(meta[field(slab, slabRecord.FREE_COUNT)]).toBe(0);
  heap.verify();
});

test("a refill goes on from where the last one ended, and comes round", () => {
  const heap = smallHeap({ refillCountHot: 2 });
  const ptrs = take(heap, 40, 64);
  const numbersOf = (list: Ptr[]): number[] => list.map((ptr) => ptrs.indexOf(ptr));
  for (const index of [30, 2, 17, 9]) heap.free(at(ptrs, index));
  heap.drain();
  expect(numbersOf(take(heap, 2, 64))).toEqual([2, 9]);
  heap.free(at(ptrs, 0));
  heap.drain();
  expect(numbersOf(take(heap, 2, 64))).toEqual([17, 30]);
  expect(numbersOf(take(heap, 1, 64))).toEqual([0]);
});
