import { describe, expect, it } from "vitest";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { at, fingerprint, thrown } from "../help.js";
import { drainAllOf, sharedHeap, workersOf } from "./help.js";

/** Every call of a handle. */
function calls(heap: SharedHeap, ptr: Ptr): Record<string, () => unknown> {
  const { malloc, tryMalloc, free, realloc } = heap;
  return {
    malloc: () => malloc(64),
    malloc0: () => malloc(0),
    mallocSpan: () => malloc(100000),
    tryMalloc: () => tryMalloc(64),
    free: () => free(ptr),
    freeNull: () => free(0 as Ptr),
    realloc: () => realloc(ptr, 10),
    reallocNull: () => realloc(0 as Ptr, 10),
    calloc: () => heap.calloc(8),
    alignedAlloc: () => heap.alignedAlloc(64, 64),
    mallocBatch: () => heap.mallocBatch(64, 2, []),
    freeBatch: () => heap.freeBatch([ptr], 1),
    usableSize: () => heap.usableSize(ptr),
    classify: () => heap.classify(ptr),
    bytes: () => heap.bytes(ptr),
    blocks: () => [...heap.blocks()],
    drain: () => heap.drain(),
    drainEvery: () => heap.drainEvery(10),
    handOver: () => heap.handOver(ptr, 0),
    recover: () => heap.recover(0),
    guard: () => heap.guard({ once: () => 0 }),
    stats: () => heap.stats(),
    verify: () => heap.verify(),
    snapshot: () => heap.snapshot(),
    reset: () => heap.reset(),
    mallocWait: () => heap.mallocWait(64, { timeout: 0 }),
  };
}

function expectClosed(heap: SharedHeap, other: SharedHeap, ptr: Ptr): void {
  const before = fingerprint(other.buffer);
  for (const action of Object.values(calls(heap, ptr))) thrown(action, "ERR_HEAP_DISPOSED");
  expect(fingerprint(other.buffer)).toBe(before);
}

describe("a handle that has detached", () => {
  for (const options of [{}, { wrapTiny: false, frontStats: true, safeFree: true }]) {
    it(`refuses every call, also when its slot is another's: ${JSON.stringify(options)}`, () => {
      const [a, b] = workersOf(2, options) as [SharedHeap, SharedHeap];
      const ptr = b.malloc(64);
      const mine = a.malloc(64);
      b.free(b.malloc(64));
      b.detach();
      b.detach();
      expectClosed(b, a, ptr);
      expectClosed(b, a, mine);
      const c = SharedHeap.attach(a.buffer);
      expect(c.workerId).toBe(1);
      const held = c.malloc(64);
      c.free(c.malloc(64));
      c.free(c.malloc(80));
      expectClosed(b, a, ptr);
      expectClosed(b, a, held);
      b.detach();
      expect(c.usableSize(held)).toBeGreaterThanOrEqual(64);
      a.verify();
    });
  }

  it("rejects mallocAsync", async () => {
    const heap = sharedHeap();
    heap.detach();
    await expect(heap.mallocAsync(8)).rejects.toMatchObject({ code: "ERR_HEAP_DISPOSED" });
  });

  it("is disposed of by using", () => {
    const a = sharedHeap();
    {
      using b = SharedHeap.attach(a.buffer);
      b.malloc(8);
    }
    expect(a.stats().workers).toHaveLength(1);
  });
});

describe("what a detached worker leaves", () => {
  it("stays live, and comes back when others free it", () => {
    const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
    const sizes = [0, 32, 100, 1024, 5000, 40000, 65536, 100000];
    const ptrs = sizes.flatMap((size) => Array.from({ length: 3 }, () => b.malloc(size)));
    ptrs.forEach((ptr, index) => {
      b.u8[ptr] = index;
    });
    b.detach();
    a.verify();
    expect(a.stats().abandonedSlabs).toBeGreaterThan(0);
    expect(a.stats().live.blocks).toBe(ptrs.length);
    ptrs.forEach((ptr, index) => {
      expect(a.u8[ptr]).toBe(index);
      (index % 2 === 0 ? a : c).free(ptr);
    });
    drainAllOf([a, c]);
    a.verify();
    expect(a.stats()).toMatchObject({ slabs: { inUse: 0 }, abandonedSlabs: 0 });
  });

  it("is adopted when memory runs out, without a drain", () => {
    const [a, b] = workersOf(2, { capacity: 2 ** 20, maxWorkers: 2, fastCap: 1 }) as [
      SharedHeap,
      SharedHeap,
    ];
    const ptrs: Ptr[] = [];
    for (let ptr = b.tryMalloc(1024); ptr !== 0; ptr = b.tryMalloc(1024)) ptrs.push(ptr);
    expect(a.tryMalloc(1024)).toBe(0);
    const kept = ptrs.filter((_, index) => index % 64 === 0);
    for (const [index, ptr] of ptrs.entries()) if (index % 64 !== 0) b.free(ptr);
    b.detach();
    const got: Ptr[] = [];
    for (let ptr = a.tryMalloc(1024); ptr !== 0; ptr = a.tryMalloc(1024)) got.push(ptr);
    expect(got.length).toBe(ptrs.length - kept.length);
    a.verify();
  });

  it("includes what it had in transit: that is sent", () => {
    const [a, b] = workersOf(2) as [SharedHeap, SharedHeap];
    const ptrs = Array.from({ length: 100 }, () => a.malloc(64));
    for (const ptr of ptrs) b.free(ptr);
    expect(at(a.stats().workers, 1).outboxBlocks).toBe(100);
    b.detach();
    expect(a.stats().inTransit.blocks).toBe(100);
    a.drain();
    a.verify();
    expect(a.stats()).toMatchObject({ inTransit: { blocks: 0 }, slabs: { inUse: 0 } });
  });

  it("is adopted by the worker that sends the last block home", () => {
    const [a, b] = workersOf(2, { sllDrainInterval: 1 }) as [SharedHeap, SharedHeap];
    const ptrs = [b.malloc(64), b.malloc(64)];
    b.detach();
    expect(a.stats().abandonedSlabs).toBe(1);
    for (const ptr of ptrs) a.free(ptr);
    expect(a.stats().abandonedSlabs).toBe(0);
    a.drain();
    expect(a.stats().slabs.inUse).toBe(0);
    a.verify();
  });
});
