import { describe, expect, test } from "vitest";
import { Heap, type HeapStats, NULL, type Ptr } from "../../../src/index.js";
import { CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { SLAB, smallHeap } from "../help.js";

/** The sums that hold at every quiescent point. */
function checkSums(stats: HeapStats): void {
  const { classes, live, cached, free, slabs, spans } = stats;
  const sum = (pick: (row: (typeof classes)[number]) => number): number =>
    classes.reduce((total, row) => total + pick(row), 0);
  for (const name of ["live", "cached", "free"] as const) {
    const extra = name === "live" ? spans : { blocks: 0, bytes: 0 };
    expect(stats[name].blocks).toBe(sum((row) => row[name].blocks) + extra.blocks);
    expect(stats[name].bytes).toBe(sum((row) => row[name].bytes) + extra.bytes);
  }
  expect(stats.uncarvedBytes).toBe(sum((row) => row.uncarvedBytes));
  expect(stats.refills).toBe(sum((row) => row.refills));
  expect(stats.pooledBytes).toBe((slabs.pooled + slabs.unused) * SLAB);
  const total = slabs.inUse + slabs.pooled + slabs.unused;
  expect(stats.metadataBytes + total * SLAB).toBe(stats.capacityBytes);
  for (const row of classes) {
    const blocks = row.live.blocks + row.cached.blocks + row.free.blocks;
    const room = Math.floor(SLAB / row.blockBytes) * row.slabs * row.blockBytes;
    expect(blocks * row.blockBytes + row.uncarvedBytes, `class ${row.class}`).toBe(room);
    for (const part of [row.live, row.cached, row.free]) {
      expect(part.bytes).toBe(part.blocks * row.blockBytes);
      expect(part.blocks).toBeGreaterThanOrEqual(0);
    }
  }
  const classSlabs = sum((row) => row.slabs);
  expect(slabs.inUse - classSlabs).toBeGreaterThanOrEqual(Math.ceil(spans.bytes / SLAB));
  expect(slabs.inUse - classSlabs).toBeLessThanOrEqual(spans.bytes / SLAB + spans.blocks);
  const used = live.bytes + cached.bytes + free.bytes;
  expect(stats.committedBytes).toBeLessThanOrEqual(stats.peakCommittedBytes);
  expect(stats.committedBytes).toBeGreaterThanOrEqual(used);
  expect(JSON.parse(JSON.stringify(stats))).toEqual(stats);
}

test("a fresh heap's figures", () => {
  const stats = smallHeap().stats();
  checkSums(stats);
  expect(stats.capacityBytes).toBe(524288);
  expect(stats.slabs).toEqual({ inUse: 0, pooled: 0, unused: 7, opened: 0 });
  expect(stats.metadataBytes).toBe(SLAB);
  expect(stats.refills + stats.drains + stats.live.blocks + stats.free.blocks).toBe(0);
  expect(stats.classes).toHaveLength(CLASS_COUNT);
  expect(stats.classes.map((row) => row.class)).toEqual(
    Array.from({ length: CLASS_COUNT }, (_, i) => i + 1),
  );
  expect(Object.keys(stats)).not.toContain("undefined");
});

test("figures add up through a life of a heap", () => {
  const heap = smallHeap({ capacity: 2 ** 23, frontStats: true, fastCap: 20 });
  let seed = 42;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    return (seed >>> 8) % limit;
  };
  const live: { ptr: Ptr; usable: number }[] = [];
  for (let step = 0; step < 6000; step++) {
    if (random(5) < 3) {
      const size = random(20) === 0 ? random(200000) : random(4) === 0 ? random(9000) : random(600);
      const ptr = heap.tryMalloc(size);
      if (ptr !== 0) live.push({ ptr, usable: heap.usableSize(ptr) });
    } else if (live.length > 0) {
      const [gone] = live.splice(random(live.length), 1);
      heap.free(gone?.ptr ?? NULL);
    }
    if (step % 500 === 0) {
      const stats = heap.stats();
      checkSums(stats);
      expect(stats.live.blocks).toBe(live.length);
      expect(stats.live.bytes).toBe(live.reduce((sum, { usable }) => sum + usable, 0));
      heap.verify();
    }
  }
  for (const { ptr } of live) heap.free(ptr);
  heap.drain();
  const stats = heap.stats();
  checkSums(stats);
  expect(stats.slabs.inUse + stats.live.blocks + stats.cached.blocks + stats.free.blocks).toBe(0);
});

test("counters count", () => {
  const heap = smallHeap({ refillCountHot: 10 });
  const ptrs = Array.from({ length: 25 }, () => heap.malloc(32));
  heap.malloc(70000);
  const row = () => heap.stats().classes.find(({ blockBytes }) => blockBytes === 32);
  expect(row()).toMatchObject({ refills: 3, slabs: 1, drained: 0, tier: "tiny", class: 2 });
  expect(row()?.live).toEqual({ blocks: 25, bytes: 800 });
  expect(row()?.cached).toEqual({ blocks: 5, bytes: 160 });
  for (const ptr of ptrs.slice(0, 24)) heap.free(ptr);
  heap.drain();
  expect(row()).toMatchObject({ refills: 3, slabs: 1, drained: 29 });
  expect(row()?.free).toEqual({ blocks: 29, bytes: 928 });
  const { drains, slabs, spans } = heap.stats();
  expect(drains).toBe(1);
  expect(slabs).toEqual({ inUse: 3, pooled: 0, unused: 4, opened: 1 });
  expect(spans).toEqual({ blocks: 1, bytes: 70000 });
});

describe("committed bytes", () => {
  const peak = (heap: Heap): number => heap.stats().peakCommittedBytes;

  test("one small block costs a few pages, in a heap of any capacity", () => {
    for (const capacity of [524288, 2 ** 26, 2 ** 30, 2 ** 31 - 65536]) {
      const heap = Heap.create({ capacity });
      const before = peak(heap);
      heap.malloc(16);
      expect(peak(heap)).toBeLessThan(100 * 1024);
      expect(peak(heap) - before).toBeLessThanOrEqual(5 * 4096);
    }
  });

  test("grow by no more than what is used", () => {
    const heap = Heap.create({ capacity: 2 ** 26 });
    for (const size of [16, 64, 1000, 4096, 30000, 65536, 100000, 1000000]) {
      heap.malloc(size);
      const before = peak(heap);
      let used = 0;
      for (let count = 0; count < 20; count++) {
        used += heap.usableSize(heap.malloc(size));
        // Blocks, a page of the block's own and one of the header map for each slab, metadata.
        const slabs = Math.ceil(used / SLAB) + 1;
        expect(peak(heap) - before).toBeLessThanOrEqual(used + 8192 + slabs * 4096 + 8192);
        expect(peak(heap) - before).toBeGreaterThanOrEqual(used - SLAB);
      }
    }
  });

  test("are handed back with the slabs, the peak stays", () => {
    const heap = smallHeap({ capacity: 2 ** 21 });
    const idle = heap.stats().committedBytes;
    const ptr = heap.malloc(1000000);
    const { committedBytes, peakCommittedBytes } = heap.stats();
    expect(committedBytes - idle).toBeGreaterThanOrEqual(1000000);
    expect(committedBytes - idle).toBeLessThanOrEqual(1000000 + 4096 + 4096 + 4096);
    expect(committedBytes).toBe(peakCommittedBytes);
    heap.free(ptr);
    expect(heap.stats().committedBytes - idle).toBeLessThanOrEqual(8192);
    expect(peak(heap)).toBe(peakCommittedBytes);
    heap.malloc(1000000);
    expect(peak(heap)).toBe(peakCommittedBytes);
    expect(heap.stats().committedBytes).toBe(committedBytes);
  });

  test("reuse of touched pages costs nothing more", () => {
    const heap = smallHeap();
    const once = (): void => {
      const ptrs = Array.from({ length: 500 }, () => heap.malloc(200));
      for (const ptr of ptrs) heap.free(ptr);
      heap.drain();
    };
    once();
    const before = peak(heap);
    for (let round = 0; round < 10; round++) once();
    expect(peak(heap)).toBe(before);
  });
});

test("an allocation that fails is neither a hit nor a miss", () => {
  const heap = smallHeap({ capacity: 2 ** 20, frontStats: true });
  const ptrs = Array.from({ length: 50 }, () => heap.malloc(64));
  for (let ptr = heap.tryMalloc(60000); ptr !== 0; ) ptr = heap.tryMalloc(60000);
  const before = heap.stats().front;
  for (let time = 0; time < 500; time++) expect(heap.tryMalloc(60000)).toBe(0);
  expect(heap.stats().front).toEqual(before);
  expect(ptrs.length).toBe(50);
});
