import { GRANULE_SHIFT, LIVE, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  bytesToSlabs,
  KIND,
  ptrToSlab,
  RUN,
  SLAB_BYTES,
  SPAN_BYTES,
  SPAN_TAIL,
  slabRecord,
  slabToPtr,
} from "../layout/metadata.js";
import { SPAN_CLASS } from "../layout/sizeClasses.js";
import { extendRun, giveRun, takeRun } from "./slabPool.js";
import { MAP_PAGE, touchSlab } from "./touch.js";

function describeSpan(meta: Int32Array, slab: number, slabs: number, bytes: number): void {
  meta[slabRecord(slab + slabs - 1) + KIND] = SPAN_TAIL;
  const record = slabRecord(slab);
  meta[record + KIND] = SPAN_CLASS;
  meta[record + RUN] = slabs;
  meta[record + SPAN_BYTES] = bytes;
  for (let i = 0, rest = bytes; i < slabs; i++, rest -= SLAB_BYTES) {
    touchSlab(meta, slab + i, Math.min(rest, SLAB_BYTES), i === 0 ? MAP_PAGE : 0);
  }
}

/** Hands out a span of at least `bytes` bytes: its ptr, or 0. */
export function takeSpan(image: Image, bytes: number): number {
  const slabs = bytesToSlabs(bytes);
  const slab = takeRun(image.meta, slabs);
  if (slab === 0) return 0;
  describeSpan(image.meta, slab, slabs, bytes);
  const ptr = slabToPtr(slab);
  image.headers[ptr >>> GRANULE_SHIFT] = toHeader(LIVE, SPAN_CLASS);
  return ptr;
}

/** Makes a live span shorter or longer where it lies: whether it could. */
export function resizeSpan(image: Image, ptr: number, bytes: number): boolean {
  const { meta } = image;
  const slab = ptrToSlab(ptr);
  const before = meta[slabRecord(slab) + RUN] as number;
  const after = bytesToSlabs(bytes);
  if (after > before && !extendRun(meta, slab + before, after - before)) return false;
  describeSpan(meta, slab, after, bytes);
  if (after < before) giveRun(meta, slab + after, before - after);
  return true;
}

export function spanBytes(meta: Int32Array, ptr: number): number {
  return meta[slabRecord(ptrToSlab(ptr)) + SPAN_BYTES] as number;
}
