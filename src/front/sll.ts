import type { ClassIndex, Header } from "../base/types.js";
import * as cachedBlock from "../layout/cachedBlock.js";
import * as classCounters from "../layout/classCounters.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import { CACHED, GRANULE_BYTES, GRANULE_SHIFT, headerClass, toHeader } from "../layout/header.js";
import * as heapCounters from "../layout/heapCounters.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { blocksPerSlab, SLAB_SHIFT, slabToPtr } from "../layout/units.js";
import type { HeapViews } from "../layout/views.js";

/*
 * The SLL (singly linked list): freed blocks that did not fit the front cache, until a drain
 * returns them to their slabs. There is one list per class; its elements are full chains.
 *
 * Every link is a hint. If it leads to something that is not a cached block of the class, or if a
 * chain is not as long as was counted, a program has written to a block that it had freed. The
 * lists of the class are then given up, and its blocks are found by their headers.
 */

/**
 * Returns whether a link names a block with this cached header, in a slab of this heap or worker.
 */
export function isCachedBlock(views: HeapViews, ptr: number, cachedHeader: Header): boolean {
  return (
    (ptr & (GRANULE_BYTES - 1)) === 0 &&
    views.headers[ptr >>> GRANULE_SHIFT] === cachedHeader &&
    views.slabSource.isOwn(views, ptr >>> SLAB_SHIFT)
  );
}

/**
 * Gives a class without a chain the newest one that it has on the SLL. Returns whether it has one.
 */
export function popSll(views: HeapViews, liveHeader: Header): boolean {
  const { i32, meta } = views;
  const classIndex = headerClass(liveHeader);
  const classAt = classRecord.at(classIndex);
  const chain = meta[classAt + classRecord.SLL_HEAD];
  const chains = meta[classAt + classRecord.SLL_CHAINS];
  if (chains === 0) return false;
  if (!isCachedBlock(views, chain, toHeader(CACHED, classIndex))) {
    mendClass(views, classIndex);
    return false;
  }
  meta[classAt + classRecord.SLL_HEAD] =
    chains > 1 ? i32[(chain >> 2) + cachedBlock.CHAIN_LINK] : 0;
  meta[classAt + classRecord.SLL_CHAINS] = chains - 1;
  meta[superblock.SLL_BLOCKS] = meta[superblock.SLL_BLOCKS] - meta[classAt + classRecord.CAP];
  meta[liveHeader] = chain;
  meta[frontCache.ROOMS + classIndex] = 0;
  return true;
}

/** Returns every block of the SLL to its slab, and empty slabs to the arena. */
export function drainSll(views: HeapViews): void {
  const { counters, i32, meta } = views;
  counters[heapCounters.DRAINS] = counters[heapCounters.DRAINS] + 1;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const classAt = classRecord.at(classIndex);
    const cap = meta[classAt + classRecord.CAP];
    let chain = meta[classAt + classRecord.SLL_HEAD];
    let chains = meta[classAt + classRecord.SLL_CHAINS];
    giveUpSll(meta, classIndex);
    for (; chains > 0; chains--) {
      const next = i32[(chain >> 2) + cachedBlock.CHAIN_LINK];
      if (!returnChain(views, classIndex, chain, cap)) {
        mendClass(views, classIndex);
        break;
      }
      chain = next;
    }
  }
}

/**
 * Returns every cached block to its slab: those of the front cache and of the SLL. In a shared heap
 * it also sends the outbox and collects the mail.
 */
export function drainCaches(views: HeapViews): void {
  const { meta } = views;
  drainSll(views);
  views.slabSource.settle(views);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const cap = meta[classRecord.at(classIndex) + classRecord.CAP];
    const head = meta[frontCache.HEADS + classIndex];
    const count = cap - meta[frontCache.ROOMS + classIndex];
    emptyChain(meta, classIndex);
    if (!returnChain(views, classIndex, head, count)) mendClass(views, classIndex);
  }
}

/**
 * Returns the blocks of a chain to their slabs. Returns false if the chain had not `count` blocks.
 */
function returnChain(
  views: HeapViews,
  classIndex: ClassIndex,
  head: number,
  count: number,
): boolean {
  const { counters, i32 } = views;
  const cachedHeader = toHeader(CACHED, classIndex);
  const drainedAt = classCounters.at(classIndex) + classCounters.DRAINED;
  let ptr = head;
  let returned = 0;
  for (; returned < count && isCachedBlock(views, ptr, cachedHeader); returned++) {
    const next = i32[(ptr >> 2) + cachedBlock.LINK];
    views.slabSource.returnBlock(views, classIndex, ptr);
    ptr = next;
  }
  // Added once, because until the code is optimised each new double is an object on the JS heap.
  counters[drainedAt] = counters[drainedAt] + returned;
  return returned === count && ptr === 0;
}

/**
 * Gives up the lists of a class, and returns its cached blocks to their slabs by their headers. In
 * a shared heap other workers may write to headers of live blocks meanwhile, but not to one that is
 * cached or is about to be.
 */
export function mendClass(views: HeapViews, classIndex: ClassIndex): void {
  const { counters, headers, meta, records, slabSource } = views;
  const cachedHeader = toHeader(CACHED, classIndex);
  const blockBytes = BLOCK_BYTES[classIndex];
  const ptrs: number[] = [];
  counters[heapCounters.MENDS] = counters[heapCounters.MENDS] + 1;
  giveUpSll(meta, classIndex);
  emptyChain(meta, classIndex);
  for (const { slab, kind } of slabSource.runs(views)) {
    if (kind !== classIndex || !slabSource.isOwn(views, slab)) continue;
    const carved = records[slabRecord.at(slab) + slabRecord.CARVED];
    const blocks = Math.min(carved, blocksPerSlab(classIndex));
    for (let block = 0; block < blocks; block++) {
      const ptr = slabToPtr(slab) + block * blockBytes;
      if (headers[ptr >>> GRANULE_SHIFT] === cachedHeader) ptrs.push(ptr);
    }
  }
  for (const ptr of ptrs) slabSource.returnBlock(views, classIndex, ptr);
}

function emptyChain(meta: Int32Array, classIndex: ClassIndex): void {
  meta[frontCache.HEADS + classIndex] = 0;
  meta[frontCache.ROOMS + classIndex] = meta[classRecord.at(classIndex) + classRecord.CAP];
}

/** Takes the chains of a class off the SLL. */
function giveUpSll(meta: Int32Array, classIndex: ClassIndex): void {
  const classAt = classRecord.at(classIndex);
  const blocks = meta[classAt + classRecord.SLL_CHAINS] * meta[classAt + classRecord.CAP];
  meta[superblock.SLL_BLOCKS] = meta[superblock.SLL_BLOCKS] - blocks;
  meta[classAt + classRecord.SLL_HEAD] = 0;
  meta[classAt + classRecord.SLL_CHAINS] = 0;
}
