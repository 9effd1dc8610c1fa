import { describe, expect, it } from "vitest";
import { freeSlot } from "../../../src/heap/slots.js";
import { SharedHeap } from "../../../src/index.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { generationOf, SLOT_FREE } from "../../../src/layout/slotState.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { bury, sharedViewsOf, slotOf, workersOf } from "./help.js";

type Two = [SharedHeap, SharedHeap];

/** The words of workers that an end of one must leave as they are. */
function wordsOf(heap: SharedHeap): Map<string, number> {
  const { layout, words } = sharedViewsOf(heap);
  const found = new Map<string, number>();
  for (let worker = 0; worker < layout.workers; worker++) {
    const dirty = layout.regions + worker * layout.regionInts + workerRegion.DIRTY_WORDS;
    for (let word = 0; word < layout.dirtyWords; word++) {
      found.set(`${worker} dirty ${word}`, Atomics.load(words, dirty + word));
    }
    const slot = workerSlot.at(worker);
    found.set(`${worker} mail`, Atomics.load(words, slot + workerSlot.MAIL));
    found.set(`${worker} ticket`, Atomics.load(words, slot + workerSlot.TICKET));
    const waiting = Atomics.load(words, sharedSuperblock.WAITING + (worker >> 5));
    found.set(`${worker} waits`, (waiting >>> (worker & 31)) & 1);
  }
  return found;
}

function fillWords(heap: SharedHeap): void {
  const { layout, words } = sharedViewsOf(heap);
  Atomics.store(words, sharedSuperblock.WAITING, -1);
  Atomics.store(words, sharedSuperblock.WAITING + 1, -1);
  for (let worker = 0; worker < layout.workers; worker++) {
    const dirty = layout.regions + worker * layout.regionInts + workerRegion.DIRTY_WORDS;
    for (let word = 0; word < layout.dirtyWords; word++) Atomics.store(words, dirty + word, 7);
    Atomics.store(words, workerSlot.at(worker) + workerSlot.MAIL, 1);
    Atomics.store(words, workerSlot.at(worker) + workerSlot.TICKET, 100 + worker);
  }
}

describe("a slot that becomes free", () => {
  it.each([1, 31, 32, 40, 63])("loses mail, ticket and waits, and only its own: %i", (worker) => {
    const [a] = workersOf(64, { maxWorkers: 64 }) as [SharedHeap];
    fillWords(a);
    const before = wordsOf(a);
    const { state } = slotOf(a, worker);
    freeSlot(sharedViewsOf(a), worker, state);
    const after = wordsOf(a);
    for (const [name, value] of before) {
      const isOwn = name.startsWith(`${worker} `);
      expect(after.get(name), name).toBe(isOwn ? 0 : value);
    }
    expect(slotOf(a, worker).state).toBe(generationOf(state) | SLOT_FREE);
  });

  it("wakes those that wait", () => {
    const [a, b] = workersOf(2) as Two;
    const { words } = sharedViewsOf(a);
    Atomics.store(words, sharedSuperblock.WAITING, 1 << a.workerId);
    const before = Atomics.load(words, sharedSuperblock.EVENTS);
    freeSlot(sharedViewsOf(a), b.workerId, slotOf(a, b.workerId).state);
    expect(Atomics.load(words, sharedSuperblock.EVENTS)).toBe(before + 1);
  });
});

describe("recoveries", () => {
  it("are counted, at their beginning and at their end", () => {
    const [a] = workersOf(4) as [SharedHeap];
    const { words } = sharedViewsOf(a);
    for (const worker of [1, 2, 3]) {
      bury(a, worker);
      expect(Atomics.load(words, sharedSuperblock.RECOVERIES)).toBe(2 * worker);
    }
  });
});

describe("a slab that was abandoned and not noted", () => {
  it.each([2, 31, 32, CLASS_COUNT])("is noted by the next recovery: class %i", (classIndex) => {
    const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
    b.malloc(BLOCK_BYTES[classIndex] as number);
    b.detach();
    const { words } = sharedViewsOf(a);
    const notes = (): number[] =>
      [0, 1].map((word) => Atomics.load(words, sharedSuperblock.ABANDONED_CLASSES + word));
    const before = notes();
    expect(before[classIndex >> 5]).toBe(1 << (classIndex & 31));
    words.fill(0, sharedSuperblock.ABANDONED_CLASSES, sharedSuperblock.ABANDONED_CLASSES + 2);
    bury(a, c.workerId);
    expect(notes()).toEqual(before);
  });
});

describe("a restored heap", () => {
  it.each(["none", "0", "1"])(
    "has touched as many pages as before; worker that left: %s",
    (left) => {
      const heaps = workersOf(3);
      for (const heap of heaps) heap.malloc(500_000);
      if (left !== "none") heaps[Number(left)]?.detach();
      const last = heaps[2] as SharedHeap;
      const { peakCommittedBytes } = last.stats();
      const restored = SharedHeap.restore(last.snapshot());
      expect(restored.stats().peakCommittedBytes).toBeLessThanOrEqual(peakCommittedBytes + 65536);
      expect(restored.stats().peakCommittedBytes).toBeGreaterThan(1_500_000);
      restored.verify();
    },
  );
});
