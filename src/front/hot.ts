import type { Ptr } from "../base/types.js";
import { GRANULE_SHIFT, LIVE, LIVE_TO_CACHED } from "../layout/header.js";
import { NOT_MINE } from "../layout/sharedViews.js";
import { LAST_GRANULES, TINY_MAX_BYTES } from "../layout/sizeClasses.js";
import { SLAB_SHIFT } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import * as workerRegion from "../layout/workerRegion.js";
import { freeSlow, mallocOrThrow, setAside } from "./slow.js";

/*
 * These are closures over one heap's views, not methods: V8 then puts the views' addresses and
 * lengths into the machine code of a loop that uses one heap. Methods load and check them at each
 * call: 100 blocks allocated and freed took 3.5 ns an operation, with closures 2.6. They are
 * declarations for their names, which profiles show: the bundler drops those of expressions.
 */

/**
 * Flat on purpose, as is `bindFree`: with leaf functions of their own both took 20 % longer.
 *
 * The chain's head is what the last link said, which a stale view can have overwritten: it is
 * handed out if its header says that it is a cached block of the class. The granule is a rotation,
 * one instruction: of a misaligned ptr it lies beyond the header map.
 */
export function bindMalloc(
  views: HeapViews,
  meta: Int32Array,
  headers: Uint8Array,
  i32: Int32Array,
  liveHeaders: Uint8Array,
): (size: number) => Ptr {
  function malloc(size: number): Ptr {
    // One comparison refuses what is negative, zero (as 2^32 - 1) or too large for a class.
    const last = typeof size === "number" && (size | 0) === size ? (size - 1) >>> 4 : LAST_GRANULES;
    if (last < LAST_GRANULES) {
      const liveHeader = liveHeaders[last];
      const ptr = meta[liveHeader];
      const granule = (ptr >>> GRANULE_SHIFT) | (ptr << (32 - GRANULE_SHIFT));
      // Of a detached buffer all is undefined, and the head of a class without a block is 0.
      if (headers[granule] + LIVE_TO_CACHED === liveHeader) {
        const cachedHeader = liveHeader - LIVE_TO_CACHED;
        headers[granule] = liveHeader;
        meta[liveHeader] = i32[ptr >>> 2];
        meta[cachedHeader] = (meta[cachedHeader] + 1) | 0;
        return ptr as Ptr;
      }
    }
    return (mallocOrThrow(views, size) | 0) as Ptr;
  }
  return malloc;
}

/**
 * As `bindMalloc`, for a worker: `mine` says whether a cached block is in a slab of its own. The
 * header is written last: of a worker that is killed before it, the block is still cached.
 */
export function bindOwnMalloc(
  views: HeapViews,
  meta: Int32Array,
  headers: Uint8Array,
  i32: Int32Array,
  liveHeaders: Uint8Array,
  mine: Uint8Array,
): (size: number) => Ptr {
  function malloc(size: number): Ptr {
    const last = typeof size === "number" && (size | 0) === size ? (size - 1) >>> 4 : LAST_GRANULES;
    if (last < LAST_GRANULES) {
      const liveHeader = liveHeaders[last];
      const cachedHeader = liveHeader - LIVE_TO_CACHED;
      const ptr = meta[liveHeader];
      const granule = (ptr >>> GRANULE_SHIFT) | (ptr << (32 - GRANULE_SHIFT));
      if (headers[granule] === cachedHeader && mine[ptr >>> SLAB_SHIFT] !== NOT_MINE) {
        meta[liveHeader] = i32[ptr >>> 2];
        meta[cachedHeader] = (meta[cachedHeader] + 1) | 0;
        headers[granule] = liveHeader;
        return ptr as Ptr;
      }
    }
    return (mallocOrThrow(views, size) | 0) as Ptr;
  }
  return malloc;
}

export function bindFree(
  views: HeapViews,
  meta: Int32Array,
  headers: Uint8Array,
  i32: Int32Array,
): (ptr: Ptr) => void {
  function free(ptr: Ptr): void {
    if (typeof ptr === "number" && (ptr | 0) === ptr) {
      const granule = (ptr >>> GRANULE_SHIFT) | (ptr << (32 - GRANULE_SHIFT));
      const liveHeader = headers[granule];
      if (liveHeader > LIVE) {
        const cachedHeader = liveHeader - LIVE_TO_CACHED;
        // `| 0` spares V8 the check for overflow.
        const room = (meta[cachedHeader] - 1) | 0;
        if (room >= 0) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = room;
          i32[ptr >>> 2] = meta[liveHeader];
          meta[liveHeader] = ptr;
          return;
        }
        if (setAside(meta, headers, i32, liveHeader)) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = (meta[cachedHeader] - 1) | 0;
          i32[ptr >>> 2] = 0;
          meta[liveHeader] = ptr;
          return;
        }
      }
    }
    freeSlow(views, ptr);
  }
  return free;
}

/**
 * As `bindFree`, for the blocks of this worker's slabs: `mine` has the live header of each. Others'
 * small blocks go to the outbox (see central/remote.ts), which holds `limit` blocks.
 */
export function bindOwnFree(
  views: HeapViews,
  meta: Int32Array,
  headers: Uint8Array,
  i32: Int32Array,
  mine: Uint8Array,
  limit: number,
): (ptr: Ptr) => void {
  const lastLiveHeader = views.liveHeaders[TINY_MAX_BYTES >>> GRANULE_SHIFT];
  const beforeOutbox = workerRegion.OUTBOX - 1;
  function free(ptr: Ptr): void {
    if (typeof ptr === "number" && (ptr | 0) === ptr) {
      const granule = (ptr >>> GRANULE_SHIFT) | (ptr << (32 - GRANULE_SHIFT));
      const liveHeader = mine[ptr >>> SLAB_SHIFT];
      const header = headers[granule];
      if (header === liveHeader) {
        const cachedHeader = liveHeader - LIVE_TO_CACHED;
        const room = (meta[cachedHeader] - 1) | 0;
        if (room >= 0) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = room;
          i32[ptr >>> 2] = meta[liveHeader];
          meta[liveHeader] = ptr;
          return;
        }
        const isOwn = mine[meta[liveHeader] >>> SLAB_SHIFT] !== NOT_MINE;
        if (isOwn && setAside(meta, headers, i32, liveHeader)) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = (meta[cachedHeader] - 1) | 0;
          i32[ptr >>> 2] = 0;
          meta[liveHeader] = ptr;
          return;
        }
      } else if (liveHeader === NOT_MINE && header > LIVE && header <= lastLiveHeader) {
        const count = (meta[workerRegion.OUTBOX_COUNT] + 1) | 0;
        if (count < limit) {
          meta[beforeOutbox + count] = ptr;
          meta[workerRegion.OUTBOX_COUNT] = count;
          headers[granule] = header - LIVE;
          return;
        }
      }
    }
    freeSlow(views, ptr);
  }
  return free;
}
