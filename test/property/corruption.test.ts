import fc from "fast-check";
import { describe, it } from "vitest";
import { Heap, type Ptr } from "../../src/index.js";
import { runs } from "../support/tier.js";
import {
  makeWornHeap,
  metadataWords,
  metaIndex,
  randomOf,
  terminates,
  wordValue,
} from "./hostile.js";

const surprises = new Map<string, number>();

/** Any outcome of a call on a corrupt heap is allowed but no end; what is no HeapError is told. */
function attempt(name: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (error instanceof Error && error.name !== "HeapError") {
      const what = `${name}: ${error.name}: ${error.message}`;
      surprises.set(what, (surprises.get(what) ?? 0) + 1);
    }
  }
}

function operations(heap: Heap, random: (limit: number) => number): [string, () => unknown][] {
  const ptrs: Ptr[] = [];
  const keep = (ptr: Ptr): void => {
    ptrs.push(ptr);
  };
  const somePtr = (): Ptr =>
    (random(4) === 0 ? 16 * random(65536) : (ptrs[random(ptrs.length || 1)] ?? 0)) as Ptr;
  const size = (): number => (random(5) === 0 ? random(200000) : random(1200));
  return [
    ["malloc", () => keep(heap.malloc(size()))],
    ["malloc", () => keep(heap.malloc(64))],
    ["tryMalloc", () => keep(heap.tryMalloc(size()))],
    ["calloc", () => keep(heap.calloc(random(2000)))],
    ["alignedAlloc", () => keep(heap.alignedAlloc(2 ** random(17), size()))],
    ["realloc", () => keep(heap.realloc(somePtr(), size()))],
    ["free", () => heap.free(somePtr())],
    ["free", () => heap.free(somePtr())],
    ["mallocBatch", () => heap.mallocBatch(size(), random(300), ptrs)],
    ["freeBatch", () => heap.freeBatch(ptrs.splice(0, 100), Math.min(100, ptrs.length))],
    ["usableSize", () => heap.usableSize(somePtr())],
    ["classify", () => heap.classify(somePtr())],
    ["bytes", () => heap.bytes(somePtr())],
    ["blocks", () => [...heap.blocks()].length],
    ["drain", () => heap.drain()],
    ["stats", () => heap.stats()],
    ["verify", () => heap.verify()],
    ["snapshot", () => Heap.restore(heap.snapshot())],
    ["reset", () => random(4) === 0 && heap.reset()],
    ["dispose and open", () => reopen(heap, random)],
  ];
}

function reopen(heap: Heap, random: (limit: number) => number): void {
  if (random(4) !== 0) return;
  heap[Symbol.dispose]();
  Heap.open(heap.buffer);
}

describe("metadata that is overwritten while a heap is open", () => {
  it("makes no call run forever", () => {
    const writes = fc.array(fc.tuple(metaIndex, wordValue), { minLength: 1, maxLength: 4 });
    const property = fc.property(fc.nat(), writes, (seed, list) => {
      const worn = makeWornHeap(seed);
      const heap = Heap.open(worn.heap.buffer);
      const meta = metadataWords(heap.buffer, worn.metadataBytes);
      for (const [index, value] of list) meta[index % meta.length] = value;
      const random = randomOf(seed);
      const choices = operations(heap, random);
      let name = "";
      const run = (): void => {
        for (let step = 0; step < 120; step++) {
          const choice = choices[random(choices.length)] as [string, () => unknown];
          name = choice[0];
          attempt(name, choice[1]);
        }
      };
      terminates(() => name, run);
    });
    try {
      // No shrinking: each step of it would wait for the time limit once more.
      fc.assert(property, { numRuns: runs(100, 1000), endOnFailure: true });
    } finally {
      for (const [what, times] of surprises) console.log(`corruption: ${times} x ${what}`);
    }
  });
});
