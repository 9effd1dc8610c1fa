import type { ClassIndex, SlabIndex } from "../base/types.js";
import * as classRecord from "../layout/classRecord.js";
import { GRANULE_SHIFT, NO_BLOCK } from "../layout/header.js";
import * as heapCounters from "../layout/heapCounters.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/** Puts a slab at the head of its class's partial list. */
export function linkPartial(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex): void {
  const { meta, records } = views;
  const classAt = classRecord.at(classIndex);
  const head = meta[classAt + classRecord.PARTIAL_HEAD];
  const slabAt = slabRecord.at(slab);
  records[slabAt + slabRecord.NEXT] = head;
  records[slabAt + slabRecord.PREV] = 0;
  if (head !== 0) records[slabRecord.at(head) + slabRecord.PREV] = slab;
  meta[classAt + classRecord.PARTIAL_HEAD] = slab;
}

export function unlinkPartial(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex): void {
  const { meta, records } = views;
  const classAt = classRecord.at(classIndex);
  const slabAt = slabRecord.at(slab);
  const next = records[slabAt + slabRecord.NEXT];
  const prev = records[slabAt + slabRecord.PREV];
  if (next !== 0) records[slabRecord.at(next) + slabRecord.PREV] = prev;
  if (prev !== 0) records[slabRecord.at(prev) + slabRecord.NEXT] = next;
  else meta[classAt + classRecord.PARTIAL_HEAD] = next;
}

/**
 * Takes a slab from the arena for a class, without any block yet. Returns the slab, or 0 if there
 * is none.
 */
export function openSlab(views: HeapViews, classIndex: ClassIndex): SlabIndex {
  const { counters, meta, records } = views;
  const slab = views.slabSource.take(views, 1, classIndex);
  if (slab === 0) return 0;
  counters[heapCounters.SLABS_OPENED] = counters[heapCounters.SLABS_OPENED] + 1;
  const slabAt = slabRecord.at(slab);
  const classAt = classRecord.at(classIndex);
  records[slabAt + slabRecord.KIND] = classIndex;
  records[slabAt + slabRecord.FREE_COUNT] = 0;
  records[slabAt + slabRecord.CARVED] = 0;
  records[slabAt + slabRecord.CURSOR] = 0;
  records[slabAt + slabRecord.RUN] = 1;
  meta[classAt + classRecord.SLABS] = meta[classAt + classRecord.SLABS] + 1;
  linkPartial(views, slab, classIndex);
  return slab;
}

/** Gives a slab whose blocks are all free back to the arena, after its headers are cleared. */
export function retireSlab(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex): void {
  const { headers, meta, records } = views;
  const classAt = classRecord.at(classIndex);
  const start = slabToPtr(slab);
  const carved = records[slabRecord.at(slab) + slabRecord.CARVED];
  const carvedBytes = carved * BLOCK_BYTES[classIndex];
  unlinkPartial(views, slab, classIndex);
  headers.fill(NO_BLOCK, start >>> GRANULE_SHIFT, (start + carvedBytes) >>> GRANULE_SHIFT);
  meta[classAt + classRecord.SLABS] = meta[classAt + classRecord.SLABS] - 1;
  views.slabSource.give(views, slab, 1);
}
