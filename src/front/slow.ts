import type { Header } from "../base/types.js";
import { openSlab } from "../central/slabs.js";
import { takeSpan } from "../central/spans.js";
import * as cachedBlock from "../layout/cachedBlock.js";
import * as classCounters from "../layout/classCounters.js";
import * as classRecord from "../layout/classRecord.js";
import {
  CLASS_MASK,
  GRANULE_BYTES,
  GRANULE_SHIFT,
  LIVE,
  LIVE_TO_CACHED,
} from "../layout/header.js";
import { CLASS_MAX_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { SLAB_SHIFT } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";
import { closed, exhausted, invalidSize, notLive } from "./misuse.js";
import { refillFromSlab } from "./refill.js";
import { drainCaches, drainSll, isCachedBlock, mendClass, popSll } from "./sll.js";

/*
 * Where the hot paths go when they miss. Each is one long body on purpose, as `realloc` is, because
 * V8 does not inline a function of more than 460 bytes of bytecode. When they were cut into small
 * functions, V8 inlined those into the program's loops, where they used up the inlining budget and
 * made the loop deoptimise whenever a rare branch ran for the first time: a trace ran at 5.5 or 7.5
 * ns per event, by luck.
 */

/**
 * Allocates when the chain of the class is empty. It looks, in this order, at
 *
 * 1. the SLL of the class;
 * 2. a slab of the class with free or uncarved blocks, after the SLL was drained if there is none;
 * 3. what other workers gave back;
 * 4. a new slab;
 * 5. after all caches were drained, a slab as in 2 and 4 again.
 *
 * @returns the live block; 0 when memory is exhausted.
 * @throws ERR_INVALID_SIZE
 */
export function mallocSlow(views: HeapViews, size: number): number {
  const { counters, headers, i32, meta, slabSource } = views;
  if (views.gate[superblock.CLOSED] !== 0) throw closed(views);
  const largest = (meta[superblock.END_SLAB] - meta[superblock.FIRST_SLAB]) << SLAB_SHIFT;
  if (typeof size !== "number" || size >>> 0 !== size || size > largest)
    throw invalidSize(views, size);
  if (size > CLASS_MAX_BYTES) {
    const bytes = (size + GRANULE_BYTES - 1) & -GRANULE_BYTES;
    if (meta[superblock.SLL_BLOCKS] > 0) drainSll(views);
    const span = takeSpan(views, bytes);
    if (span !== 0) return span;
    drainCaches(views);
    return takeSpan(views, bytes);
  }
  const liveHeader = views.liveHeaders[(size + GRANULE_BYTES - 1) >>> GRANULE_SHIFT];
  const classIndex = liveHeader & CLASS_MASK;
  const cachedHeader = liveHeader - LIVE_TO_CACHED;
  let ptr = meta[liveHeader];
  // `tryMalloc` has not looked at the chain, so its head may be a cached block.
  if (!isCachedBlock(views, ptr, cachedHeader)) {
    const classAt = classRecord.START + classIndex * classRecord.INTS;
    const countersAt = classIndex * classCounters.DOUBLES;
    if (ptr !== 0 || meta[cachedHeader] !== meta[classAt + classRecord.CAP])
      mendClass(views, classIndex);
    counters[countersAt + classCounters.FRONT_MISSES] =
      counters[countersAt + classCounters.FRONT_MISSES] + 1;
    if (!popSll(views, liveHeader)) {
      let slab = meta[classAt + classRecord.PARTIAL_HEAD];
      if (slab === 0 && meta[superblock.SLL_BLOCKS] > 0) {
        drainSll(views);
        slab = meta[classAt + classRecord.PARTIAL_HEAD];
      }
      if (slab === 0) slab = slabSource.reclaim(views, classIndex);
      if (slab === 0) slab = openSlab(views, classIndex);
      if (slab === 0) {
        drainCaches(views);
        slab = meta[classAt + classRecord.PARTIAL_HEAD];
        if (slab === 0) slab = openSlab(views, classIndex);
        if (slab === 0) {
          // What fails is no allocation, so it is no miss either.
          counters[countersAt + classCounters.FRONT_MISSES] =
            counters[countersAt + classCounters.FRONT_MISSES] - 1;
          return 0;
        }
      }
      counters[countersAt + classCounters.REFILLS] =
        counters[countersAt + classCounters.REFILLS] + 1;
      refillFromSlab(views, classIndex, slab);
    }
    ptr = meta[liveHeader];
  }
  meta[liveHeader] = i32[ptr >> 2];
  meta[cachedHeader] = meta[cachedHeader] + 1;
  headers[ptr >>> GRANULE_SHIFT] = liveHeader;
  return ptr;
}

/**
 * Puts the full chain of a class on the SLL. Returns false, and changes nothing, if a drain would
 * then be due or if the chain's head is no cached block. It is short, so that V8 inlines it into
 * the hot `free` of a loop that fills chains: that path then makes no call, and V8 keeps its
 * registers.
 */
export function setAside(
  meta: Int32Array,
  headers: Uint8Array,
  i32: Int32Array,
  liveHeader: Header,
): boolean {
  const classAt = classRecord.START + (liveHeader - LIVE) * classRecord.INTS;
  const cap = meta[classAt + classRecord.CAP];
  const chain = meta[liveHeader];
  const blocks = (meta[superblock.SLL_BLOCKS] + cap) | 0;
  const interval = meta[superblock.DRAIN_INTERVAL];
  // The head was the last block to be freed, but a drain may have followed stale links to it since.
  const isCached = headers[chain >>> GRANULE_SHIFT] === liveHeader - LIVE_TO_CACHED;
  if (!isCached || (interval !== 0 && blocks >= interval)) return false;
  i32[(chain >> 2) + cachedBlock.CHAIN_LINK] = meta[classAt + classRecord.SLL_HEAD];
  meta[classAt + classRecord.SLL_HEAD] = chain;
  meta[classAt + classRecord.SLL_CHAINS] = (meta[classAt + classRecord.SLL_CHAINS] + 1) | 0;
  meta[superblock.SLL_BLOCKS] = blocks;
  meta[liveHeader] = 0;
  meta[liveHeader - LIVE_TO_CACHED] = cap;
  return true;
}

/**
 * Frees a span, or a block whose chain is full, and refuses what is not live. A full chain goes on
 * the SLL, as with `setAside`; the SLL is drained when that is due.
 *
 * @throws ERR_INVALID_POINTER, ERR_DOUBLE_FREE
 */
export function freeSlow(views: HeapViews, ptr: number): void {
  const { headers, i32, meta, slabSource } = views;
  if (views.gate[superblock.CLOSED] !== 0) throw closed(views);
  if (ptr === 0) return;
  if (typeof ptr !== "number" || (ptr & -GRANULE_BYTES) !== ptr) throw notLive(views, ptr);
  const liveHeader = headers[ptr >>> GRANULE_SHIFT];
  if (!(liveHeader > LIVE)) throw notLive(views, ptr);
  const classIndex = liveHeader & CLASS_MASK;
  if (classIndex === SPAN_CLASS) {
    const slab = ptr >>> SLAB_SHIFT;
    const slabAt = slabRecord.START + (slab << slabRecord.SHIFT);
    slabSource.reserve(views, slab);
    slabSource.give(views, slab, views.records[slabAt + slabRecord.RUN]);
    return;
  }
  if (slabSource.freeForeign(views, ptr, liveHeader)) return;
  const cachedHeader = liveHeader - LIVE_TO_CACHED;
  let room = meta[cachedHeader];
  // The chain has room if the caller has not looked at it.
  if (room <= 0 && !isCachedBlock(views, meta[liveHeader], cachedHeader)) {
    mendClass(views, classIndex);
    room = meta[cachedHeader];
  } else if (room <= 0) {
    const classAt = classRecord.START + classIndex * classRecord.INTS;
    const blocks = meta[superblock.SLL_BLOCKS] + meta[classAt + classRecord.CAP];
    const interval = meta[superblock.DRAIN_INTERVAL];
    const chain = meta[liveHeader];
    i32[(chain >> 2) + cachedBlock.CHAIN_LINK] = meta[classAt + classRecord.SLL_HEAD];
    meta[classAt + classRecord.SLL_HEAD] = chain;
    meta[classAt + classRecord.SLL_CHAINS] = meta[classAt + classRecord.SLL_CHAINS] + 1;
    meta[superblock.SLL_BLOCKS] = blocks;
    meta[liveHeader] = 0;
    room = meta[classAt + classRecord.CAP];
    meta[cachedHeader] = room;
    if (interval !== 0 && blocks >= interval) drainSll(views);
  }
  headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
  i32[ptr >> 2] = meta[liveHeader];
  meta[liveHeader] = ptr;
  meta[cachedHeader] = room - 1;
}

/**
 * Allocates, or throws if memory is exhausted. It is small enough to be inlined, so its callers
 * need no code of their own for exhaustion.
 */
export function mallocOrThrow(views: HeapViews, size: number): number {
  const ptr = mallocSlow(views, size);
  if (ptr === 0) throw exhausted(views, size);
  return ptr;
}
