import { describe, expect, it } from "vitest";
import { sync } from "../../../src/base/sync.js";
import { abandonSlab, adopt } from "../../../src/central/remote.js";
import { kindOf, loadState, ownerOf } from "../../../src/central/states.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { ABANDONED } from "../../../src/layout/slabState.js";
import { blocksPerSlab, ptrToSlab } from "../../../src/layout/units.js";
import { at } from "../help.js";
import { asHeap, sharedViewsOf, workersOf } from "./help.js";

type Two = [SharedHeap, SharedHeap];

/** A class of the first word of notes, and one of the second. */
const LOW = 5;
const HIGH = 40;

const bytesOf = (classIndex: number): number => at(BLOCK_BYTES, classIndex);

/** Fills slabs of a class but for the last block of each. */
function takeSlabs(heap: SharedHeap, classIndex: number, slabs: number): Ptr[] {
  const count = blocksPerSlab(classIndex);
  const ptrs = Array.from({ length: count * slabs }, () => heap.malloc(bytesOf(classIndex)));
  const spare = ptrs.filter((_, index) => index % count === count - 1);
  for (const ptr of spare) heap.free(ptr);
  return ptrs.filter((_, index) => index % count !== count - 1);
}

/** Returns how many slabs of a class are abandoned. */
function abandonedOf(heap: SharedHeap, classIndex: number): number {
  const views = sharedViewsOf(heap);
  let count = 0;
  for (let slab = views.layout.firstSlab; slab < views.layout.slabs; slab++) {
    const state = loadState(views, slab);
    if (ownerOf(state) === ABANDONED && kindOf(state) === classIndex) count++;
  }
  return count;
}

function isNoted(heap: SharedHeap, classIndex: number): boolean {
  const { words } = sharedViewsOf(heap);
  const word = Atomics.load(words, sharedSuperblock.ABANDONED_CLASSES + (classIndex >> 5));
  return ((word >>> (classIndex & 31)) & 1) === 1;
}

/** Returns how many loads of `sync` an action makes. */
function countLoads(action: () => void): number {
  const real = sync.load;
  let loads = 0;
  sync.load = (view, index) => {
    loads++;
    return real(view, index);
  };
  try {
    action();
  } finally {
    sync.load = real;
  }
  return loads;
}

/** Returns a worker, and what another has left: three slabs of each of two classes. */
function leftSlabs(): SharedHeap {
  const [a, b] = workersOf(2) as Two;
  takeSlabs(b, LOW, 3);
  takeSlabs(b, HIGH, 3);
  b.detach();
  expect([abandonedOf(a, LOW), abandonedOf(a, HIGH)]).toEqual([3, 3]);
  expect([isNoted(a, LOW), isNoted(a, HIGH)]).toEqual([true, true]);
  return a;
}

describe("adopting slabs", () => {
  it.each([
    [LOW, HIGH],
    [HIGH, LOW],
  ])("of class %i takes one with room, and leaves the rest noted", (classIndex, other) => {
    const a = leftSlabs();
    for (let left = 2; left >= 0; left--) {
      a.malloc(bytesOf(classIndex));
      expect([abandonedOf(a, classIndex), abandonedOf(a, other)]).toEqual([left, 3]);
      expect([isNoted(a, classIndex), isNoted(a, other)]).toEqual([true, true]);
    }
    // The next search finds none, and takes away the note.
    a.malloc(bytesOf(classIndex));
    expect([isNoted(a, classIndex), isNoted(a, other)]).toEqual([false, true]);
    a.verify();
  });

  it("of all classes takes all", () => {
    const a = leftSlabs();
    adopt(sharedViewsOf(a), 0);
    expect([abandonedOf(a, LOW), abandonedOf(a, HIGH)]).toEqual([0, 0]);
    expect([isNoted(a, LOW), isNoted(a, HIGH)]).toEqual([false, false]);
    a.verify();
  });

  it.each([LOW, HIGH])("of all classes takes those of class %i alone", (classIndex) => {
    const [a, b] = workersOf(2) as Two;
    takeSlabs(b, classIndex, 2);
    b.detach();
    adopt(sharedViewsOf(a), 0);
    expect(abandonedOf(a, classIndex)).toBe(0);
    expect(isNoted(a, classIndex)).toBe(false);
    a.verify();
  });

  it("searches no slab if none is noted, unless memory has run out", () => {
    const [a, b] = workersOf(2) as Two;
    takeSlabs(b, LOW, 2);
    b.detach();
    const views = sharedViewsOf(a);
    const noteAt = sharedSuperblock.ABANDONED_CLASSES;
    const note = Atomics.exchange(views.words, noteAt, 0);
    expect(countLoads(() => adopt(views, LOW))).toBe(1);
    expect(countLoads(() => adopt(views, 0))).toBe(2);
    Atomics.store(views.words, noteAt, note & ~(1 << LOW));
    Atomics.store(views.words, noteAt + 1, -1);
    expect(countLoads(() => adopt(views, LOW))).toBe(1);
    expect(abandonedOf(a, LOW)).toBe(2);
    adopt(views, 0, true);
    expect(abandonedOf(a, LOW)).toBe(0);
    a.verify();
  });
});

describe("adopting", () => {
  it("takes no slab of a living worker, and no span", () => {
    const [a, b] = workersOf(2) as Two;
    const span = b.malloc(100_000);
    takeSlabs(b, LOW, 1);
    const views = sharedViewsOf(a);
    Atomics.store(views.words, sharedSuperblock.ABANDONED_CLASSES, -1);
    adopt(views, LOW, true);
    adopt(views, 0, true);
    expect(at(a.stats().workers, 0).slabs).toBe(0);
    b.detach();
    adopt(views, 0, true);
    expect(ownerOf(loadState(views, ptrToSlab(span)))).not.toBe(a.workerId + 1);
    expect(at(a.stats().workers, 0).slabs).toBe(1);
    a.verify();
  });

  it("puts only a slab that has room on the partial list", () => {
    const [a, b] = workersOf(2) as Two;
    const count = blocksPerSlab(HIGH);
    const full = Array.from({ length: count }, () => b.malloc(bytesOf(HIGH)));
    b.detach();
    const next = Array.from({ length: count }, () => a.malloc(bytesOf(HIGH)));
    // It is full, so that it was adopted to no avail.
    expect(new Set([...full, ...next]).size).toBe(2 * count);
    expect(at(a.stats().workers, 0).slabs).toBe(2);
    a.verify();
    for (const ptr of [...full, ...next]) a.free(ptr);
    a.drain();
    expect(a.stats().slabs.inUse).toBe(0);
    a.verify();
  });

  it.each(Array.from({ length: CLASS_COUNT }, (_, index) => index + 1))(
    "finds what was left of class %i",
    (classIndex) => {
      const [a, b] = workersOf(2, { fastCap: 1 }) as Two;
      const left = b.malloc(bytesOf(classIndex));
      b.detach();
      const ptr = a.malloc(bytesOf(classIndex));
      // A slab of the largest class has one block, so the one that was left has no room.
      const isSame = blocksPerSlab(classIndex) > 1;
      expect(ptrToSlab(ptr) === ptrToSlab(left)).toBe(isSame);
      expect(abandonedOf(a, classIndex)).toBe(0);
      a.verify();
    },
  );
});

describe("abandoning a slab", () => {
  it("takes a full one off no list: what its links say is of another time", () => {
    const [a, b] = workersOf(2) as Two;
    const [first] = Array.from({ length: blocksPerSlab(HIGH) }, () => a.malloc(bytesOf(HIGH)));
    const others = [0, 1].map(() => ptrToSlab(takeSlabs(b, LOW, 1)[0] as Ptr));
    const views = sharedViewsOf(a);
    const { records } = views;
    const slab = ptrToSlab(first as Ptr);
    const slabAt = slabRecord.at(slab);
    records[slabAt + slabRecord.NEXT] = at(others, 0);
    records[slabAt + slabRecord.PREV] = at(others, 1);
    const linksOf = (): number[] =>
      others.flatMap((other) => [
        at(records, slabRecord.at(other) + slabRecord.NEXT),
        at(records, slabRecord.at(other) + slabRecord.PREV),
      ]);
    const before = linksOf();
    abandonSlab(views, slab);
    expect(linksOf()).toEqual(before);
    expect(abandonedOf(a, HIGH)).toBe(1);
    asHeap(b).verify();
  });

  it("takes one with room off its list", () => {
    const [a] = workersOf(2) as Two;
    const [first] = takeSlabs(a, HIGH, 1);
    a.drain();
    abandonSlab(sharedViewsOf(a), ptrToSlab(first as Ptr));
    a.verify();
    expect(at(a.stats().workers, 0).slabs).toBe(0);
  });
});
