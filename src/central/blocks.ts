import { corrupted } from "../base/errors.js";
import type { ClassIndex, SlabIndex } from "../base/types.js";
import * as frontCache from "../layout/frontCache.js";
import { CACHED, FREE, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { blocksPerSlab, ptrToSlab, slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import { linkPartial, retireSlab } from "./slabs.js";

/**
 * Makes up to `wanted` free blocks a chain, in address order from the cursor on. Returns how many.
 */
export function takeBlocks(
  views: HeapViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  wanted: number,
): number {
  const { headers, i32, meta, records } = views;
  const slabAt = slabRecord.at(slab);
  const blockBytes = BLOCK_BYTES[classIndex];
  const free = records[slabAt + slabRecord.FREE_COUNT];
  const count = wanted < free ? wanted : free;
  const start = slabToPtr(slab);
  const end = start + records[slabAt + slabRecord.CARVED] * blockBytes;
  const freeHeader = toHeader(FREE, classIndex);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = start + records[slabAt + slabRecord.CURSOR];
  let wraps = 0;
  let last = 0;
  for (let taken = 0; taken < count; ptr += blockBytes) {
    if (ptr >= end) {
      if (++wraps === 2) throw corrupted("freeCount", start, taken, count);
      ptr = start;
    }
    if (headers[ptr >>> GRANULE_SHIFT] !== freeHeader) continue;
    headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
    if (taken++ === 0) meta[frontCache.HEADS + classIndex] = ptr;
    else i32[last >> 2] = ptr;
    last = ptr;
  }
  i32[last >> 2] = 0;
  records[slabAt + slabRecord.CURSOR] = ptr - start;
  records[slabAt + slabRecord.FREE_COUNT] = free - count;
  return count;
}

/** Returns a cached block to its slab. */
export function returnBlock(views: HeapViews, classIndex: ClassIndex, ptr: number): void {
  const { headers, records } = views;
  const slab = ptrToSlab(ptr);
  const slabAt = slabRecord.at(slab);
  const free = records[slabAt + slabRecord.FREE_COUNT] + 1;
  const carved = records[slabAt + slabRecord.CARVED];
  headers[ptr >>> GRANULE_SHIFT] = toHeader(FREE, classIndex);
  records[slabAt + slabRecord.FREE_COUNT] = free;
  if (free === 1 && carved === blocksPerSlab(classIndex)) linkPartial(views, slab, classIndex);
  if (free === carved) retireSlab(views, slab, classIndex);
}
