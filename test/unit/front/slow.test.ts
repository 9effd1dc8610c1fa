import { expect, test } from "vitest";
import { freeSlow, mallocSlow } from "../../../src/front/slow.js";
import type { Heap, Ptr } from "../../../src/index.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at, smallHeap, viewsOf } from "../help.js";

/** Puts 50 blocks of 64 bytes on the SLL, and 10 into the chain. */
function fillSll(heap: Heap): Ptr[] {
  const ptrs = Array.from({ length: 60 }, () => heap.malloc(64));
  for (const ptr of ptrs) heap.free(ptr);
  expect(viewsOf(heap).meta[superblock.SLL_BLOCKS]).toBe(50);
  return ptrs;
}

const heapWithSll = (): Heap => smallHeap({ fastCap: 10, sllDrainInterval: 0, refillCountMid: 1 });

test("the SLL is drained before a slab is opened, and not while there is a partial one", () => {
  const heap = heapWithSll();
  fillSll(heap);
  heap.malloc(1000);
  expect(heap.stats().drains).toBe(1);
  expect(viewsOf(heap).meta[superblock.SLL_BLOCKS]).toBe(0);
  heap.malloc(1000);
  expect(heap.stats().drains).toBe(1);
  fillSll(heap);
  for (let count = 0; count < 20; count++) heap.malloc(1000);
  expect(heap.stats().drains).toBe(1);
  // 64 of 1 KiB fill the slab, and 22 are taken.
  for (let count = 0; count < 42; count++) heap.malloc(1000);
  expect(heap.stats().drains).toBe(1);
  heap.malloc(1000);
  expect(heap.stats().drains).toBe(2);
  heap.verify();
});

test("the SLL is drained before a span is taken, if there is any", () => {
  const heap = heapWithSll();
  heap.malloc(70000);
  expect(heap.stats().drains).toBe(0);
  fillSll(heap);
  heap.malloc(70000);
  expect(heap.stats().drains).toBe(1);
  heap.malloc(70000);
  expect(heap.stats().drains).toBe(1);
});

test("each miss and each refill is counted once, by its class", () => {
  const heap = smallHeap({ refillCountHot: 10, fastCap: 20, sllDrainInterval: 0 });
  for (let count = 0; count < 15; count++) heap.malloc(200);
  const ptrs = Array.from({ length: 35 }, () => heap.malloc(64));
  const row = (bytes: number) =>
    at(
      heap.stats().classes.filter((r) => r.blockBytes === bytes),
      0,
    );
  expect(row(64).refills).toBe(4);
  expect(row(208).refills).toBe(2);
  expect(heap.stats().refills).toBe(6);
  for (const ptr of ptrs) heap.free(ptr);
  // 20 of the chain and 20 of the SLL, of which no refill is needed.
  for (let count = 0; count < 40; count++) heap.malloc(64);
  expect(row(64).refills).toBe(4);
  heap.malloc(64);
  expect(row(64).refills).toBe(5);
});

test("the slow path takes a block of the chain, if its caller has not looked there", () => {
  const heap = smallHeap({ refillCountHot: 4 });
  const views = viewsOf(heap);
  const first = heap.malloc(64);
  const step = 64;
  for (let count = 1; count < 4; count++) {
    expect(mallocSlow(views, 64)).toBe(first + count * step);
    expect(heap.stats().refills).toBe(1);
  }
  expect(mallocSlow(views, 64)).toBe(first + 4 * step);
  expect(heap.stats().refills).toBe(2);
  heap.verify();
});

test("a refill takes free blocks before uncarved ones, and carves to the end of a page", () => {
  const heap = smallHeap({ refillCountHot: 100, fastCap: 100 });
  const first = heap.malloc(208);
  const carved = (): number => {
    const row = at(
      heap.stats().classes.filter(({ blockBytes }) => blockBytes === 208),
      0,
    );
    return row.live.blocks + row.cached.blocks + row.free.blocks;
  };
  expect(first % 4096).toBe(0);
  // The block that does not end on the first page is carved with those of the second.
  expect(carved()).toBe(Math.floor(4096 / 208));
  for (let count = 1; count < 19; count++) heap.malloc(208);
  expect(carved()).toBe(Math.floor(4096 / 208));
  heap.malloc(208);
  expect(carved()).toBe(Math.floor(8192 / 208));
  heap.free(first);
  heap.drain();
  expect(heap.malloc(208)).toBe(first);
  heap.verify();
});

test.each([1, 2, 5])("the slow path fills a chain of %i, and then the SLL", (fastCap) => {
  const heap = smallHeap({ fastCap, sllDrainInterval: 0 });
  const views = viewsOf(heap);
  const ptrs = Array.from({ length: 3 * fastCap }, () => heap.malloc(64));
  heap.drain();
  ptrs.forEach((ptr, index) => {
    freeSlow(views, ptr);
    const onSll = Math.floor(index / fastCap) * fastCap;
    expect(views.meta[superblock.SLL_BLOCKS]).toBe(onSll);
    expect(heap.stats().cached.blocks).toBe(index + 1);
    heap.verify();
  });
  expect(heap.stats().mends).toBe(0);
  expect(Array.from(ptrs, () => heap.malloc(64))).toEqual(ptrs.reverse());
});

test("a block that ends with its page is carved alone, if no other of the page is left", () => {
  const heap = smallHeap({ refillCountHot: 63, fastCap: 100 });
  for (let count = 0; count < 64; count++) heap.malloc(64);
  expect(heap.stats()).toMatchObject({ live: { blocks: 64 }, cached: { blocks: 0 }, refills: 2 });
  heap.malloc(64);
  expect(heap.stats()).toMatchObject({ live: { blocks: 65 }, cached: { blocks: 62 }, refills: 3 });
});
