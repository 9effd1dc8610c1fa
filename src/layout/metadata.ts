import { staticAssert } from "../base/assert.js";
import { log2Floor, roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { MAX_CAPACITY_BYTES, MAX_FAST_CAP, OPTION_TABLE } from "../config/options.js";
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
 *   meta   0            128        192         256             768        1280
 *          | superblock | put tops | take tops | class records | counters | slab records | ...
 *
 * and the magazines after them.
 */

export const SLAB_SHIFT = 16;
export const SLAB_BYTES = 65536;
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
/** Head of the list of spare magazines, and the first magazine that was never used. */
export const SPARE_HEAD = 8;
export const SPARE_NEXT = 9;
/** Bitmap of the bins of free runs that are not empty: two words. */
export const BIN_MAP = 10;
/** 1 after the heap was disposed, until it is opened again. */
export const CLOSED = 12;
/** One past the last magazine. */
export const END_MAGAZINE = 13;
/** Slots of a magazine, less one. */
export const MAGAZINE_MASK = 14;
/** Options, one word each, in the order of config/options.ts. */
export const OPTIONS = 16;
export const DRAIN_INTERVAL = 17;
/** Heads of the bins of free runs. */
export const BINS = 32;
export const BIN_COUNT = 64;

export const MAGIC_VALUE = 0x6d6b6168; // "hakm"
export const FORMAT_VERSION = 2;

/*
 * A front cache is two magazines of a class: malloc takes from one, free puts to the other, and
 * they change places when the first is empty. A header byte is the index of the top:
 * `meta[LIVE | class]` of the magazine to take from, `meta[CACHED | class]` of the one to put to.
 *
 *   slot    0      1 .. mask - cap     mask - cap + 1 .. mask
 *          | next | unused and 0      | entries, oldest first |
 *
 * Magazines begin at multiples of their slots, a power of two. The slot below the oldest entry is
 * 0, so a magazine is empty when its top slot is 0; and it is full when the index after its top has
 * no bit of the mask. A magazine is known by the index of its slot 0, which links spare magazines,
 * and full ones on the SLL. A class gets its two when it is first used.
 */
export const PUT_TOPS: number = CACHED;
export const TAKE_TOPS: number = LIVE;
export const MAGAZINES_PER_CLASS = 2;
export const SLL_MAGAZINES = 64;
export const MAGAZINE_COUNT: number = MAGAZINES_PER_CLASS * CLASS_COUNT + SLL_MAGAZINES;
/**
 * Tops of a class that has no magazines: the one has no room, the other neither a block nor room,
 * for it points to the first put top, which is of no class and stays -1.
 */
export const NO_PUT_TOP = -1;
export const NO_TAKE_TOP: number = PUT_TOPS;

// Class records.
export const CLASS_RECORDS: number = TAKE_TOPS + 64;
export const CLASS_RECORD_INTS = 8;
/** First slab with free or uncarved blocks; 0 is none. */
export const PARTIAL_HEAD = 0;
/** Exchanges of magazines with few blocks since the last refill, modulo a constant. */
export const CLASS_SWAPS = 1;
/** Entries of a magazine, and blocks taken by a refill. */
export const CLASS_CAP = 2;
export const CLASS_REFILL = 3;
export const CLASS_SLABS = 4;
/** Head of the class's part of the SLL: a list of full magazines. */
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

export const POOLED = 0;
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

/** Slots of a magazine, less one, in a heap of this front-cache capacity. */
export function magazineMask(fastCap: number): number {
  return 2 ** (log2Floor(fastCap + 1) + 1) - 1;
}

/** The top of an empty magazine whose class has `cap` entries a magazine. */
export function emptyTop(magazine: number, mask: number, cap: number): number {
  return magazine + mask - cap;
}

/** The magazine that a top points into. */
export function topToMagazine(top: number, mask: number): number {
  return top & ~mask;
}

/** Entries in the magazine that a top points into. */
export function topToCount(top: number, mask: number, cap: number): number {
  return (top & mask) - (mask - cap);
}

export function blocksPerSlab(classIndex: number): number {
  return (SLAB_BYTES / (BLOCK_BYTES[classIndex] as number)) | 0;
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

/** The first magazine of a heap: an index into `meta`. */
export function firstMagazineOf(capacityBytes: number, fastCap: number): number {
  return roundUp(slabRecord(capacityBytes >>> SLAB_SHIFT), magazineMask(fastCap) + 1);
}

/** One past the last magazine of a heap: the end of the metadata. */
export function endMagazineOf(capacityBytes: number, fastCap: number): number {
  const slots = magazineMask(fastCap) + 1;
  return firstMagazineOf(capacityBytes, fastCap) + MAGAZINE_COUNT * slots;
}

/** The first slab of a heap. */
export function firstSlabOf(capacityBytes: number, fastCap: number): SlabIndex {
  const end = metadataOffset(capacityBytes) + 4 * endMagazineOf(capacityBytes, fastCap);
  return ptrToSlab(roundUp(end, SLAB_BYTES));
}

staticAssert(SLAB_BYTES === 1 << SLAB_SHIFT, "a slab is 1 << SLAB_SHIFT bytes");
staticAssert(SLAB_GRANULES === PAGE_BYTES, "a slab's header bytes are one page");
staticAssert(CLASS_MAX_BYTES <= SLAB_BYTES, "a block lies in one slab");
staticAssert(CLASS_COUNT < SPAN_TAIL && SPAN_TAIL < SPAN_CLASS, "slab kinds do not meet");
staticAssert(MAX_CAPACITY_BYTES + SLAB_BYTES <= 2 ** 31, "a ptr is a positive int32");
staticAssert(magazineMask(MAX_FAST_CAP) === MAX_FAST_CAP + 1, "a link, an empty slot, the entries");
staticAssert(OPTIONS + OPTION_TABLE.length <= BINS, "the options end before the bins");
staticAssert(
  OPTION_TABLE[DRAIN_INTERVAL - OPTIONS]?.name === "sllDrainInterval",
  "options keep their order",
);
staticAssert(BINS + BIN_COUNT <= PUT_TOPS, "the superblock ends before the tops");
staticAssert(PUT_TOPS + 64 === TAKE_TOPS, "tops follow one another");
staticAssert(COUNTERS % 2 === 0 && SLAB_RECORDS % 8 === 0, "records are aligned");
