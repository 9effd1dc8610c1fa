import type { ClassIndex, WordIndex } from "../base/types.js";

/*
 * A class record: what is known of one size class. There is a record for each of the 64 codes that
 * a header's class bits can hold.
 *
 *   0 PARTIAL_HEAD   2 CAP      4 SLABS      6 free
 *   1 SLL_CHAINS     3 REFILL   5 SLL_HEAD   7 free
 */
export const START = 256;
export const INTS = 8;
export const COUNT = 64;

/** The first slab with free or uncarved blocks; 0 is none. */
export const PARTIAL_HEAD = 0;
/** Chains of the class on the SLL. */
export const SLL_CHAINS = 1;
/** Blocks of a full chain. */
export const CAP = 2;
/** Blocks taken by one refill. */
export const REFILL = 3;
/** Slabs of the class. */
export const SLABS = 4;
/** Head of the newest chain of the class on the SLL; 0 is none. */
export const SLL_HEAD = 5;

/** Returns the index of a class's record. */
export function at(classIndex: ClassIndex): WordIndex {
  return START + classIndex * INTS;
}
