import { staticAssert } from "../base/assert.js";
import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { CACHED, GRANULE_SHIFT, LIVE, toHeader } from "./header.js";
import { CLASS_COUNT, SPAN_CLASS } from "./sizeClasses.js";

/*
 * Where every byte of a heap image is. One Int32Array, `meta`, views all metadata; the figures
 * below are indices into it.
 *
 *   byte 0            capacity / 16                        firstSlab << 16            capacity
 *   | header map      | meta                               | slabs                    |
 *
 *   meta   0          192     256                          CLASS_RECORDS  SLAB_RECORDS
 *          | superblock | tops | front caches, 256 a class | class records| slab records|
 */

export const SLAB_SHIFT = 16;
export const SLAB_BYTES = 65536;
/** The unit in which the operating system commits memory. */
export const PAGE_BYTES = 4096;
/** Header bytes of one slab: one page of header map exactly. */
export const SLAB_GRANULES = SLAB_BYTES >> GRANULE_SHIFT;

export const MIN_CAPACITY_BYTES = 4 * SLAB_BYTES;
export const MAX_CAPACITY_BYTES = 2 ** 31 - SLAB_BYTES;

// Superblock fields.
export const MAGIC_0 = 0;
export const MAGIC_1 = 1;
export const VERSION = 2;
export const CAPACITY_BYTES = 3;
export const FIRST_SLAB = 4;
/** One past the last slab. */
export const END_SLAB = 5;
/** The first slab that was never used: from here on no page was touched. */
export const WILDERNESS = 6;
export const SLL_HEAD = 7;
export const SLL_COUNT = 8;
export const DRAIN_INTERVAL = 9;
export const FAST_CAP = 10;
export const REFILL_HOT = 11;
export const REFILL_MID = 12;
export const FLAGS = 13;
/** Pages ever touched in slabs, spans and their header map. */
export const TOUCHED_PAGES = 14;
/** Bitmap of the bins of free runs that are not empty. */
export const BIN_MAP_LOW = 16;
export const BIN_MAP_HIGH = 17;
export const BINS = 32;
export const BIN_COUNT = 64;

/*
 * Front caches. `meta[liveHeader]` is a class's top: the index of its newest entry. A class's
 * entries end at index 256 * class + 255, so a cache is full when the index after its top is a
 * multiple of 256, and the entry below the oldest is 0, so a cache is empty when its top entry is 0.
 */
export const TOPS = LIVE;
export const FRONT_CACHE_STRIDE = 256;
export const FRONT_CACHE_MASK = 255;
export const MAX_FAST_CAP = 255;

// Class records.
export const CLASS_RECORDS: number = FRONT_CACHE_STRIDE * (CLASS_COUNT + 1);
export const CLASS_RECORD_INTS = 16;
/** First and last slab with free or uncarved blocks; 0 is none. */
export const PARTIAL_HEAD = 0;
export const PARTIAL_TAIL = 1;
export const CLASS_CAP = 2;
export const CLASS_REFILL = 3;
export const CLASS_SLABS = 4;
export const CLASS_QUEUED = 5;

// Slab records. A slab number is never 0, so 0 ends a list.
export const SLAB_RECORDS: number = CLASS_RECORDS + CLASS_RECORD_INTS * 64;
export const SLAB_RECORD_SHIFT = 3;
/** What the slab is: POOLED, a size class, SPAN_CLASS, or SPAN_TAIL. */
export const KIND = 0;
/** Blocks in state free; for a span, its bytes. */
export const FREE_COUNT = 1;
export const SPAN_BYTES = 1;
/** Blocks that have a header: the carved frontier. */
export const CARVED = 2;
/** Block at which the next refill starts to look. */
export const CURSOR = 3;
export const NEXT = 4;
export const PREV = 5;
/** Slabs in a run: at its first slab, and for a free run at its last too. */
export const RUN = 6;
/** Bytes of the slab that were ever touched, whatever it was then. */
export const TOUCHED = 7;

export const POOLED = 0;
export const SPAN_TAIL = 62;

export function slabRecord(slab: number): number {
  return SLAB_RECORDS + (slab << SLAB_RECORD_SHIFT);
}

export function classRecord(classIndex: number): number {
  return CLASS_RECORDS + classIndex * CLASS_RECORD_INTS;
}

/** Index of the entry below a class's oldest: the top of an empty cache. */
export function emptyTop(classIndex: number, cap: number): number {
  return classIndex * FRONT_CACHE_STRIDE + FRONT_CACHE_MASK - cap;
}

export function ptrToSlab(ptr: number): SlabIndex {
  return (ptr >>> SLAB_SHIFT) as SlabIndex;
}

export function slabToOffset(slab: number): number {
  return slab << SLAB_SHIFT;
}

/** Byte offset of `meta` in a heap of the given capacity. */
export function metaOffset(capacityBytes: number): number {
  return capacityBytes >>> GRANULE_SHIFT;
}

/** The first slab of a heap of the given capacity. */
export function firstSlabOf(capacityBytes: number): SlabIndex {
  const slabs = capacityBytes >>> SLAB_SHIFT;
  const metaBytes = 4 * slabRecord(slabs);
  return (roundUp(metaOffset(capacityBytes) + metaBytes, SLAB_BYTES) >>> SLAB_SHIFT) as SlabIndex;
}

staticAssert(SLAB_BYTES === 1 << SLAB_SHIFT, "a slab is 1 << SLAB_SHIFT bytes");
staticAssert(SLAB_GRANULES === PAGE_BYTES, "a slab's header bytes are one page");
staticAssert(CLASS_COUNT < SPAN_TAIL && SPAN_TAIL < SPAN_CLASS, "kinds do not meet");
staticAssert(toHeader(CACHED, 1) >= CACHED, "cached headers are above CACHED");
staticAssert(TOPS + 64 === FRONT_CACHE_STRIDE, "tops end where the front caches begin");
