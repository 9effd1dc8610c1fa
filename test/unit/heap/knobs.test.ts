import { describe, expect, test } from "vitest";
import { resolveOptions } from "../../../src/config/options.js";
import { openDoor } from "../../../src/front/door.js";
import { bindRealloc } from "../../../src/front/realloc.js";
import { instrument } from "../../../src/heap/instrument.js";
import { Heap, NULL, optionsFromEnv, type Ptr } from "../../../src/index.js";
import { at, fill, smallHeap, viewsOf } from "../help.js";

const take = (heap: Heap, count: number, size: number): Ptr[] =>
  Array.from({ length: count }, () => heap.malloc(size));
const classOf = (heap: Heap, blockBytes: number) => {
  const found = heap.stats().classes.find((row) => row.blockBytes === blockBytes);
  if (found === undefined) throw new Error(`no class of ${blockBytes} bytes`);
  return found;
};

describe("wrapTiny", () => {
  test("false routes tiny sizes to the first class of the pool tier", () => {
    const heap = smallHeap({ wrapTiny: false });
    for (const size of [0, 1, 16, 1000, 1024, 1025, 1280]) {
      const ptr = heap.malloc(size);
      expect(heap.usableSize(ptr)).toBe(1280);
      expect(heap.classify(ptr)).toBe("pool");
      heap.free(ptr);
      const other = heap.tryMalloc(size);
      expect(heap.usableSize(other)).toBe(1280);
      expect(heap.realloc(other, 700)).toBe(other);
      heap.free(other);
    }
    expect(heap.usableSize(heap.malloc(1281))).toBe(1536);
    expect(heap.usableSize(heap.realloc(heap.malloc(5000), 10))).toBe(1280);
    expect(heap.usableSize(heap.calloc(10))).toBe(1280);
    heap.verify();
  });

  test("alignment is kept", () => {
    const heap = smallHeap({ wrapTiny: false });
    for (const alignment of [1, 16, 32, 64, 128, 256, 512, 1024]) {
      const ptrs = Array.from({ length: 5 }, () => heap.alignedAlloc(alignment, 20));
      for (const ptr of ptrs) expect(ptr % alignment, `${ptr} to ${alignment}`).toBe(0);
    }
  });
});

describe("frontStats", () => {
  test("counts hits and misses by class", () => {
    const heap = smallHeap({ capacity: 2 ** 20, frontStats: true, refillCountHot: 8 });
    take(heap, 20, 16);
    expect(classOf(heap, 16).front).toEqual({ hits: 17, misses: 3 });
    heap.realloc(heap.malloc(100), 1000);
    expect(classOf(heap, 112).front).toEqual({ hits: 0, misses: 1 });
    expect(classOf(heap, 1024).front).toEqual({ hits: 0, misses: 1 });
    heap.tryMalloc(16);
    heap.malloc(100000);
    expect(classOf(heap, 16).front).toEqual({ hits: 18, misses: 3 });
    expect(heap.stats().front).toEqual({ hits: 18, misses: 5 });
  });

  test("a freed block is a hit, one from the SLL a miss", () => {
    const heap = smallHeap({ frontStats: true });
    const ptrs = take(heap, 4, 65536);
    for (const ptr of ptrs.slice(0, 2)) heap.free(ptr);
    take(heap, 2, 65536);
    expect(classOf(heap, 65536).front).toEqual({ hits: 2, misses: 4 });
    for (const ptr of ptrs) heap.free(ptr);
    take(heap, 4, 65536);
    expect(classOf(heap, 65536).front).toEqual({ hits: 5, misses: 5 });
  });

  test("is null unless asked for", () => {
    const heap = smallHeap();
    heap.malloc(16);
    expect(heap.stats().front).toBeNull();
    expect(classOf(heap, 16).front).toBeNull();
  });

  test("counts routed sizes where they went", () => {
    const heap = smallHeap({ frontStats: true, wrapTiny: false });
    take(heap, 3, 16);
    const { hits, misses } = classOf(heap, 1280).front ?? { hits: 0, misses: 0 };
    expect(hits + misses).toBe(3);
    expect(classOf(heap, 16).front).toEqual({ hits: 0, misses: 0 });
  });
});

describe("safeFree", () => {
  const isPoisoned = (view: Uint8Array): boolean => view.subarray(8).every((byte) => byte === 0xde);

  test("fills every freed block with 0xde behind its links, and nothing else", () => {
    const heap = smallHeap({ capacity: 2 ** 20, safeFree: true });
    for (const size of [1, 16, 500, 5000, 65536, 70000]) {
      const [ptr = NULL, guard = NULL] = take(heap, 2, size);
      const view = heap.bytes(ptr);
      heap.bytes(ptr).fill(1);
      heap.bytes(guard).fill(2);
      heap.free(ptr);
      expect(isPoisoned(view)).toBe(true);
      expect(heap.bytes(guard).every((byte) => byte === 2)).toBe(true);
      heap.free(guard);
    }
    heap.free(NULL);
    heap.verify();
  });

  test("fills what realloc left behind, and not what it kept", () => {
    const heap = smallHeap({ safeFree: true });
    const ptr = heap.malloc(100);
    const view = heap.bytes(ptr);
    view.fill(5);
    expect(heap.realloc(ptr, 90)).toBe(ptr);
    expect(view.every((byte) => byte === 5)).toBe(true);
    const moved = heap.realloc(ptr, 1000);
    expect(isPoisoned(view)).toBe(true);
    heap.verify();
    expect(heap.bytes(moved, 100).every((byte) => byte === 5)).toBe(true);
    expect(heap.usableSize(heap.realloc(NULL, 10))).toBe(16);
    expect(heap.u8[0]).toBe(0);
    heap.verify();
  });

  test("a block that realloc leaves is filled before it is anybody else's", () => {
    const heap = smallHeap();
    const views = viewsOf(heap);
    const bare = openDoor(views);
    // As another worker that takes the block at once, and writes to it.
    const free = (ptr: Ptr): void => {
      const bytes = heap.usableSize(ptr);
      bare.free(ptr);
      heap.u8.fill(7, ptr + 8, ptr + bytes);
    };
    const realloc = bindRealloc(views, bare.malloc, free);
    const options = { ...resolveOptions({}), safeFree: true };
    const door = instrument({ ...bare, free, realloc }, views, options);
    const ptr = door.malloc(100);
    const view = heap.bytes(ptr);
    door.realloc(ptr, 1000);
    expect(view.subarray(8).every((byte) => byte === 7)).toBe(true);
  });

  test("holds for freeBatch", () => {
    const heap = smallHeap({ safeFree: true });
    const ptrs = take(heap, 5, 64);
    const views = ptrs.map((ptr) => heap.bytes(ptr));
    heap.freeBatch(ptrs, 5);
    for (const view of views) expect(isPoisoned(view)).toBe(true);
  });
});

describe("sllDrainInterval", () => {
  const run = (interval: number) => {
    const heap = smallHeap({ sllDrainInterval: interval, fastCap: 4 });
    const ptrs = take(heap, 1000, 64);
    for (const ptr of ptrs) heap.free(ptr);
    heap.verify();
    return heap;
  };

  test("0 drains only on demand", () => {
    const { drains, cached } = run(0).stats();
    expect(drains).toBe(0);
    expect(cached.blocks).toBeGreaterThanOrEqual(1000);
    const heap = smallHeap({ sllDrainInterval: 0 });
    for (const ptr of take(heap, 10000, 16)) heap.free(ptr);
    expect(heap.stats().drains).toBe(0);
    expect(heap.stats().cached.blocks).toBeGreaterThanOrEqual(10000);
  });

  test("1 drains each full chain at once", () => {
    const { drains, cached } = run(1).stats();
    expect(drains).toBeGreaterThan(240);
    expect(cached.blocks).toBeLessThanOrEqual(4);
  });

  test("between, it drains when so many blocks are on the SLL", () => {
    const { drains, cached } = run(100).stats();
    expect(drains).toBe(9);
    expect(cached.blocks).toBeLessThanOrEqual(108);
    expect(classOf(run(100), 64).drained).toBe(900);
  });
});

describe("fastCap and the refill counts", () => {
  test("fastCap 1 works", () => {
    const heap = smallHeap({ fastCap: 1 });
    const { unused } = heap.stats().slabs;
    const ptrs = fill(heap, 48);
    expect(new Set(ptrs).size).toBe(unused * 1365);
    for (const ptr of ptrs) heap.free(ptr);
    heap.verify();
    expect(new Set(fill(heap, 48)).size).toBe(unused * 1365);
    heap.verify();
  });

  test.each([1, 2, 3, 15, 62, 63, 64, 126, 127, 254])(
    "fastCap %i bounds what a class caches",
    (fastCap) => {
      const heap = smallHeap({ fastCap, sllDrainInterval: 1 });
      const ptrs = take(heap, 3000, 16);
      for (const ptr of ptrs) heap.free(ptr);
      expect(heap.stats().cached.blocks).toBeLessThanOrEqual(fastCap);
      heap.verify();
      heap.drain();
      expect(heap.stats().slabs.inUse).toBe(0);
    },
  );

  test("a refill takes what the options say, to the end of a page", () => {
    const heap = smallHeap({ refillCountHot: 5, refillCountMid: 3 });
    heap.malloc(256);
    heap.malloc(288);
    heap.malloc(3000);
    expect(classOf(heap, 256).cached.blocks).toBe(4);
    expect(classOf(heap, 288).cached.blocks).toBe(2);
    expect(classOf(heap, 3072).cached.blocks).toBe(0);
  });

  test("a refill takes free blocks by address, before new ones", () => {
    const heap = smallHeap({ refillCountHot: 4 });
    const ptrs = take(heap, 40, 64);
    const freed = [30, 2, 17, 9].map((index) => at(ptrs, index));
    for (const ptr of freed) heap.free(ptr);
    heap.drain();
    expect(take(heap, 4, 64)).toEqual([2, 9, 17, 30].map((index) => at(ptrs, index)));
    expect(heap.malloc(64)).toBe(at(ptrs, 39) + 64);
  });
});

test("the environment's knobs reach the heap", () => {
  const env = { HAKMEM_CAPACITY: "600000", HAKMEM_WRAP_TINY: "0", HAKMEM_TINY_FAST_CAP: "12" };
  const heap = Heap.create(optionsFromEnv(env));
  expect(heap.options).toMatchObject({ capacity: 655360, wrapTiny: false, fastCap: 12 });
  expect(viewsOf(heap).meta.subarray(16, 24)).toEqual(
    new Int32Array([655360, 1024, 12, 64, 32, 0, 0, 0]),
  );
});
