import { describe, expect, test } from "vitest";
import { Heap, NULL, type Ptr } from "../../../src/index.js";
import { sizeToLiveHeader } from "../../../src/layout/sizeClasses.js";
import { blocksPerSlab, bytesToSlabs } from "../../../src/layout/units.js";
import { isFast } from "../../support/tier.js";
import {
  at,
  fill,
  isPattern,
  SLAB,
  SMALL_BYTES,
  smallHeap,
  thrown,
  writePattern,
} from "../help.js";

const SIZES = [16, 64, 1024, 1280, 32768, 65536, 65537, 200000];

/** Blocks that so many slabs hold. */
function blocksIn(slabs: number, size: number): number {
  if (size > SLAB) return Math.floor(slabs / bytesToSlabs(size));
  return slabs * blocksPerSlab(sizeToLiveHeader(size) & 63);
}

function freeAll(heap: Heap, ptrs: Ptr[], order: number): void {
  if (order === 0) for (const ptr of ptrs) heap.free(ptr);
  else if (order === 1) for (const ptr of ptrs.toReversed()) heap.free(ptr);
  else heap.freeBatch(ptrs, ptrs.length);
}

describe.each(SIZES)("blocks of %i bytes", (size) => {
  test("at every slab count all is handed out, comes back, and is handed out again", () => {
    const step = isFast && size <= 64 ? 8 * SLAB : SLAB;
    for (let capacity = SMALL_BYTES; capacity <= 3 * 2 ** 20; capacity += step) {
      const heap = Heap.create({ capacity });
      const slabs = heap.stats().slabs.unused;
      const expected = blocksIn(slabs, size);
      for (let round = 0; round < 3; round++) {
        const ptrs = fill(heap, size);
        if (ptrs.length !== expected) {
          throw new Error(`${capacity}, round ${round}: ${ptrs.length}, not ${expected}`);
        }
        if (round === 0) heap.verify();
        freeAll(heap, ptrs, (round + capacity / SLAB) % 3);
        heap.drain();
        const { live, cached, slabs: after } = heap.stats();
        expect(after.inUse + live.blocks + cached.blocks).toBe(0);
        expect(after.pooled + after.unused).toBe(slabs);
      }
      heap.verify();
    }
  });

  test("ERR_HEAP_EXHAUSTED says what is left; nothing is lost", () => {
    const heap = smallHeap();
    const ptrs = fill(heap, size);
    ptrs.forEach((ptr, index) => {
      writePattern(heap, ptr, 16, index);
    });
    const before = heap.stats();
    const actions = [
      () => heap.malloc(size),
      () => heap.calloc(size),
      () => heap.alignedAlloc(16, size),
      () => heap.realloc(NULL, size),
      () => heap.mallocBatch(size, 2, []),
    ];
    for (const action of actions) {
      const error = thrown(action, "ERR_HEAP_EXHAUSTED");
      const { pooledBytes } = before;
      expect(error.details).toMatchObject({ requestBytes: size, pooledBytes });
      expect(error.details.largestRunBytes).toBeLessThanOrEqual(pooledBytes);
      expect(error.message).toContain(`no room for ${size} bytes: ${pooledBytes} in free slabs`);
      expect(error.message).toContain("(capacity 524288)");
    }
    expect(heap.tryMalloc(size)).toBe(0);
    const after = heap.stats();
    expect(after.live).toEqual(before.live);
    expect(after.slabs).toEqual(before.slabs);
    heap.verify();
    for (const [index, ptr] of ptrs.entries()) {
      if (!isPattern(heap, ptr, 16, index)) throw new Error(`block ${ptr} was overwritten`);
    }
    // It works on: what is freed is handed out again.
    const last = at(ptrs, ptrs.length - 1);
    heap.free(last);
    expect(heap.malloc(size)).toBe(last);
  });
});

test("blocks that other classes cache are given up before memory is exhausted", () => {
  const heap = smallHeap();
  const { unused } = heap.stats().slabs;
  const sizes = [16, 1024, 5000, 65536];
  heap.free(heap.malloc(64));
  for (const size of sizes) for (const ptr of fill(heap, size)) heap.free(ptr);
  expect(fill(heap, 65536)).toHaveLength(unused);
});

test("a batch that does not fit takes nothing", () => {
  const heap = smallHeap();
  const live = heap.malloc(100);
  const out: number[] = [];
  thrown(() => heap.mallocBatch(32768, 100, out), "ERR_HEAP_EXHAUSTED");
  expect(heap.stats().live.blocks).toBe(1);
  heap.verify();
  heap.free(live);
  heap.drain();
  expect(heap.stats().slabs.inUse).toBe(0);
});

test("a realloc that does not fit leaves the block as it was", () => {
  const heap = smallHeap();
  for (const [from, to] of [
    [100, 200000],
    [5000, 200000],
    [65536, 200000],
    [70000, 200000],
    [100, 3000],
  ] as const) {
    heap.reset();
    const ptr = heap.malloc(from);
    writePattern(heap, ptr, from, 3);
    fill(heap, 65536);
    thrown(() => heap.realloc(ptr, to), "ERR_HEAP_EXHAUSTED");
    expect(heap.usableSize(ptr)).toBeGreaterThanOrEqual(from);
    expect(isPattern(heap, ptr, from, 3)).toBe(true);
    heap.verify();
  }
});

test("the longest run that the error names is the largest block that fits", () => {
  const heap = smallHeap({ capacity: 2 ** 20 });
  const max = heap.stats().pooledBytes;
  const slabs = max / SLAB;
  heap.malloc(65536);
  heap.free(heap.malloc(3 * SLAB));
  const { details } = thrown(() => heap.malloc(max), "ERR_HEAP_EXHAUSTED");
  expect(details.pooledBytes).toBe((slabs - 1) * SLAB);
  expect(details.largestRunBytes).toBe((slabs - 1) * SLAB);
  expect(heap.tryMalloc((slabs - 1) * SLAB)).not.toBe(0);
});

test("the longest run, where runs lie apart", () => {
  const heap = smallHeap({ capacity: 2 ** 20 });
  const [a = NULL, , c = NULL] = [2, 1, 3, 1].map((slabs) => heap.malloc(slabs * SLAB));
  fill(heap, SLAB);
  for (const ptr of [a, c]) heap.free(ptr);
  const { details } = thrown(() => heap.malloc(4 * SLAB), "ERR_HEAP_EXHAUSTED");
  expect(details).toEqual({
    requestBytes: 4 * SLAB,
    pooledBytes: 5 * SLAB,
    largestRunBytes: 3 * SLAB,
    freeBlockBytes: 0,
  });
});

test("free blocks of other sizes are named", () => {
  const heap = smallHeap();
  const ptrs = fill(heap, 4096);
  for (const ptr of ptrs.filter((_, index) => index % 2 === 0)) heap.free(ptr);
  const { details } = thrown(() => heap.malloc(8192), "ERR_HEAP_EXHAUSTED");
  expect(details.freeBlockBytes).toBe(Math.ceil(ptrs.length / 2) * 4096);
});
