import { Heap, optionsFromEnv } from "../../index.js";
import { linear } from "./linear.js";
import type { HeapGauge, Subject } from "./subject.js";

/** hakmem itself, with the knobs of the environment. */
export function createHeapSubject(): Subject<number> {
  const heap = Heap.create(optionsFromEnv(process.env));
  const subject = linear(heap.u8, heap as Parameters<typeof linear>[1]);
  const gauge = (): HeapGauge => {
    const { refills, drains, slabs, committedBytes, peakCommittedBytes, front } = heap.stats();
    const { hits, misses } = front ?? { hits: 0, misses: 0 };
    const slabsOpened = slabs.opened;
    return { refills, drains, slabsOpened, committedBytes, peakCommittedBytes, hits, misses };
  };
  return { ...subject, gauge, heap };
}
