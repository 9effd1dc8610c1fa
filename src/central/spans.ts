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
import { MAP_PAGE, touchSlab } from "./touch.js";

function describeSpan(image: Image, slab: number, slabs: number, bytes: number): void {
  const { records } = image;
  records[slabRecord(slab + slabs - 1) + KIND] = SPAN_TAIL;
  const record = slabRecord(slab);
  records[record + KIND] = SPAN_CLASS;
  records[record + RUN] = slabs;
  records[record + SPAN_BYTES] = bytes;
  for (let i = 0, rest = bytes; i < slabs; i++, rest -= SLAB_BYTES) {
    touchSlab(image, slab + i, Math.min(rest, SLAB_BYTES), i === 0 ? MAP_PAGE : 0);
  }
}

/** Hands out a span of at least `bytes` bytes: its ptr, or 0. */
export function takeSpan(image: Image, bytes: number): number {
  const slabs = bytesToSlabs(bytes);
  const slab = image.slabSource.take(image, slabs, SPAN_CLASS);
  if (slab === 0) return 0;
  describeSpan(image, slab, slabs, bytes);
  const ptr = slabToPtr(slab);
  image.headers[ptr >>> GRANULE_SHIFT] = toHeader(LIVE, SPAN_CLASS);
  image.slabSource.publish(image, slab);
  return ptr;
}

/** Makes a live span shorter or longer where it lies: whether it could. */
export function resizeSpan(image: Image, ptr: number, bytes: number): boolean {
  const { slabSource } = image;
  const slab = ptrToSlab(ptr);
  slabSource.reserve(image, slab);
  const before = image.records[slabRecord(slab) + RUN];
  const after = bytesToSlabs(bytes);
  const hasRoom = slabSource.extend(image, slab, before, Math.max(before, after));
  if (hasRoom) {
    describeSpan(image, slab, after, bytes);
    if (after < before) slabSource.give(image, slab + after, before - after);
  }
  slabSource.publish(image, slab);
  return hasRoom;
}

export function spanBytes(image: Image, ptr: number): number {
  return image.records[slabRecord(ptrToSlab(ptr)) + SPAN_BYTES];
}
