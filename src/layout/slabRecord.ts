import type { SlabIndex, WordIndex } from "../base/types.js";

/*
 * A slab record: what is known of one slab. There is one for each slab number; slab 0 is never a
 * slab, so 0 ends a list of slabs.
 *
 *             0 KIND   1             2 CARVED   3 CURSOR   4 NEXT   5 PREV   6 RUN   7 TOUCHED
 *   of a class  x      FREE_COUNT      x          x          x        x       x        x
 *   a span      x      SPAN_BYTES                                             x        x
 *   a free run  x                                            x        x       x        x
 *
 * In a shared heap only the slabs of classes and the spans have a record in use. CURSOR is then a
 * word of the free bits, and there are no free runs: see slabState.ts.
 */
export const START = 1280;
export const INTS = 8;
export const SHIFT = 3;

/** What the slab is: see slabKind.ts. */
export const KIND = 0;
/** Blocks in state free. */
export const FREE_COUNT = 1;
/** A span's bytes, in its first slab. */
export const SPAN_BYTES = 1;
/** Blocks that have a header: the carved frontier. */
export const CARVED = 2;
/** Byte offset in the slab at which the next refill starts to look. */
export const CURSOR = 3;
/** Neighbours in a class's partial list, or in a bin; 0 is none. */
export const NEXT = 4;
export const PREV = 5;
/** Slabs in a run: in its first slab, and in the last one of a free run too. */
export const RUN = 6;
/** What was ever touched of the slab, whatever it was then: see central/touch.ts. */
export const TOUCHED = 7;

/** Returns the index of a slab's record. */
export function at(slab: SlabIndex): WordIndex {
  return START + (slab << SHIFT);
}
