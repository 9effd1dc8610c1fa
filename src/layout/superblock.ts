/*
 * The superblock: what the whole heap is. It is the first record of a heap's metadata, and of a
 * worker's region in a shared heap, which has a copy for the cold paths to read.
 *
 *    0 MAGIC           4 END_SLAB         8 FINGERPRINT    12 CLOSED
 *    1 VERSION         5 WILDERNESS       9 WORKERS        13 free
 *    2 CAPACITY_BYTES  6 TOUCHED_PAGES   10 BIN_MAP        14 free
 *    3 FIRST_SLAB      7 SLL_BLOCKS      11   "            15 free
 *   16 .. 31  OPTIONS, one word each, in the order of config/options.ts
 *   32 .. 95  BINS of free runs; a shared heap has none
 *   96 ..127  free
 */
export const START = 0;
export const INTS = 128;

/** `MAGIC_VALUE`, written last when a heap is formatted. */
export const MAGIC = 0;
export const VERSION = 1;
export const CAPACITY_BYTES = 2;
export const FIRST_SLAB = 3;
/** One past the last slab. */
export const END_SLAB = 4;
/** The first slab that was never used: from here on no page was touched. */
export const WILDERNESS = 5;
/** Pages that were ever touched, in slabs and in their part of the header map. */
export const TOUCHED_PAGES = 6;
/** Blocks on the SLL. */
export const SLL_BLOCKS = 7;
/** What the layout and the size classes were when the heap was made: see fingerprint.ts. */
export const FINGERPRINT = 8;
/** Slots for workers; 0 in a heap of one worker. */
export const WORKERS = 9;
/** Bitmap of the bins that hold a run. */
export const BIN_MAP = 10;
export const BIN_MAP_INTS = 2;
/** 1 after the heap was disposed, until it is opened again. */
export const CLOSED = 12;
export const OPTIONS = 16;
export const OPTIONS_INTS = 16;
/** The word of OPTIONS that holds `sllDrainInterval`. */
export const DRAIN_INTERVAL = 17;
/** The first slab of the newest free run in each bin; 0 is none. */
export const BINS = 32;
export const BINS_INTS = 64;
