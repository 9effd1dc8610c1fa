/*
 * Counters of the whole heap, or of one worker of a shared heap. They are doubles: `counters` views
 * the metadata from word START on, and the indices here are into `counters`. The counters of the
 * classes follow.
 *
 *   0 DRAINS   1 SLABS_OPENED   2 MENDS   3 free
 */
export const START = 768;
export const DOUBLES = 4;

export const DRAINS = 0;
export const SLABS_OPENED = 1;
/** How often the cache of a class was rebuilt from the headers, because a link was overwritten. */
export const MENDS = 2;
