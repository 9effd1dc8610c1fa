import { Heap, optionsFromEnv, type SharedHeap } from "../../src/index.js";
import { type LinearOps, linear } from "./linear.js";
import type { HeapGauge, Subject } from "./subject.js";

/** hakmem itself, with the knobs of the environment. */
export function createHeapSubject(): Subject<number> {
  const heap = Heap.create(optionsFromEnv(process.env));
  const ops = opsOf(heap);
  return { ...linear(heap.u8, ops), ...ops, gauge: () => readGauge(heap), heap };
}

/** The heap's own functions, as a program calls them: a wrapper would use up inlining budget. */
export function opsOf(heap: Heap | SharedHeap): LinearOps {
  return {
    malloc: heap.malloc,
    free: heap.free as unknown as LinearOps["free"],
    realloc: heap.realloc as unknown as LinearOps["realloc"],
  };
}

export function readGauge(heap: Heap | SharedHeap): HeapGauge {
  const { refills, drains, slabs, committedBytes, peakCommittedBytes, front } = heap.stats();
  const { hits, misses } = front ?? { hits: 0, misses: 0 };
  const slabsOpened = slabs.opened;
  return { refills, drains, slabsOpened, committedBytes, peakCommittedBytes, hits, misses };
}
