/*
 * The end of a worker's region: this file draws only that. A region begins as a heap's metadata
 * does, with a superblock, a front cache, class records and counters, so that the cold paths work
 * on it as on a heap of one worker. Then follow, where a heap has its slab records:
 *
 *   1280 OUTBOX_COUNT   1281 OUTBOX_SENT   1282 OUTBOX_BYTES   1283 ..1295 free
 *   1296 ..2319 OUTBOX
 *   2320 ..     DIRTY_WORDS, a bit for each slab of the heap
 *
 * The worker alone uses it, except that all workers set dirty bits, by Atomics.
 */
export const START = 1280;
/** Words to the first dirty word, and that one. A larger heap has more dirty words. */
export const INTS = 1041;

/** How many blocks are in the outbox, and how many of them were sent. */
export const OUTBOX_COUNT = 1280;
export const OUTBOX_SENT = 1281;
/** Bytes of those that the hot path did not take, because they are not tiny. */
export const OUTBOX_BYTES = 1282;
/** Ptrs of blocks in other workers' slabs that this worker has freed. */
export const OUTBOX = 1296;
export const OUTBOX_INTS = 1024;
export const DIRTY_WORDS = 2320;
