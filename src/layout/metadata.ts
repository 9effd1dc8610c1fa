import { staticAssert } from "../base/assert.js";
import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { MAX_CAPACITY_BYTES, OPTION_TABLE } from "../config/options.js";
import { CACHED, GRANULE_SHIFT, LIVE } from "./header.js";
import { BLOCK_BYTES, CLASS_COUNT, CLASS_MAX_BYTES, SPAN_CLASS } from "./sizeClasses.js";

/*
 * Where every byte of a heap image is.
 *
 *   byte 0            capacity / 16                        firstSlab << 16             capacity
 *   | header map      | metadata                           | slabs                     |
 *
 * One Int32Array, `meta`, views the metadata; the figures below are indices into it.
 *
 *   meta   0            128     192     256             768        1280
 *          | superblock | rooms | heads | class records | counters | slab records |
 */

export const SLAB_SHIFT = 16;
export const SLAB_BYTES = 65536;
/** Words of the smallest block. */
const GRANULE_INTS = 1 << (GRANULE_SHIFT - 2);
/** The unit in which the operating system commits memory. */
export const PAGE_BYTES = 4096;
/** Header bytes of one slab: exactly one page of the header map. */
export const SLAB_GRANULES: number = SLAB_BYTES >> GRANULE_SHIFT;

// Superblock.
export const MAGIC = 0;
export const VERSION = 1;
export const CAPACITY_BYTES = 2;
export const FIRST_SLAB = 3;
/** One past the last slab. */
export const END_SLAB = 4;
/** The first slab that was never used: from here on no page was touched. */
export const WILDERNESS = 5;
/** Pages ever touched in slabs and in their header map. */
export const TOUCHED_PAGES = 6;
/** Blocks on the SLL. */
export const SLL_BLOCKS = 7;
/** Bitmap of the bins of free runs that are not empty: two words. */
export const BIN_MAP = 10;
/** 1 after the heap was disposed, until it is opened again. */
export const CLOSED = 12;
/** Options, one word each, in the order of config/options.ts. */
export const OPTIONS = 16;
export const DRAIN_INTERVAL = 17;
/** Heads of the bins of free runs. */
export const BINS = 32;
export const BIN_COUNT = 64;

export const MAGIC_VALUE = 0x6d6b6168; // "hakm"
export const FORMAT_VERSION = 3;

/*
 * The front cache of a class is a chain: a list of cached blocks, newest first, linked by the
 * first word of each. A header byte is the index of what belongs to it: `meta[LIVE | class]` is the
 * ptr of the chain's head, or 0; `meta[CACHED | class]` how many more blocks the chain takes. A
 * chain that takes no more goes on the SLL, whose chains are linked by their heads' second words.
 *
 * A link lies where a stale view can overwrite it, so it is a hint: the header byte of the block
 * that it names says whether it is one, and its slab whether it is this worker's.
 */
export const ROOMS: number = CACHED;
export const HEADS: number = LIVE;
export const LINK = 0;
export const CHAIN_LINK = 1;

// Class records.
export const CLASS_RECORDS: number = HEADS + 64;
export const CLASS_RECORD_INTS = 8;
/** First slab with free or uncarved blocks; 0 is none. */
export const PARTIAL_HEAD = 0;
/** Chains of the class on the SLL. */
export const SLL_CHAINS = 1;
/** Blocks of a full chain, and blocks taken by a refill. */
export const CLASS_CAP = 2;
export const CLASS_REFILL = 3;
export const CLASS_SLABS = 4;
/** Head of the newest chain of the class on the SLL; 0 is none. */
export const SLL_HEAD = 5;

// Counters: doubles, viewed by a Float64Array of their own.
export const COUNTERS: number = CLASS_RECORDS + 64 * CLASS_RECORD_INTS;
export const COUNTERS_PER_CLASS = 4;
export const REFILLS = 0;
export const DRAINED = 1;
export const FRONT_MALLOCS = 2;
export const FRONT_MISSES = 3;
export const COUNTER_COUNT: number = 64 * COUNTERS_PER_CLASS;
/** Counters of the whole heap stand where class 0 would have its own. */
export const DRAINS = 0;
export const SLABS_OPENED = 1;
/** Classes whose cache was made anew from the headers, for a link had been overwritten. */
export const MENDS = 2;

// Slab records. Slab 0 is never a slab, so 0 ends a list.
export const SLAB_RECORDS: number = COUNTERS + 2 * COUNTER_COUNT;
export const SLAB_RECORD_SHIFT = 3;
/** What the slab is: POOLED, a size class, SPAN_CLASS (a span's first) or SPAN_TAIL (its last). */
export const KIND = 0;
/** Blocks in state free. */
export const FREE_COUNT = 1;
/** A span's bytes, in its first slab. */
export const SPAN_BYTES = 1;
/** Blocks that have a header: the carved frontier. */
export const CARVED = 2;
/** Byte offset in the slab at which the next refill starts to look. */
export const CURSOR = 3;
export const NEXT = 4;
export const PREV = 5;
/** Slabs in a run: in its first slab, and for a free run in its last too. */
export const RUN = 6;
/** What was ever touched of the slab, whatever it was then: see central/touch.ts. */
export const TOUCHED = 7;

export const IN_ARENA = 0;
export const SPAN_TAIL = 62;

export function slabRecord(slab: number): number {
  return SLAB_RECORDS + (slab << SLAB_RECORD_SHIFT);
}

export function classRecord(classIndex: number): number {
  return CLASS_RECORDS + classIndex * CLASS_RECORD_INTS;
}

export function counterIndex(classIndex: number, counter: number): number {
  return classIndex * COUNTERS_PER_CLASS + counter;
}

export function blocksPerSlab(classIndex: number): number {
  return (SLAB_BYTES / BLOCK_BYTES[classIndex]) | 0;
}

export function ptrToSlab(ptr: number): SlabIndex {
  return (ptr >>> SLAB_SHIFT) as SlabIndex;
}

export function slabToPtr(slab: number): number {
  return slab << SLAB_SHIFT;
}

/** Slabs that hold so many bytes. */
export function bytesToSlabs(bytes: number): number {
  return (bytes + SLAB_BYTES - 1) >>> SLAB_SHIFT;
}

/** Byte offset of the metadata in a heap of the given capacity. */
export function metadataOffset(capacityBytes: number): number {
  return capacityBytes >>> GRANULE_SHIFT;
}

/** One past the last slab record: the end of a heap's metadata, an index into `meta`. */
export function endOfMetadata(capacityBytes: number): number {
  return slabRecord(capacityBytes >>> SLAB_SHIFT);
}

/** The first slab of a heap. */
export function firstSlabOf(capacityBytes: number): SlabIndex {
  const end = metadataOffset(capacityBytes) + 4 * endOfMetadata(capacityBytes);
  return ptrToSlab(roundUp(end, SLAB_BYTES));
}

staticAssert(SLAB_BYTES === 1 << SLAB_SHIFT, "a slab is 1 << SLAB_SHIFT bytes");
staticAssert(SLAB_GRANULES === PAGE_BYTES, "a slab's header bytes are one page");
staticAssert(CLASS_MAX_BYTES <= SLAB_BYTES, "a block lies in one slab");
staticAssert(CLASS_COUNT < SPAN_TAIL && SPAN_TAIL < SPAN_CLASS, "slab kinds do not meet");
staticAssert(MAX_CAPACITY_BYTES + SLAB_BYTES <= 2 ** 31, "a ptr is a positive int32");
staticAssert(OPTIONS + OPTION_TABLE.length <= BINS, "the options end before the bins");
staticAssert(
  OPTION_TABLE[DRAIN_INTERVAL - OPTIONS]?.name === "sllDrainInterval",
  "options keep their order",
);
staticAssert(BINS + BIN_COUNT <= ROOMS, "the superblock ends before the rooms");
staticAssert(ROOMS + 64 === HEADS, "heads follow rooms");
staticAssert(CHAIN_LINK < GRANULE_INTS, "the smallest block has both links");
staticAssert(COUNTERS % 2 === 0 && SLAB_RECORDS % 8 === 0, "records are aligned");
