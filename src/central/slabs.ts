import { GRANULE_SHIFT, NO_BLOCK } from "../layout/header.js";
import {
  CARVED,
  CLASS_SLABS,
  CURSOR,
  classRecord,
  FREE_COUNT,
  KIND,
  NEXT,
  PARTIAL_HEAD,
  PREV,
  RUN,
  SLABS_OPENED,
  slabRecord,
  slabToPtr,
} from "../layout/metadata.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import type { HeapViews } from "../layout/views.js";

/** Puts a slab at the head of its class's partial list. */
export function linkPartial(views: HeapViews, slab: number, classIndex: number): void {
  const { meta, records } = views;
  const classAt = classRecord(classIndex);
  const head = meta[classAt + PARTIAL_HEAD];
  const slabAt = slabRecord(slab);
  records[slabAt + NEXT] = head;
  records[slabAt + PREV] = 0;
  if (head !== 0) records[slabRecord(head) + PREV] = slab;
  meta[classAt + PARTIAL_HEAD] = slab;
}

export function unlinkPartial(views: HeapViews, slab: number, classIndex: number): void {
  const { meta, records } = views;
  const classAt = classRecord(classIndex);
  const slabAt = slabRecord(slab);
  const next = records[slabAt + NEXT];
  const prev = records[slabAt + PREV];
  if (next !== 0) records[slabRecord(next) + PREV] = prev;
  if (prev !== 0) records[slabRecord(prev) + NEXT] = next;
  else meta[classAt + PARTIAL_HEAD] = next;
}

/** Takes a slab from the arena for a class: the slab, or 0. It has no block yet. */
export function openSlab(views: HeapViews, classIndex: number): number {
  const { counters, meta, records } = views;
  const slab = views.slabSource.take(views, 1, classIndex);
  if (slab === 0) return 0;
  counters[SLABS_OPENED] = counters[SLABS_OPENED] + 1;
  const slabAt = slabRecord(slab);
  const classAt = classRecord(classIndex);
  records[slabAt + KIND] = classIndex;
  records[slabAt + FREE_COUNT] = 0;
  records[slabAt + CARVED] = 0;
  records[slabAt + CURSOR] = 0;
  records[slabAt + RUN] = 1;
  meta[classAt + CLASS_SLABS] = meta[classAt + CLASS_SLABS] + 1;
  linkPartial(views, slab, classIndex);
  return slab;
}

/** Gives a slab all of whose blocks are free back to the arena. Its headers go first. */
export function retireSlab(views: HeapViews, slab: number, classIndex: number): void {
  const { headers, meta, records } = views;
  const classAt = classRecord(classIndex);
  const start = slabToPtr(slab);
  const carved = records[slabRecord(slab) + CARVED];
  const carvedBytes = carved * BLOCK_BYTES[classIndex];
  unlinkPartial(views, slab, classIndex);
  headers.fill(NO_BLOCK, start >>> GRANULE_SHIFT, (start + carvedBytes) >>> GRANULE_SHIFT);
  meta[classAt + CLASS_SLABS] = meta[classAt + CLASS_SLABS] - 1;
  views.slabSource.give(views, slab, 1);
}
