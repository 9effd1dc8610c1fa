import { corrupted } from "../base/errors.js";
import type { ClassIndex, SlabIndex } from "../base/types.js";
import { unlinkPartial } from "../central/slabs.js";
import { MAP_PAGE, touchSlab } from "../central/touch.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import { CACHED, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { blocksPerSlab, PAGE_BYTES, slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/**
 * Gives a class without a chain a new one, of blocks of one slab, the lowest address first. Free
 * blocks come before uncarved ones, so that no new page is touched while an old one has room.
 */
export function refillFromSlab(views: HeapViews, classIndex: ClassIndex, slab: SlabIndex): void {
  const { meta, records } = views;
  const wanted = meta[classRecord.at(classIndex) + classRecord.REFILL];
  const slabAt = slabRecord.at(slab);
  const blockCount = blocksPerSlab(classIndex);
  const carved = records[slabAt + slabRecord.CARVED];
  const hasFree = records[slabAt + slabRecord.FREE_COUNT] > 0;
  if (carved < 0 || carved > blockCount - (hasFree ? 0 : 1)) {
    throw corrupted("carved", slabToPtr(slab), carved, `at most ${blockCount}`);
  }
  const taken = hasFree
    ? views.slabSource.takeBlocks(views, slab, classIndex, wanted)
    : carve(views, slab, classIndex, wanted);
  meta[frontCache.ROOMS + classIndex] = meta[frontCache.ROOMS + classIndex] - taken;
  const isUsedUp =
    records[slabAt + slabRecord.FREE_COUNT] === 0 &&
    records[slabAt + slabRecord.CARVED] === blockCount;
  if (isUsedUp) unlinkPartial(views, slab, classIndex);
}

/**
 * Carves the next blocks of a slab, up to the end of a page, and makes them a chain. Returns how
 * many.
 */
function carve(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex, wanted: number): number {
  const { headers, i32, meta, records } = views;
  const slabAt = slabRecord.at(slab);
  const blockBytes = BLOCK_BYTES[classIndex];
  const carved = records[slabAt + slabRecord.CARVED];
  const offset = carved * blockBytes;
  const pageEnd = (offset + blockBytes + PAGE_BYTES - 1) & -PAGE_BYTES;
  const onPage = ((pageEnd - offset) / blockBytes) | 0;
  const count = Math.min(wanted, onPage, blocksPerSlab(classIndex) - carved);
  const cachedHeader = toHeader(CACHED, classIndex);
  const first = slabToPtr(slab) + offset;
  const last = first + (count - 1) * blockBytes;
  for (let ptr = first; ptr <= last; ptr += blockBytes) {
    headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
    i32[ptr >> 2] = ptr + blockBytes;
  }
  i32[last >> 2] = 0;
  meta[frontCache.HEADS + classIndex] = first;
  records[slabAt + slabRecord.CARVED] = carved + count;
  touchSlab(views, slab, offset + count * blockBytes, MAP_PAGE);
  return count;
}
