import { describe, expect, it } from "vitest";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import { at, fill, isPattern, thrown, writePattern } from "../help.js";
import { asHeap, drainAllOf, tailBytes, workersOf } from "./help.js";

type Three = [SharedHeap, SharedHeap, SharedHeap];

describe("a block of another worker", () => {
  it("is read, resized and told of as one's own", () => {
    const [a, b] = workersOf(3) as Three;
    for (const size of [40, 500, 5000, 65536, 200000]) {
      const ptr = a.malloc(size);
      expect(b.classify(ptr)).toBe(a.classify(ptr));
      expect(b.usableSize(ptr)).toBe(a.usableSize(ptr));
      expect(b.bytes(ptr, 7).byteOffset).toBe(ptr);
      writePattern(asHeap(a), ptr, size, size);
      const to = b.realloc(ptr, size * 2);
      expect(isPattern(asHeap(b), to, size, size)).toBe(true);
      expect(b.realloc(to, size * 2 - 1)).toBe(to);
      const back = a.realloc(to, 33);
      expect(isPattern(asHeap(a), back, 33, size)).toBe(true);
      a.free(back);
    }
    drainAllOf([a, b]);
    a.verify();
    expect(a.stats().slabs.inUse).toBe(0);
  });

  it("is freed once, whichever worker frees it", () => {
    const [a, b, c] = workersOf(3) as Three;
    const orders = [
      [a, b],
      [b, a],
      [b, b],
      [b, c],
    ] as const;
    for (const size of [0, 64, 2000, 65536, 70000]) {
      for (const [first, second] of orders) {
        const ptr = a.malloc(size);
        const keep = a.malloc(size);
        first.free(ptr);
        const code = size > 65536 ? "ERR_INVALID_POINTER" : "ERR_DOUBLE_FREE";
        for (const heap of [second, a, b, c]) {
          thrown(() => heap.free(ptr), code);
          thrown(() => heap.realloc(ptr, 8), code);
          thrown(() => heap.usableSize(ptr), code);
          thrown(() => heap.handOver(ptr, 0), code);
          expect(heap.classify(ptr)).toBe(size > 65536 ? "unallocated" : "freed");
        }
        first.drain();
        if (size < 65536) thrown(() => second.free(ptr), "ERR_DOUBLE_FREE");
        a.free(keep);
        drainAllOf([a, b, c]);
        a.verify();
      }
    }
  });
});

describe("blocks of other workers", () => {
  it("are freed by a batch, or nothing is", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = [a, b, c, a, b].map((heap) => heap.malloc(100));
    thrown(() => b.freeBatch([...ptrs, at(ptrs, 0)], 6), "ERR_DOUBLE_FREE");
    thrown(() => b.freeBatch([...ptrs, 16 as Ptr], 6), "ERR_INVALID_POINTER");
    expect(a.stats().live.blocks).toBe(5);
    b.freeBatch([0 as Ptr, ...ptrs], 6);
    b.freeBatch([...ptrs], 0);
    expect(a.stats().live.blocks).toBe(0);
    drainAllOf([a, b, c]);
    expect(a.stats().slabs.inUse).toBe(0);
    thrown(() => b.freeBatch([...ptrs], 1), "ERR_INVALID_POINTER");
  });

  it("stay in the outbox until that is due", () => {
    for (const [interval, limit] of [
      [0, 1024],
      [1, 1],
      [7, 7],
      [5000, 1024],
    ] as const) {
      const [a, b] = workersOf(3, { sllDrainInterval: interval }) as Three;
      const ptrs = Array.from({ length: 2100 }, () => a.malloc(48));
      let most = 0;
      ptrs.forEach((ptr, index) => {
        b.free(ptr);
        if (index % 97 !== 0 && index >= 10 && index % 1024 <= 1020) return;
        const { outboxBlocks } = at(b.stats().workers, 1);
        expect(outboxBlocks).toBe((index + 1) % limit);
        most = Math.max(most, outboxBlocks);
      });
      expect(most).toBe(limit - 1);
      drainAllOf([b, a]);
      a.verify();
      expect(a.stats().slabs.inUse).toBe(0);
    }
  });

  it("of every class come home", () => {
    const [a, b] = workersOf(3, { capacity: 16 * 2 ** 20 }) as Three;
    const sizes = a.stats().classes.map((own) => own.blockBytes);
    const ptrs = sizes.flatMap((size) => Array.from({ length: 90 }, () => a.tryMalloc(size)));
    const live = ptrs.filter((ptr) => ptr !== 0).sort((x, y) => (x % 977) - (y % 977));
    live.forEach((ptr, index) => {
      b.free(ptr);
      if (index % 500 === 0) a.verify();
    });
    drainAllOf([b, a]);
    a.verify();
    expect(a.stats().slabs.inUse).toBe(0);
  });
});

describe("a span", () => {
  it("is freed and resized by any worker, which then owns it", () => {
    const [a, b, c] = workersOf(3) as Three;
    const slabsOf = (): number[] => a.stats().workers.map(({ slabs }) => slabs);
    const span = a.malloc(300000);
    expect(slabsOf()).toEqual([5, 0, 0]);
    expect(b.realloc(span, 100000)).toBe(span);
    expect(slabsOf()).toEqual([0, 2, 0]);
    expect(c.realloc(span, 400000)).toBe(span);
    expect(slabsOf()).toEqual([0, 0, 7]);
    a.verify();
    a.free(span);
    expect(slabsOf()).toEqual([0, 0, 0]);
    a.verify();
  });
});

describe("memory that is exhausted", () => {
  it("comes back from frees of others, for every number of slabs", () => {
    for (let slabs = 1; slabs <= 6; slabs++) {
      const [a, b] = workersOf(2, { capacity: 2 ** 20, maxWorkers: 2, fastCap: 1 });
      if (a === undefined || b === undefined) throw new Error("two workers");
      const total = a.stats().slabs.pooled;
      const rest = a.malloc((total - slabs) * 65536);
      for (const size of [40, 1000, 20000, 65536]) {
        const ptrs = fill(asHeap(a), size);
        expect(a.tryMalloc(size)).toBe(0);
        expect(b.tryMalloc(size)).toBe(0);
        expect(thrown(() => b.malloc(size), "ERR_HEAP_EXHAUSTED").details.requestBytes).toBe(size);
        thrown(() => b.calloc(size), "ERR_HEAP_EXHAUSTED");
        for (const ptr of ptrs) b.free(ptr);
        b.drain();
        const again = fill(asHeap(a), size);
        expect(again.length).toBe(ptrs.length);
        for (const ptr of again) a.free(ptr);
        drainAllOf([b, a]);
        a.verify();
        expect(a.stats().slabs.pooled).toBe(slabs);
      }
      b.free(rest);
      expect(b.malloc(total * 65536)).toBeGreaterThan(0);
    }
  });
});

describe("stats", () => {
  it("conserve bytes in total and for each worker", () => {
    const [a, b, c] = workersOf(3, { capacity: 16 * 2 ** 20 }) as Three;
    const heaps = [a, b, c];
    const ptrs = Array.from({ length: 900 }, (_, index) =>
      at(heaps, index % 3).malloc((index * 37) % 3000),
    );
    const span = a.malloc(100000);
    ptrs.forEach((ptr, index) => {
      if (index % 2 === 0) at(heaps, (index >> 1) % 3).free(ptr);
    });
    b.drain();
    const stats = a.stats();
    const { live, cached, free, inTransit, uncarvedBytes, spans, slabs, workers } = stats;
    expect(inTransit.blocks).toBeGreaterThan(0);
    expect(live.blocks).toBe(451);
    const blocks = live.bytes - spans.bytes + cached.bytes + free.bytes + inTransit.bytes;
    expect(blocks + uncarvedBytes + tailBytes(a)).toBe((slabs.inUse - 2) * 65536);
    expect(spans).toEqual({ blocks: 1, bytes: 100000 });
    expect(stats.pooledBytes + slabs.inUse * 65536 + stats.metadataBytes).toBe(a.options.capacity);
    const sum = (of: (worker: (typeof workers)[number]) => number): number =>
      workers.reduce((total, worker) => total + of(worker), 0);
    expect(sum((worker) => worker.live.blocks)).toBe(live.blocks);
    expect(sum((worker) => worker.live.bytes)).toBe(live.bytes);
    expect(sum((worker) => worker.cached.bytes)).toBe(cached.bytes);
    expect(sum((worker) => worker.slabs)).toBe(slabs.inUse);
    expect(sum((worker) => worker.refills)).toBe(stats.refills);
    expect(sum((worker) => worker.outboxBlocks)).toBeLessThanOrEqual(inTransit.blocks);
    a.free(span);
    a.verify();
  });
});

describe("reset", () => {
  it("is for a worker that is alone", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = [a, b, c].flatMap((heap) => [heap.malloc(64), heap.malloc(80000)]);
    b.free(at(ptrs, 0));
    expect(thrown(() => a.reset(), "ERR_WORKER_ALIVE").details.workerId).toBe(1);
    b.detach();
    expect(thrown(() => a.reset(), "ERR_WORKER_ALIVE").details.workerId).toBe(2);
    c.detach();
    a.reset();
    a.verify();
    expect(a.stats()).toMatchObject({ slabs: { inUse: 0 }, live: { blocks: 0 } });
  });
});
