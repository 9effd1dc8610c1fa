/*
 * What workers share beside the superblock. It follows the superblock of a shared heap; a heap of
 * one worker has its front cache there. All access is by Atomics. Words that different workers
 * write at the same time have a cache line (16 words) of their own.
 *
 *   128 HINT                 129 ..143 free
 *   144 WAITING, two words   146 EVENTS   147 TICKETS   148 ..159 free
 *   160 ABANDONED_CLASSES, two words   162 ..175 free
 *   176 RETRACTIONS          177 RECOVERIES   178 ..191 free
 */
export const START = 128;
export const INTS = 64;

/** Where a search for a slab starts: no free slab is below it, or one will be found later. */
export const HINT = 128;
/** A bit for each worker that waits for memory. */
export const WAITING = 144;
export const WAITING_INTS = 2;
/** Counts what may have made memory free, for the workers that wait. */
export const EVENTS = 146;
/** The ticket that was given out last. */
export const TICKETS = 147;
/** A bit for each class of which a slab may be abandoned. */
export const ABANDONED_CLASSES = 160;
export const ABANDONED_CLASSES_INTS = 2;
/** Counts claims of several slabs that failed halfway: a search that met one may begin again. */
export const RETRACTIONS = 176;
/** Counts recoveries: each when it begins, and when it has sent again what was in an outbox. */
export const RECOVERIES = 177;
