import type { ClassIndex, WordIndex } from "../base/types.js";

/*
 * The counters of one size class, in the view `counters` (see heapCounters.ts). Classes are
 * numbered from 1: in the place of class 0 stand the counters of the heap, before word START. START
 * counts words of the metadata; END and `at` count doubles, as indices into `counters`.
 *
 *   0 REFILLS   1 DRAINED   2 FRONT_MALLOCS   3 FRONT_MISSES
 */
export const START = 776;
export const DOUBLES = 4;
/** One past the last double of the last class. */
export const END = 256;

export const REFILLS = 0;
/** Blocks that drains returned to their slabs. */
export const DRAINED = 1;
/** Blocks handed out; counted if the heap has the option `frontStats`. */
export const FRONT_MALLOCS = 2;
export const FRONT_MISSES = 3;

/** Returns the index, in `counters`, of a class's first counter. */
export function at(classIndex: ClassIndex): WordIndex {
  return classIndex * DOUBLES;
}
