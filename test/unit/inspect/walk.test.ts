import { expect, test } from "vitest";
import { NULL } from "../../../src/index.js";
import { smallHeap } from "../help.js";

test("blocks come in address order, with size, tier and state", () => {
  const heap = smallHeap({ capacity: 2 ** 21, refillCountHot: 4 });
  const tiny = heap.malloc(64);
  const freed = heap.malloc(64);
  const pool = heap.malloc(16384);
  const span = heap.malloc(100001);
  heap.free(freed);
  const blocks = [...heap.blocks()];
  expect(blocks).toEqual([
    { ptr: tiny, size: 64, tier: "tiny", state: "live" },
    { ptr: tiny + 64, size: 64, tier: "tiny", state: "cached" },
    { ptr: tiny + 128, size: 64, tier: "tiny", state: "cached" },
    { ptr: tiny + 192, size: 64, tier: "tiny", state: "cached" },
    { ptr: pool, size: 16384, tier: "pool", state: "live" },
    { ptr: span, size: 100016, tier: "large", state: "live" },
  ]);
  heap.drain();
  const states = [...heap.blocks()].map(({ state }) => state);
  expect(states).toEqual(["live", "free", "free", "free", "live", "live"]);
});

test("the walk agrees with stats and classify", () => {
  const heap = smallHeap({ capacity: 2 ** 23, sllDrainInterval: 300 });
  const ptrs = Array.from({ length: 4000 }, (_, index) => heap.malloc((index * 37) % 1500));
  ptrs.forEach((ptr, index) => {
    if (index % 3 !== 0) heap.free(ptr);
  });
  const spans = [70000, 300000].map((size) => heap.malloc(size));
  heap.free(spans[0] ?? NULL);
  let before = 0;
  const counts = { live: 0, cached: 0, free: 0 };
  const bytes = { live: 0, cached: 0, free: 0 };
  for (const { ptr, size, tier, state } of heap.blocks()) {
    expect(ptr).toBeGreaterThanOrEqual(before);
    before = ptr + size;
    counts[state]++;
    bytes[state] += size;
    const kind = heap.classify(ptr);
    if (kind !== (state === "live" ? tier : "freed")) throw new Error(`${ptr} is ${kind}`);
    if (state === "live" && heap.usableSize(ptr) !== size) throw new Error(`size of ${ptr}`);
  }
  const stats = heap.stats();
  for (const state of ["live", "cached", "free"] as const) {
    expect(stats[state]).toEqual({ blocks: counts[state], bytes: bytes[state] });
    expect(counts[state]).toBeGreaterThan(0);
  }
});

test("an empty heap has no blocks, nor one after reset", () => {
  const heap = smallHeap();
  expect([...heap.blocks()]).toEqual([]);
  heap.malloc(5);
  heap.reset();
  expect([...heap.blocks()]).toEqual([]);
});
