import { expect, it } from "vitest";
import { SharedHeap } from "../../../src/index.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import { at, fill } from "../help.js";
import { asHeap, onSync, sharedHeap, sharedViewsOf, workersOf } from "./help.js";

it("abandoned slabs are found although the worker that took their notes is stalled", () => {
  const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
  const ptrs = fill(asHeap(c), 64);
  for (const [index, ptr] of ptrs.entries()) if (index % 2 > 0) c.free(ptr);
  c.detach();
  const { words } = sharedViewsOf(a);
  words[sharedSuperblock.ABANDONED_CLASSES] = 0;
  words[sharedSuperblock.ABANDONED_CLASSES + 1] = 0;
  expect(b.tryMalloc(64)).toBeGreaterThan(0);
  a.verify();
});

it.each([1, 2])("a search for %i slabs is repeated when a claim failed meanwhile", (slabs) => {
  const heap = sharedHeap();
  const other = SharedHeap.attach(heap.buffer);
  const ptrs = fill(asHeap(heap), 3 * 65536);
  fill(asHeap(heap), 65536);
  heap.free(at(ptrs, 2));
  const { layout, words } = sharedViewsOf(heap);
  const first = layout.states + at(ptrs, 2) / 65536;
  const held = [0x3f01, 0x3e00, 0x3e00];
  words.set(held, first);
  // The other's search has passed them when the claim is taken back.
  onSync(
    "load",
    (index) => index === first + 3,
    () => {
      words.fill(0, first, first + 3);
      Atomics.add(words, sharedSuperblock.RETRACTIONS, 1);
    },
    true,
  );
  expect(other.tryMalloc(slabs * 65536)).toBe(at(ptrs, 2));
  heap.verify();
});

it("a claim that failed halfway says so", () => {
  const [heap, other] = workersOf(2) as [SharedHeap, SharedHeap];
  const { layout, words } = sharedViewsOf(heap);
  const before = at(words, sharedSuperblock.RETRACTIONS);
  const span = layout.states + layout.firstSlab;
  onSync(
    "compareExchange",
    (index) => index === span + 2,
    () => {
      words[span + 2] = 0x3f02;
    },
  );
  const ptr = heap.malloc(3 * 65536);
  expect(ptr).toBe((layout.firstSlab + 3) * 65536);
  expect(at(words, sharedSuperblock.RETRACTIONS)).toBeGreaterThan(before);
  words[span + 2] = 0;
  expect(other.malloc(3 * 65536)).toBe(layout.firstSlab * 65536);
  heap.verify();
});
