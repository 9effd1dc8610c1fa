import { describe, expect, it } from "vitest";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { runs } from "../../support/tier.js";
import { at, isPattern, thrown, writePattern, wrong } from "../help.js";
import { asHeap, drainAllOf, sharedHeap, sharedViewsOf, workersOf } from "./help.js";

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
    const { words } = sharedViewsOf(a);
    const slot = workerSlot.at(1) + workerSlot.STATE;
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

/** The checksum of a snapshot: see src/inspect/snapshot.ts. */
function sign(words: Uint32Array): void {
  let hash = 0x811c9dc5;
  for (const word of words.subarray(5)) hash = Math.imul(hash ^ word, 0x01000193);
  words[4] = hash;
}

describe("a snapshot with a word changed, and the right checksum", () => {
  it("is refused, or what is restored is intact", () => {
    const [a, b] = workersOf(2, { maxWorkers: 2 }) as [SharedHeap, SharedHeap];
    for (let turn = 0; turn < 300; turn++) {
      const ptr = a.malloc(32 + (turn % 64));
      b.malloc(1 + ((turn * 7) % 900));
      if (turn % 3 > 0) b.free(ptr);
    }
    a.malloc(200000);
    const snapshot = new Uint32Array(a.snapshot().buffer);
    const metadata = 5 + 2 * at(snapshot, 3);
    let seed = 7;
    const random = (end: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 4) % end;
    };
    const values = [0, 1, 0xffffffff, 0x7fffffff];
    let refused = 0;
    const turns = runs(50, 400);
    for (let turn = 0; turn < turns; turn++) {
      const words = snapshot.slice();
      const word = metadata + random(turn % 2 === 0 ? 1024 : words.length - metadata);
      words[word] = values[turn % 5] ?? at(words, word) ^ (1 << random(32));
      sign(words);
      try {
        SharedHeap.restore(new Uint8Array(words.buffer)).verify();
      } catch (error) {
        expect((error as { code?: string }).code).toBe("ERR_BAD_HEAP_IMAGE");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(turns / 20);
  });
});
