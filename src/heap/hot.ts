import type { Ptr } from "../base/types.js";
import { GRANULE_SHIFT, LIVE, LIVE_TO_CACHED } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import { MAGAZINE_MASK } from "../layout/metadata.js";
import { CLASS_MAX_BYTES, LIVE_HEADER_OF_GRANULES } from "../layout/sizeClasses.js";
import { freeSlow, mallocOrThrow, reallocSlow } from "./slow.js";

/*
 *   malloc                              free                             realloc
 *    |- a cached block: done             |- the magazine has room: done   |- same class: done
 *    '- mallocSlow                       '- freeSlow                      '- reallocSlow
 */

export function bindMalloc(image: Image, meta: Int32Array, headers: Uint8Array): (size: number) => Ptr {
  return (size) => {
    if (typeof size === "number" && size <= CLASS_MAX_BYTES && size >>> 0 === size) {
      const live = LIVE_HEADER_OF_GRANULES[(size + 15) >>> GRANULE_SHIFT] as number;
      const top = meta[live] as number;
      const ptr = meta[top] as number;
      if (ptr !== 0) {
        meta[live] = top - 1;
        headers[ptr >>> GRANULE_SHIFT] = live;
        return ptr as Ptr;
      }
    }
    return (mallocOrThrow(image, size) | 0) as Ptr;
  };
}

export function bindFree(image: Image, meta: Int32Array, headers: Uint8Array): (ptr: Ptr) => void {
  return (ptr) => {
    if (typeof ptr === "number" && (ptr & -16) === ptr) {
      const live = headers[ptr >>> GRANULE_SHIFT] as number;
      if (live > LIVE) {
        const cached = live - LIVE_TO_CACHED;
        const top = (meta[cached] as number) + 1;
        if ((top & MAGAZINE_MASK) !== 0) {
          headers[ptr >>> GRANULE_SHIFT] = cached;
          meta[cached] = top;
          meta[top] = ptr;
          return;
        }
      }
    }
    freeSlow(image, ptr);
  };
}

export function bindRealloc(image: Image, headers: Uint8Array): (ptr: Ptr, size: number) => Ptr {
  return (ptr, size) => {
    if (typeof size === "number" && size <= CLASS_MAX_BYTES && size >>> 0 === size) {
      if (typeof ptr === "number" && (ptr & -16) === ptr) {
        const live = headers[ptr >>> GRANULE_SHIFT] as number;
        if (live === LIVE_HEADER_OF_GRANULES[(size + 15) >>> GRANULE_SHIFT]) return ptr;
      }
    }
    return (reallocSlow(image, ptr, size) | 0) as Ptr;
  };
}
