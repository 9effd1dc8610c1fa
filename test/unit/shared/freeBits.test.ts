import { describe, expect, it } from "vitest";
import {
  addFree,
  blockIndex,
  markFree,
  retireKept,
  takeFreeBits,
} from "../../../src/central/freeBits.js";
import { loadState } from "../../../src/central/states.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import * as frontCache from "../../../src/layout/frontCache.js";
import { CACHED, FREE, toHeader } from "../../../src/layout/header.js";
import { FREE_WORDS_SHIFT } from "../../../src/layout/sharedMetadata.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { blocksPerSlab, ptrToSlab, slabToPtr } from "../../../src/layout/units.js";
import { at, thrown } from "../help.js";
import { sharedHeap, sharedViewsOf, workersOf } from "./help.js";

/** A class of 64 blocks in a slab: two words of bits. */
const CLASS = BLOCK_BYTES.indexOf(1024);
const COUNT = 64;

interface FullSlab {
  readonly heap: SharedHeap;
  readonly views: SharedViews;
  readonly slab: number;
  readonly ptrs: Ptr[];
}

/** Returns slabs of one worker, all of whose blocks are live. */
function fullSlabs(count: number): FullSlab[] {
  const heap = sharedHeap();
  const views = sharedViewsOf(heap);
  const ptrs = Array.from({ length: count * COUNT }, () => heap.malloc(1024));
  const slabs = [...new Set(ptrs.map(ptrToSlab))];
  expect(slabs.length).toBe(count);
  return slabs.map((slab) => ({ heap, views, slab, ptrs }));
}

const fullSlab = (): FullSlab => at(fullSlabs(1), 0);

function field({ views, slab }: FullSlab, name: number): number {
  return at(views.records, slabRecord.at(slab) + name);
}

function partialHead(views: SharedViews): number {
  return at(views.meta, classRecord.at(CLASS) + classRecord.PARTIAL_HEAD);
}

/** Makes blocks free, as a worker that owns them does. */
function giveBack({ views, slab }: FullSlab, blocks: readonly number[], kept = false): void {
  for (const block of blocks) markFree(views, slab, CLASS, block);
  addFree(views, slab, CLASS, blocks.length, kept);
}

/** Takes blocks, and returns their numbers in the order of the chain. */
function take({ views, slab }: FullSlab, wanted: number): number[] {
  const count = takeFreeBits(views, slab, CLASS, wanted);
  const blocks: number[] = [];
  let ptr = at(views.meta, frontCache.HEADS + CLASS);
  for (; ptr !== 0; ptr = at(views.i32, ptr >> 2)) {
    expect(views.headers[ptr >>> 4]).toBe(toHeader(CACHED, CLASS));
    blocks.push(blockIndex(ptr, CLASS));
  }
  expect(blocks.length).toBe(count);
  return blocks;
}

const range = (from: number, end: number): number[] =>
  Array.from({ length: end - from }, (_, index) => from + index);

describe("the number of a block in its slab", () => {
  it("is right for each block of each class, and each byte of it", () => {
    for (let classIndex = 2; classIndex <= CLASS_COUNT; classIndex++) {
      const bytes = at(BLOCK_BYTES, classIndex);
      for (let block = 0; block < blocksPerSlab(classIndex); block++) {
        const ptr = slabToPtr(77) + block * bytes;
        const isRight =
          blockIndex(ptr, classIndex) === block &&
          blockIndex(ptr + bytes - 1, classIndex) === block;
        if (!isRight) expect.fail(`class ${classIndex}, block ${block}`);
      }
    }
  });
});

describe("a block that becomes free", () => {
  it("has its header and its bit, and no other has", () => {
    for (const block of [0, 1, 31, 32, 63]) {
      const full = fullSlab();
      const { views, slab, ptrs } = full;
      const before = views.headers.slice();
      markFree(views, slab, CLASS, block);
      before[at(ptrs, block) >>> 4] = toHeader(FREE, CLASS);
      expect(Buffer.compare(views.headers, before)).toBe(0);
      const from = slab << FREE_WORDS_SHIFT;
      const words = [...views.freeBits.subarray(from, from + 3)];
      expect(words).toEqual([0, 1, 2].map((word) => (block >> 5 === word ? 1 << (block & 31) : 0)));
      expect(views.freeBits.filter((bits) => bits !== 0)).toHaveLength(1);
      expect(field(full, slabRecord.FREE_COUNT)).toBe(0);
    }
  });

  it("makes a full slab partial, once", () => {
    const full = fullSlab();
    expect(partialHead(full.views)).toBe(0);
    addFree(full.views, full.slab, CLASS, 0);
    expect(partialHead(full.views)).toBe(0);
    giveBack(full, [5]);
    expect(partialHead(full.views)).toBe(full.slab);
    expect(field(full, slabRecord.FREE_COUNT)).toBe(1);
    const links = [slabRecord.NEXT, slabRecord.PREV].map((name) => field(full, name));
    giveBack(full, [6, 7]);
    expect(field(full, slabRecord.FREE_COUNT)).toBe(3);
    expect([slabRecord.NEXT, slabRecord.PREV].map((name) => field(full, name))).toEqual(links);
    full.heap.verify();
  });
});

describe("an empty slab", () => {
  const all = range(0, COUNT);
  const isTaken = ({ views, slab }: FullSlab): boolean => loadState(views, slab) !== 0;

  it("goes to the arena", () => {
    const full = fullSlab();
    giveBack(full, all.slice(1));
    expect(isTaken(full)).toBe(true);
    giveBack(full, [0]);
    expect(isTaken(full)).toBe(false);
    expect(partialHead(full.views)).toBe(0);
    full.heap.verify();
  });

  it("is kept if it is the only partial one, until a drain", () => {
    const full = fullSlab();
    giveBack(full, all, true);
    expect(isTaken(full)).toBe(true);
    retireKept(full.views);
    expect(isTaken(full)).toBe(false);
    full.heap.verify();
  });

  it("is not kept while a worker waits", () => {
    const full = fullSlab();
    Atomics.store(full.views.words, sharedSuperblock.WAITING, 1 << 5);
    giveBack(full, all, true);
    expect(isTaken(full)).toBe(false);
  });

  it.each([0, 1])("is not kept if it is one of two partial ones: place %i", (place) => {
    const slabs = fullSlabs(2);
    const [low, high] = slabs as [FullSlab, FullSlab];
    giveBack(high, [0]);
    giveBack(low, [0]);
    expect(partialHead(low.views)).toBe(low.slab);
    giveBack(at(slabs, place), all.slice(1), true);
    expect(slabs.map(isTaken)).toEqual([place === 1, place === 0]);
    low.heap.verify();
  });

  it("is one of several that a drain retires; those with live blocks stay", () => {
    const slabs = fullSlabs(4);
    const { heap, views } = at(slabs, 0);
    for (const full of slabs) giveBack(full, all.slice(1));
    for (const full of slabs.slice(1, 3)) {
      markFree(views, full.slab, CLASS, 0);
      views.records[slabRecord.at(full.slab) + slabRecord.FREE_COUNT] = COUNT;
    }
    retireKept(views);
    expect(slabs.map(isTaken)).toEqual([true, false, false, true]);
    heap.verify();
  });
});

describe("taking free blocks", () => {
  it("goes on from the cursor's word, by address, and comes round", () => {
    const full = fullSlab();
    giveBack(full, [1, 3, 30, 31, 32, 40, 63]);
    expect(take(full, 3)).toEqual([1, 3, 30]);
    expect(field(full, slabRecord.CURSOR)).toBe(0);
    expect(take(full, 2)).toEqual([31, 32]);
    expect(field(full, slabRecord.CURSOR)).toBe(1);
    giveBack(full, [0, 33]);
    expect(take(full, 3)).toEqual([33, 40, 63]);
    expect(field(full, slabRecord.CURSOR)).toBe(2);
    expect(field(full, slabRecord.FREE_COUNT)).toBe(1);
    expect(take(full, 5)).toEqual([0]);
    expect(field(full, slabRecord.FREE_COUNT)).toBe(0);
    expect(full.views.freeBits.every((bits) => bits === 0)).toBe(true);
  });

  it("takes a whole slab", () => {
    const full = fullSlab();
    giveBack(full, range(1, COUNT));
    expect(take(full, COUNT)).toEqual(range(1, COUNT));
  });

  it("says so if there are fewer than were counted", () => {
    const full = fullSlab();
    giveBack(full, [7, 9]);
    full.views.records[slabRecord.at(full.slab) + slabRecord.FREE_COUNT] = 3;
    const { details } = thrown(() => take(full, 3), "ERR_HEAP_CORRUPTED");
    expect(details).toMatchObject({ invariant: "freeCount" });
  });
});

describe("blocks that other workers free", () => {
  it("are what a pipe takes again, without a new slab", () => {
    const [a, b] = workersOf(2, { sllDrainInterval: 1 }) as [SharedHeap, SharedHeap];
    const first = a.malloc(1024);
    const slabsOf = (): number => a.stats().slabs.inUse;
    for (let round = 0; round < 3 * COUNT; round++) {
      const ptrs = Array.from({ length: 20 }, () => a.malloc(1024));
      for (const ptr of ptrs) b.free(ptr);
      expect(slabsOf()).toBeLessThanOrEqual(2);
    }
    b.free(first);
    a.drain();
    expect(slabsOf()).toBe(0);
  });
});
