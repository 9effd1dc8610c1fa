import type { SlabIndex } from "../base/types.js";
import { GRANULE_SHIFT, LIVE, toHeader } from "../layout/header.js";
import { SPAN_CLASS } from "../layout/sizeClasses.js";
import { SPAN_TAIL } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import { bytesToSlabs, ptrToSlab, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import { MAP_PAGE, touchSlab } from "./touch.js";

function writeSpanRecords(views: HeapViews, slab: SlabIndex, slabs: number, bytes: number): void {
  const { records } = views;
  records[slabRecord.at(slab + slabs - 1) + slabRecord.KIND] = SPAN_TAIL;
  const slabAt = slabRecord.at(slab);
  records[slabAt + slabRecord.KIND] = SPAN_CLASS;
  records[slabAt + slabRecord.RUN] = slabs;
  records[slabAt + slabRecord.SPAN_BYTES] = bytes;
  for (let i = 0, rest = bytes; i < slabs; i++, rest -= SLAB_BYTES) {
    touchSlab(views, slab + i, Math.min(rest, SLAB_BYTES), i === 0 ? MAP_PAGE : 0);
  }
}

/** Hands out a span of at least `bytes` bytes. Returns its ptr, or 0 if memory is exhausted. */
export function takeSpan(views: HeapViews, bytes: number): number {
  const slabs = bytesToSlabs(bytes);
  const slab = views.slabSource.take(views, slabs, SPAN_CLASS);
  if (slab === 0) return 0;
  writeSpanRecords(views, slab, slabs, bytes);
  const ptr = slabToPtr(slab);
  views.headers[ptr >>> GRANULE_SHIFT] = toHeader(LIVE, SPAN_CLASS);
  views.slabSource.publish(views, slab);
  return ptr;
}

/** Shortens or lengthens a live span where it lies. Returns whether it could. */
export function resizeSpan(views: HeapViews, ptr: number, bytes: number): boolean {
  const { slabSource } = views;
  const slab = ptrToSlab(ptr);
  slabSource.reserve(views, slab);
  const before = views.records[slabRecord.at(slab) + slabRecord.RUN];
  const after = bytesToSlabs(bytes);
  const hasRoom = slabSource.extend(views, slab, before, Math.max(before, after));
  if (hasRoom) {
    writeSpanRecords(views, slab, after, bytes);
    if (after < before) slabSource.give(views, slab + after, before - after);
  }
  slabSource.publish(views, slab);
  return hasRoom;
}

export function spanBytes(views: HeapViews, ptr: number): number {
  return views.records[slabRecord.at(ptrToSlab(ptr)) + slabRecord.SPAN_BYTES];
}
