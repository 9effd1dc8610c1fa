import { describe, expect, it } from "vitest";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { SLOT_RECOVERING, SLOT_STATE, slotWord } from "../../../src/layout/shared.js";
import { at, isPattern, thrown, writePattern, wrong } from "../help.js";
import { asHeap, drainAllOf, sharedHeap, sharedImageOf, workersOf } from "./help.js";

type Three = [SharedHeap, SharedHeap, SharedHeap];

/** Every block's slabs come back in the restored heap. */
function expectRestored(snapshot: Uint8Array, ptrs: readonly Ptr[]): void {
  const heap = SharedHeap.restore(snapshot);
  heap.verify();
  expect(heap.stats().workers).toHaveLength(1);
  expect(heap.stats().live.blocks).toBe(ptrs.length);
  for (const [index, ptr] of ptrs.entries()) {
    expect(isPattern(asHeap(heap), ptr, 32, index)).toBe(true);
    heap.free(ptr);
  }
  drainAllOf([heap]);
  heap.verify();
  const { slabs, inTransit } = heap.stats();
  expect([slabs.inUse, inTransit.blocks]).toEqual([0, 0]);
  while (heap.stats().workers.length < heap.maxWorkers) SharedHeap.attach(heap.buffer);
}

function filled(heaps: readonly SharedHeap[]): Ptr[] {
  const sizes = [0, 100, 3000, 65536, 90000];
  const ptrs = heaps.flatMap((heap) => sizes.map((size) => heap.malloc(size)));
  const heap = asHeap(at(heaps, 0));
  for (const [index, ptr] of ptrs.entries()) writePattern(heap, ptr, 32, index);
  return ptrs;
}

describe("a snapshot of a shared heap", () => {
  it("holds live, marked, cached and travelling blocks of several workers", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = filled([a, b, c]);
    a.handOver(at(ptrs, 1), 1);
    a.handOver(at(ptrs, 4), 2);
    const [sent, unsent, cached] = [a.malloc(64), a.malloc(64), a.malloc(64)];
    b.free(sent);
    b.drain();
    b.free(unsent);
    a.free(cached);
    const snapshot = c.snapshot();
    expectRestored(snapshot, ptrs);
    expectRestored(snapshot, ptrs);
    c.verify();
    expect(c.stats().live.blocks).toBe(ptrs.length);
  });

  it("is restored whatever slots are taken", () => {
    for (const gone of [[0], [1], [0, 1], [0, 2], [1, 2]]) {
      const heaps = workersOf(3, { maxWorkers: 3 });
      const ptrs = filled(heaps);
      const taken = heaps.map((heap) => heap.malloc(64));
      at(heaps, (at(gone, 0) + 1) % 3).free(at(taken, at(gone, 0)));
      for (const worker of gone) at(heaps, worker).detach();
      const last = heaps.find((heap) => !gone.includes(heap.workerId)) as SharedHeap;
      const rest = taken.filter((ptr) => last.classify(ptr) === "tiny");
      const start = ptrs.length;
      for (const [index, ptr] of rest.entries()) {
        writePattern(asHeap(last), ptr, 32, start + index);
      }
      expectRestored(last.snapshot(), [...ptrs, ...rest]);
    }
    for (const maxWorkers of [1, 2]) {
      const heaps = workersOf(maxWorkers, { maxWorkers });
      const ptrs = filled(heaps);
      expectRestored(at(heaps, 0).snapshot(), ptrs);
    }
  });

  it("is restored though a worker died while it recovered another", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = filled([a, b, c]);
    const { words } = sharedImageOf(a);
    const slot = slotWord(1, SLOT_STATE);
    words[slot] = (at(words, slot) & ~0xff) | SLOT_RECOVERING | 2;
    expectRestored(a.snapshot(), ptrs);
  });

  it("keeps the options, and is refused when it is damaged", () => {
    const heap = sharedHeap({ frontStats: true, sllDrainInterval: 3, maxWorkers: 7 });
    heap.malloc(100);
    const snapshot = heap.snapshot();
    const copy = SharedHeap.restore(snapshot);
    expect(copy.options).toEqual(heap.options);
    expect(copy.maxWorkers).toBe(7);
    for (const bad of [undefined, 5, new Uint8Array(3), snapshot.subarray(0, 40)]) {
      thrown(() => SharedHeap.restore(wrong(bad)), "ERR_BAD_HEAP_IMAGE");
    }
    snapshot[snapshot.length - 9] = at(snapshot, snapshot.length - 9) ^ 1;
    thrown(() => SharedHeap.restore(snapshot), "ERR_BAD_HEAP_IMAGE");
  });
});

describe("front statistics", () => {
  it("count small sizes in the class that has their blocks", () => {
    const heap = sharedHeap({ frontStats: true });
    for (let turn = 0; turn < 10; turn++) heap.free(heap.malloc(1));
    const [first, second] = heap.stats().classes;
    expect(first?.front).toEqual({ hits: 0, misses: 0 });
    expect(second?.front?.hits).toBeGreaterThan(0);
  });
});
