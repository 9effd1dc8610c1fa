import { describe, expect, test } from "vitest";
import { Heap, type Ptr } from "../../../src/index.js";
import { CACHED, headerState } from "../../../src/layout/header.js";
import { isFast } from "../../support/tier.js";
import { at, viewsOf } from "../help.js";

/*
 * What a program writes to a block that it has freed is its own error, and may overwrite a link of
 * a chain. No ptr is handed out by such a link that is not a cached block of the class, none twice,
 * none is lost; and the heap goes on.
 */

const CAP = 8;
/** 56 freed blocks of 64 B: six full chains on the SLL, and 8 blocks in the chain. */
const FREED = 56;
/** The fast tier takes each fifth block, which is at each place of a chain in turn. */
const STEP = isFast ? 5 : 1;

interface Worn {
  readonly heap: Heap<ArrayBuffer>;
  readonly live: Ptr[];
  readonly other: Ptr;
  /** Newest first: as `malloc` would hand them out. */
  readonly cached: Ptr[];
}

function makeWorn(): Worn {
  const heap = Heap.create({ capacity: 524288, fastCap: CAP, sllDrainInterval: 0 });
  const ptrs = Array.from({ length: FREED + 8 }, () => heap.malloc(64));
  const others = [heap.malloc(100), heap.malloc(100)];
  const live = ptrs.splice(FREED);
  for (const ptr of ptrs) heap.free(ptr);
  heap.free(at(others, 0));
  return { heap, live: [...live, at(others, 1)], other: at(others, 0), cached: ptrs.reverse() };
}

/** What a stale view may write, as words. */
const WRITTEN: readonly [string, (worn: Worn, block: number) => number][] = [
  ["0", () => 0],
  ["the block itself", ({ cached }, block) => at(cached, block)],
  ["the newest block", ({ cached }) => at(cached, 0)],
  ["the block after the next", ({ cached }, block) => cached[block + 2] ?? 0],
  ["the last of its chain", ({ cached }, block) => at(cached, block - (block % CAP) + CAP - 1)],
  ["a block of another chain", ({ cached }, block) => at(cached, (block + CAP) % FREED)],
  ["the oldest block", ({ cached }) => at(cached, FREED - 1)],
  ["a live block", ({ live }) => at(live, 0)],
  ["a block of another class", ({ other }) => other],
  ["inside a block", ({ cached }, block) => at(cached, block) + 16],
  ["a misaligned ptr", ({ cached }, block) => at(cached, (block + 2) % FREED) + 1],
  ["a ptr in the metadata", () => 4096],
  ["past the end", () => 524288],
  ["the largest number", () => 2 ** 31 - 1],
  ["a negative number", () => -64],
  ["-1", () => -1],
];

/** Takes every block of the class there is, twice, and compares with what was live. */
function exercise({ heap, live }: Worn): void {
  const held = new Set<number>(live);
  for (let round = 0; round < 2; round++) {
    const taken: Ptr[] = [];
    for (let count = 0; count < 300; count++) {
      const ptr = heap.malloc(64);
      if (held.has(ptr)) throw new Error(`ptr ${ptr} is live already`);
      if (heap.classify(ptr) !== "tiny") throw new Error(`ptr ${ptr} is ${heap.classify(ptr)}`);
      held.add(ptr);
      taken.push(ptr);
    }
    for (const ptr of taken) {
      heap.free(ptr);
      held.delete(ptr);
    }
  }
  heap.drain();
  heap.verify();
  const { headers } = viewsOf(heap);
  expect(headers.some((header) => headerState(header) === CACHED)).toBe(false);
  expect(heap.stats().live.blocks).toBe(live.length);
  for (const ptr of live) heap.free(ptr);
  heap.drain();
  heap.verify();
  expect(heap.stats().slabs.inUse).toBe(0);
}

describe.each(WRITTEN)("a stale view writes %s", (_what, value) => {
  test.each([0, 1])("over word %i of any cached block", (word) => {
    for (let block = 0; block < FREED; block += STEP) {
      const worn = makeWorn();
      worn.heap.i32[(at(worn.cached, block) >> 2) + word] = value(worn, block);
      exercise(worn);
    }
  });

  test("over every word, at every moment of allocating", () => {
    for (let moment = 0; moment <= FREED; moment += 3 * STEP) {
      const worn = makeWorn();
      const taken = Array.from({ length: moment }, () => worn.heap.malloc(64));
      for (let block = moment; block < FREED; block++) {
        const ptr = at(worn.cached, block);
        worn.heap.i32[ptr >> 2] = value(worn, block);
        worn.heap.i32[(ptr >> 2) + 1] = value(worn, block);
      }
      exercise({ ...worn, live: [...worn.live, ...taken] });
    }
  });

  test("and blocks are freed before any is allocated, and drained", () => {
    for (let block = 0; block < FREED; block += 5) {
      const worn = makeWorn();
      const [first, second, ...live] = worn.live as [Ptr, Ptr, ...Ptr[]];
      worn.heap.i32[at(worn.cached, block) >> 2] = value(worn, block);
      worn.heap.free(first);
      worn.heap.free(second);
      if (block % 2 === 0) worn.heap.drain();
      exercise({ ...worn, live });
    }
  });
});

test("verify says which block a link leads to, and stats how often lists were mended", () => {
  const { heap, live, cached } = makeWorn();
  expect(heap.stats().mends).toBe(0);
  heap.i32[at(cached, 3) >> 2] = at(live, 0);
  expect(() => heap.verify()).toThrow(`invariant cached, at ${at(live, 0)}`);
  for (let count = 0; count < 5; count++) heap.malloc(64);
  expect(heap.stats().mends).toBe(1);
  heap.verify();
});

/** Words that are links, by block: the oldest chain of the SLL has no next one. */
const LINKS: readonly (readonly [block: number, word: number])[] = [
  ...Array.from({ length: FREED }, (_, block) => [block, 0] as const),
  ...Array.from({ length: FREED / CAP - 2 }, (_, chain) => [(chain + 1) * CAP, 1] as const),
].filter((_, index) => index % STEP === 0);

describe.each(WRITTEN)("that %s was written over a link is noticed", (_what, value) => {
  const damage = (block: number, word: number): Heap | undefined => {
    const worn = makeWorn();
    const index = (at(worn.cached, block) >> 2) + word;
    const written = value(worn, block);
    if (worn.heap.i32[index] === written) return undefined;
    worn.heap.i32[index] = written;
    return worn.heap;
  };

  test("by a drain", () => {
    for (const [block, word] of LINKS) {
      const heap = damage(block, word);
      if (heap === undefined) continue;
      heap.drain();
      expect(heap.stats().mends, `block ${block}, word ${word}`).toBe(1);
      heap.verify();
    }
  });

  test("at the latest when malloc has taken all cached blocks", () => {
    for (const [block, word] of LINKS) {
      const heap = damage(block, word);
      if (heap === undefined) continue;
      for (let count = 0; count <= FREED; count++) heap.malloc(64);
      expect(heap.stats().mends, `block ${block}, word ${word}`).toBeGreaterThan(0);
      heap.verify();
    }
  });
});

test("a link that was overwritten and put right again is no link that is broken", () => {
  const { heap, cached } = makeWorn();
  const word = at(cached, 3) >> 2;
  const link = at(heap.i32, word);
  heap.i32[word] = 1;
  heap.i32[word] = link;
  heap.verify();
  heap.drain();
  expect(heap.stats().mends).toBe(0);
});

/** Blocks of 64 B that fill two slabs, by slab. */
function fillTwoSlabs(heap: Heap): [Ptr[], Ptr[]] {
  const ptrs = Array.from({ length: 2048 }, () => heap.malloc(64));
  const isFirst = (ptr: Ptr): boolean => ptr >>> 16 === at(ptrs, 0) >>> 16;
  return [ptrs.filter(isFirst), ptrs.filter((ptr) => !isFirst(ptr))];
}

test.each([1, 2])(
  "a full chain of %i whose head was drained meanwhile is not linked",
  (fastCap) => {
    const heap = Heap.create({ capacity: 2 ** 20, fastCap, sllDrainInterval: 0 });
    const [first, second] = fillTwoSlabs(heap);
    // All of the first slab is on the SLL, and the chain is of the second's blocks.
    for (const ptr of first) heap.free(ptr);
    const chain = second.splice(0, fastCap);
    for (const ptr of chain) heap.free(ptr);
    const head = at(chain, fastCap - 1);
    // The last block of the SLL's newest chain comes to be in the chain too.
    const shared = at(first, first.length - fastCap);
    heap.i32[head >> 2] = shared;
    expect([heap.malloc(64), heap.malloc(64)]).toEqual([head, shared]);
    heap.free(head);
    heap.free(shared);
    heap.i32[shared >> 2] = 0;
    // Drains the SLL, whose chains are whole, and gives the first slab to the arena.
    heap.malloc(2 * 65536);
    const live = Array.from({ length: 512 }, () => heap.malloc(128));
    for (const ptr of live) heap.u8.fill(0xaa, ptr, ptr + 128);
    heap.free(at(second, 0));
    for (const ptr of live) expect(heap.bytes(ptr).every((byte) => byte === 0xaa)).toBe(true);
    expect(heap.stats().mends).toBe(1);
    heap.verify();
  },
);

test("a snapshot is restored with links that a stale view has broken", () => {
  const { heap, live, cached } = makeWorn();
  heap.i32[at(cached, 3) >> 2] = 1;
  const again = Heap.restore(heap.snapshot());
  expect(again.stats().mends).toBeGreaterThan(0);
  again.verify();
  for (const ptr of live) again.free(ptr);
  again.drain();
  expect(again.stats().slabs.inUse).toBe(0);
});
