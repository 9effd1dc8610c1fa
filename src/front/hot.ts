import type { Ptr } from "../base/types.js";
import { GRANULE_SHIFT, LIVE, LIVE_TO_CACHED } from "../layout/header.js";
import { NOT_MINE } from "../layout/sharedViews.js";
import { LAST_GRANULES, TINY_MAX_BYTES } from "../layout/sizeClasses.js";
import { SLAB_SHIFT } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import * as workerRegion from "../layout/workerRegion.js";
import { freeSlow, mallocOrThrow, setAside } from "./slow.js";

/*
 * These are closures over one heap's views, not methods, because V8 then puts the addresses and
 * lengths of the views into the machine code of a loop that uses one heap. Methods load and check
 * them in each call: a batch of 100 blocks took 3.5 ns per operation, and 2.6 with closures. They
 * are declarations because profiles show their names; the bundler drops the names of expressions.
 */

/**
 * Binds `malloc` to the views of a heap. It is flat on purpose, as `bindFree` is: with leaf
 * functions of their own both took 20 % longer.
 *
 * The head of the chain is what the last link said, and a stale view can have overwritten that
 * link. So the head is handed out only if its header says that it is a cached block of the class.
 * The granule is a rotation, because that is one instruction and takes a misaligned ptr beyond the
 * header map.
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
      // If the buffer was detached, all is undefined; if the class has no block, its head is 0.
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
 * Binds `malloc` as `bindMalloc` does, for a worker: `mine` says whether a cached block is in a
 * slab that the worker owns. The header is written last, so that the block is still cached if the
 * worker is killed before.
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

/** Binds `free` to the views of a heap. */
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
 * Binds `free` as `bindFree` does, for the blocks of the slabs that this worker owns: `mine` has
 * the live header of each slab. Small blocks of other workers go to the outbox (see
 * central/remote.ts), which holds `limit` blocks.
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
      const slabHeader = mine[ptr >>> SLAB_SHIFT];
      const header = headers[granule];
      // NOT_MINE and MINE_MARKED are no block's header, so this is the header of a slab it owns.
      if (header === slabHeader) {
        const cachedHeader = slabHeader - LIVE_TO_CACHED;
        const room = (meta[cachedHeader] - 1) | 0;
        if (room >= 0) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = room;
          i32[ptr >>> 2] = meta[slabHeader];
          meta[slabHeader] = ptr;
          return;
        }
        const isOwn = mine[meta[slabHeader] >>> SLAB_SHIFT] !== NOT_MINE;
        if (isOwn && setAside(meta, headers, i32, slabHeader)) {
          headers[granule] = cachedHeader;
          meta[cachedHeader] = (meta[cachedHeader] - 1) | 0;
          i32[ptr >>> 2] = 0;
          meta[slabHeader] = ptr;
          return;
        }
      } else if (slabHeader === NOT_MINE && header > LIVE && header <= lastLiveHeader) {
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
