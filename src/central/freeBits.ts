import { lowestBit } from "../base/bits.js";
import { corrupted } from "../base/errors.js";
import type { ClassIndex, SlabIndex } from "../base/types.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import { CACHED, FREE, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import { FREE_WORDS_SHIFT } from "../layout/sharedMetadata.js";
import type { SharedViews } from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { blocksPerSlab, ptrToSlab, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import { linkPartial, retireSlab } from "./slabs.js";
import { isAwaited } from "./states.js";

/*
 * Free bits: one for each block of a slab, 1 if its header says free. The owner finds free blocks
 * by them and not by the header map: other workers write to the headers of the live blocks that
 * they free, and reading those would be a data race.
 */

/** Returns the number of a block in its slab. */
export function blockIndex(ptr: number, classIndex: ClassIndex): number {
  return ((ptr & (SLAB_BYTES - 1)) / BLOCK_BYTES[classIndex]) | 0;
}

/** Makes a block of a slab of this worker free. It leaves the count of free blocks to `addFree`. */
export function markFree(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  block: number,
): void {
  const { freeBits, headers } = views;
  const ptr = slabToPtr(slab) + block * BLOCK_BYTES[classIndex];
  const word = (slab << FREE_WORDS_SHIFT) + (block >>> 5);
  headers[ptr >>> GRANULE_SHIFT] = toHeader(FREE, classIndex);
  freeBits[word] = freeBits[word] | (1 << (block & 31));
}

/**
 * Counts free blocks of a slab of this worker. It becomes partial; when empty it is retired. If
 * `kept` is true and it is the only partial slab of its class, it is kept until the next drain
 * instead, because a pipe between workers empties a slab as often as it fills one; but not while a
 * worker waits for memory.
 */
export function addFree(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  added: number,
  kept = false,
): void {
  const { meta, records } = views;
  const slabAt = slabRecord.at(slab);
  const before = records[slabAt + slabRecord.FREE_COUNT];
  const carved = records[slabAt + slabRecord.CARVED];
  records[slabAt + slabRecord.FREE_COUNT] = before + added;
  const wasPartial = before > 0 || carved < blocksPerSlab(classIndex);
  if (!wasPartial && added > 0) linkPartial(views, slab, classIndex);
  if (before + added !== carved) return;
  const isOnly =
    meta[classRecord.at(classIndex) + classRecord.PARTIAL_HEAD] === slab &&
    records[slabAt + slabRecord.NEXT] === 0;
  if (kept && isOnly && !isAwaited(views)) return;
  retireSlab(views, slab, classIndex);
}

/** Retires the empty slabs that were kept. */
export function retireKept(views: SharedViews): void {
  const { meta, records } = views;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    let slab = meta[classRecord.at(classIndex) + classRecord.PARTIAL_HEAD];
    while (slab !== 0) {
      const slabAt = slabRecord.at(slab);
      const next = records[slabAt + slabRecord.NEXT];
      const free = records[slabAt + slabRecord.FREE_COUNT];
      if (free > 0 && free === records[slabAt + slabRecord.CARVED])
        retireSlab(views, slab, classIndex);
      slab = next;
    }
  }
}

/**
 * Makes free blocks of a slab of this worker a chain, in address order from the cursor on. Returns
 * how many.
 */
export function takeFreeBits(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  wanted: number,
): number {
  const { freeBits, headers, i32, meta, records } = views;
  const slabAt = slabRecord.at(slab);
  const blockBytes = BLOCK_BYTES[classIndex];
  const free = records[slabAt + slabRecord.FREE_COUNT];
  const count = wanted < free ? wanted : free;
  const start = slabToPtr(slab);
  const firstWord = slab << FREE_WORDS_SHIFT;
  const wordCount = (records[slabAt + slabRecord.CARVED] + 31) >>> 5;
  const cachedHeader = toHeader(CACHED, classIndex);
  let word = records[slabAt + slabRecord.CURSOR];
  let wraps = 0;
  let last = 0;
  let taken = 0;
  while (taken < count) {
    if (word >= wordCount) {
      if (++wraps === 2) throw corrupted("freeCount", start, taken, count);
      word = 0;
    }
    let bits = freeBits[firstWord + word];
    const wordStart = (start + Math.imul(word << 5, blockBytes)) | 0;
    while (bits !== 0 && taken < count) {
      const ptr = (wordStart + Math.imul(lowestBit(bits), blockBytes)) | 0;
      headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
      if (taken === 0) meta[frontCache.HEADS + classIndex] = ptr;
      else i32[last >> 2] = ptr;
      last = ptr;
      taken = (taken + 1) | 0;
      bits &= bits - 1;
    }
    freeBits[firstWord + word] = bits;
    if (bits === 0) word++;
  }
  i32[last >> 2] = 0;
  records[slabAt + slabRecord.CURSOR] = word;
  records[slabAt + slabRecord.FREE_COUNT] = free - count;
  return count;
}

/** Returns a cached block to its slab, which this worker owns. */
export function returnToBits(views: SharedViews, classIndex: ClassIndex, ptr: number): void {
  const slab = ptrToSlab(ptr);
  markFree(views, slab, classIndex, blockIndex(ptr, classIndex));
  addFree(views, slab, classIndex, 1);
}
