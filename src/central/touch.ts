import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { PAGE_BYTES } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/*
 * What the operating system has committed. The word TOUCHED of a slab is the number of its bytes
 * that were ever touched, in whole pages; bit 0 is set when its page of the header map was touched.
 */
export const MAP_PAGE = 1;

/** Returns how many pages a word TOUCHED stands for. */
export function touchedPages(touched: number): number {
  return Math.floor(touched / PAGE_BYTES) + (touched & MAP_PAGE);
}

/** Records that the first `bytes` of a slab are touched, and with MAP_PAGE its header map. */
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
