import type { Heap, SharedHeap } from "../../src/index.js";
import { linear } from "./linear.js";
import type { HeapGauge, Subject } from "./subject.js";

/** The part of hakmem's module that a subject uses. Another build of it has the same. */
export type HeapModule = Pick<
  typeof import("../../src/index.js"),
  "Heap" | "SharedHeap" | "optionsFromEnv"
>;

/** Returns hakmem itself, with the knobs of the environment. */
export function createHeapSubject({ Heap, optionsFromEnv }: HeapModule): Subject<number> {
  return subjectOf(Heap.create(optionsFromEnv(process.env)));
}

/** Returns a heap for several workers, used by one. */
export function createSharedHeapSubject(module: HeapModule): Subject<number> {
  return subjectOf(module.SharedHeap.create(module.optionsFromEnv(process.env)));
}

/** Returns a subject that has the heap's own functions. */
export function subjectOf(heap: Heap | SharedHeap): Subject<number> {
  const ops = {
    malloc: heap.malloc as (size: number) => number,
    free: heap.free as unknown as (block: number) => void,
    realloc: heap.realloc as unknown as (block: number, size: number) => number,
  };
  return { ...linear(heap.u8, ops), gauge: () => readGauge(heap), heap };
}

export function readGauge(heap: Heap | SharedHeap): HeapGauge {
  const { refills, drains, slabs, committedBytes, peakCommittedBytes, front } = heap.stats();
  const { hits, misses } = front ?? { hits: 0, misses: 0 };
  const slabsOpened = slabs.opened;
  return { refills, drains, slabsOpened, committedBytes, peakCommittedBytes, hits, misses };
}
