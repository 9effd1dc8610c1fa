import { giveSpan, resizeSpan, spanBytes, takeSpan } from "../central/spans.js";
import { GRANULE_BYTES, GRANULE_SHIFT, headerClass, LIVE } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import { BLOCK_BYTES, CLASS_MAX_BYTES, sizeToLiveHeader, SPAN_CLASS } from "../layout/sizeClasses.js";
import { copyBlock } from "./copy.js";
import { putCached, takeCached } from "./frontCache.js";
import { exhausted, invalidSize, largestBlock, notLive } from "./misuse.js";
import { refill } from "./refill.js";
import { drainSll, spill } from "./sll.js";

/** `malloc` without a cached block: a refill, a span, or an error. */
export function mallocSlow(image: Image, size: number): number {
  const ptr = tryMallocSlow(image, size);
  if (ptr === 0) throw exhausted(image, size);
  return ptr;
}

/** Like `mallocSlow`, but 0 when memory is exhausted. */
export function tryMallocSlow(image: Image, size: number): number {
  checkSize(image, size);
  if (size > CLASS_MAX_BYTES) return mallocSpan(image, size);
  const live = sizeToLiveHeader(size);
  return refill(image, live) ? takeCached(image.meta, image.headers, live) : 0;
}

function mallocSpan(image: Image, size: number): number {
  const bytes = (size + GRANULE_BYTES - 1) & -GRANULE_BYTES;
  const ptr = takeSpan(image, bytes);
  if (ptr !== 0) return ptr;
  drainSll(image);
  return takeSpan(image, bytes);
}

/** `free` of a span, with a full magazine, or of no live ptr. */
export function freeSlow(image: Image, ptr: number): void {
  if (ptr === 0) return;
  const live = liveHeaderOf(image, ptr);
  if (headerClass(live) === SPAN_CLASS) {
    giveSpan(image, ptr);
    return;
  }
  spill(image, live);
  putCached(image.meta, image.headers, ptr, live);
}

/** `realloc` to another class: where the block lies if it may stay there, else by a copy. */
export function reallocSlow(image: Image, ptr: number, size: number): number {
  checkSize(image, size);
  if (ptr === 0) return mallocCached(image, size);
  const live = liveHeaderOf(image, ptr);
  const usable = usableBytes(image, ptr, live);
  if (staysInPlace(image, ptr, live, usable, size)) return ptr;
  const to = mallocCached(image, size);
  copyBlock(image, to, ptr, usable < size ? usable : size);
  if (!putCached(image.meta, image.headers, ptr, live)) freeSlow(image, ptr);
  return to;
}

/** A block may keep up to half of itself unused; a span is cut or grown where it lies. */
function staysInPlace(image: Image, ptr: number, live: number, usable: number, size: number): boolean {
  if (headerClass(live) === SPAN_CLASS && size > CLASS_MAX_BYTES) {
    return resizeSpan(image, ptr, (size + GRANULE_BYTES - 1) & -GRANULE_BYTES);
  }
  return size <= usable && size >= usable >> 1;
}

function mallocCached(image: Image, size: number): number {
  if (size > CLASS_MAX_BYTES) return mallocSlow(image, size);
  const ptr = takeCached(image.meta, image.headers, sizeToLiveHeader(size));
  return ptr !== 0 ? ptr : mallocSlow(image, size);
}

export function usableBytes(image: Image, ptr: number, live: number): number {
  const classIndex = headerClass(live);
  return classIndex === SPAN_CLASS ? spanBytes(image.meta, ptr) : (BLOCK_BYTES[classIndex] as number);
}

/** @throws ERR_INVALID_SIZE unless the size is an integer that the heap could hold. */
export function checkSize(image: Image, size: number): void {
  if (typeof size === "number" && size >>> 0 === size && size <= largestBlock(image)) return;
  throw invalidSize(image, size);
}

/** The header of a live ptr. @throws ERR_INVALID_POINTER or ERR_DOUBLE_FREE for any other. */
export function liveHeaderOf(image: Image, ptr: number): number {
  if (typeof ptr === "number" && (ptr & -GRANULE_BYTES) === ptr) {
    const header = image.headers[ptr >>> GRANULE_SHIFT] as number;
    if (header > LIVE) return header;
  }
  throw notLive(image, ptr);
}
