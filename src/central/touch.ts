import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { PAGE_BYTES } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/*
 * What the operating system has committed: a slab's TOUCHED is the bytes of it that were ever
 * touched, whole pages, with bit 0 set once its page of the header map was touched.
 */
export const MAP_PAGE = 1;

/** Pages that a TOUCHED field stands for. */
export function touchedPages(touched: number): number {
  return Math.floor(touched / PAGE_BYTES) + (touched & MAP_PAGE);
}

/** Records that the first `bytes` of a slab may be touched, and its header map if `map` says so. */
export function touchSlab(views: HeapViews, slab: SlabIndex, bytes: number, map: number): void {
  const { meta, records } = views;
  const slabAt = slabRecord.at(slab);
  const before = records[slabAt + slabRecord.TOUCHED];
  const bytesBefore = before & -PAGE_BYTES;
  if (bytes <= bytesBefore && (before & MAP_PAGE) >= map) return;
  const after = Math.max(roundUp(bytes, PAGE_BYTES), bytesBefore) | (before & MAP_PAGE) | map;
  records[slabAt + slabRecord.TOUCHED] = after;
  meta[superblock.TOUCHED_PAGES] =
    meta[superblock.TOUCHED_PAGES] + touchedPages(after) - touchedPages(before);
}
