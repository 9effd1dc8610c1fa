import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { ClassIndex, Ptr, SlabIndex, WorkerIndex } from "../base/types.js";
import { noteAbandoned, publishAbandoned, sendFrom, sendOutbox } from "../central/remote.js";
import { sharedSlabs } from "../central/sharedSlabs.js";
import {
  changeState,
  countTails,
  isLiveSpan,
  kindOf,
  leaveSpan,
  loadState,
  ownerOf,
  ownState,
  releaseRun,
  wake,
} from "../central/states.js";
import { MAP_PAGE, touchSlab } from "../central/touch.js";
import type { HeapOptions } from "../config/options.js";
import { freeSlow } from "../front/slow.js";
import { recountTouched } from "../inspect/snapshot.js";
import * as frontCache from "../layout/frontCache.js";
import {
  CACHED,
  FREE,
  GRANULE_SHIFT,
  headerState,
  IN_TRANSIT,
  LIVE,
  NO_BLOCK,
  toHeader,
} from "../layout/header.js";
import * as heapCounters from "../layout/heapCounters.js";
import { MARK_NOBODY, workerMark } from "../layout/mark.js";
import { FREE_WORDS_SHIFT } from "../layout/sharedMetadata.js";
import { type SharedViews, viewShared, viewWorker } from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { ABANDONED, BUSY, MARKED } from "../layout/slabState.js";
import { generationOf, isWorkers, SLOT_ACTIVE, SLOT_FREE } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import { blocksPerSlab, bytesToSlabs, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { claimWorker } from "./attach.js";
import { heldIn } from "./handOver.js";
import { beginRecovery, endDuties, freeSlot, isRefused } from "./slots.js";

/** What a recovery found and did. */
export interface Recovered {
  /** The worker that was recovered. */
  readonly workerId: number;
  /** The blocks that it held live. With `freeLive` they are free now. */
  readonly live: Ptr[];
  /** Blocks that came back from its caches and its mail. */
  readonly reclaimedBlocks: number;
  /** Slabs that came back to the arena. */
  readonly reclaimedSlabs: number;
  /** Slabs with live blocks, which another worker will adopt. */
  readonly abandonedSlabs: number;
  /** The workers that it was recovering when it died, which were recovered with it. */
  readonly others: readonly Recovered[];
}

interface Tally {
  readonly dead: WorkerIndex;
  readonly freeLive: boolean;
  readonly live: Ptr[];
  reclaimedBlocks: number;
  reclaimedSlabs: number;
  abandonedSlabs: number;
}

/*
 * A recovery finds everything that a dead worker had in the slab states and the header bytes. It
 * reads only the outbox of the worker's region. Another worker can do each step again if this one
 * dies too, because a slab belongs to the dead worker until the step that gives it away.
 */

/** Joins a restored heap, and recovers all its former workers, which are dead. */
export function joinRestored(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
): SharedViews {
  const first = viewShared(buffer, options, workers, 0, sharedSlabs);
  const { words } = first;
  const wereActive: number[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const stateAt = workerSlot.at(worker) + workerSlot.STATE;
    const state = sync.load(words, stateAt);
    if (isWorkers(state)) wereActive.push(worker);
    const status = isWorkers(state) ? SLOT_ACTIVE : SLOT_FREE;
    sync.store(words, stateAt, generationOf(state) | status);
  }
  // If all slots are taken, one worker is recovered first, in the name of worker 0.
  if (wereActive.length === workers) recoverWorker(first, wereActive.pop() as number, false);
  const views = claimWorker(buffer, options, workers);
  for (const worker of wereActive) recoverWorker(views, worker, false);
  for (let worker = 0; worker < workers; worker++) {
    viewWorker(views, worker).meta[superblock.TOUCHED_PAGES] = 0;
  }
  recountTouched(views);
  return views;
}

/**
 * Recovers a worker that is certainly dead, and those that it was recovering, unless another worker
 * is faster there.
 * @param asked the state of its slot, which says which attachment is known to be dead.
 */
export function recoverAll(
  views: SharedViews,
  dead: WorkerIndex,
  freeLive: boolean,
  asked: number,
): Recovered {
  const left = new Map<number, number>();
  const what = recoverOne(views, dead, freeLive, asked, left);
  const others: Recovered[] = [];
  // The loop also visits the workers that those were recovering: `recoverOne` adds them.
  for (const [other, state] of left) {
    try {
      others.push(recoverOne(views, other, freeLive, state, left));
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  return { ...what, others };
}

/** Recovers a worker that is certainly dead. */
export function recoverWorker(views: SharedViews, dead: WorkerIndex, freeLive: boolean): Recovered {
  const state = sync.load(views.words, workerSlot.at(dead) + workerSlot.STATE);
  return recoverOne(views, dead, freeLive, state, new Map());
}

function recoverOne(
  views: SharedViews,
  dead: WorkerIndex,
  freeLive: boolean,
  asked: number,
  left: Map<number, number>,
): Recovered {
  const { layout } = views;
  const tally: Tally = {
    dead,
    freeLive,
    live: [],
    reclaimedBlocks: 0,
    reclaimedSlabs: 0,
    abandonedSlabs: 0,
  };
  const newState = beginRecovery(views, dead, asked);
  const duties = endDuties(views, dead);
  for (const [other, state] of duties) left.set(other, state);
  recoverOutbox(views, dead);
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(views, slab);
    const kind = kindOf(state);
    if (ownerOf(state) === dead + 1) {
      if (kind === SPAN_CLASS) recoverSpan(views, slab, tally);
      else recoverSlab(views, slab, kind, tally);
    } else if ((state & MARKED) !== 0) {
      recoverMarked(views, slab, kind, tally);
    }
    // It may have died between the two steps of abandoning a slab, or of adopting several.
    if (ownerOf(state) === ABANDONED && kind <= CLASS_COUNT) noteAbandoned(views, kind);
  }
  emptyRegion(views, dead);
  freeSlot(views, dead, newState);
  sendOutbox(views);
  wake(views);
  const { live, reclaimedBlocks, reclaimedSlabs, abandonedSlabs } = tally;
  return { workerId: dead, live, reclaimedBlocks, reclaimedSlabs, abandonedSlabs, others: [] };
}

function recoverOutbox(views: SharedViews, dead: WorkerIndex): void {
  const { meta } = viewWorker(views, dead);
  sendFrom(views, meta);
  meta[workerRegion.OUTBOX_COUNT] = 0;
  meta[workerRegion.OUTBOX_SENT] = 0;
  meta[workerRegion.OUTBOX_BYTES] = 0;
}

/** Empties the lists of a dead worker, because what it had cached came back with its slabs. */
function emptyRegion(views: SharedViews, dead: WorkerIndex): void {
  const { meta } = viewWorker(views, dead);
  meta.fill(0, frontCache.ROOMS, heapCounters.START);
}

/** Recovers a slab of a dead worker: rebuilds its record from its headers. */
function recoverSlab(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  tally: Tally,
): void {
  const { freeBits, headers, markCounts, records } = views;
  const blockBytes = BLOCK_BYTES[classIndex];
  const start = slabToPtr(slab);
  const slabAt = slabRecord.at(slab);
  const firstWord = slab << FREE_WORDS_SHIFT;
  let carved = blocksPerSlab(classIndex);
  while (carved > 0 && headers[(start + (carved - 1) * blockBytes) >>> GRANULE_SHIFT] === 0) {
    carved--;
  }
  freeBits.fill(0, firstWord, firstWord + (1 << FREE_WORDS_SHIFT));
  markCounts[slab] = 0;
  const wordCount = (blocksPerSlab(classIndex) + 31) >>> 5;
  let free = 0;
  for (let word = 0; word < wordCount; word++) {
    free += recoverWord(views, slab, classIndex, word, carved, tally);
  }
  records[slabAt + slabRecord.KIND] = classIndex;
  records[slabAt + slabRecord.FREE_COUNT] = free;
  records[slabAt + slabRecord.CARVED] = carved;
  records[slabAt + slabRecord.CURSOR] = 0;
  records[slabAt + slabRecord.RUN] = 1;
  touchSlab(views, slab, carved * blockBytes, MAP_PAGE);
  if (free < carved) {
    tally.abandonedSlabs++;
    publishAbandoned(views, slab, classIndex);
    return;
  }
  tally.reclaimedSlabs++;
  headers.fill(NO_BLOCK, start >>> GRANULE_SHIFT, (start + carved * blockBytes) >>> GRANULE_SHIFT);
  releaseRun(views, slab, 1);
}

/** Recovers the blocks of one word of free bits. Returns how many of them are free. */
function recoverWord(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  word: number,
  carved: number,
  tally: Tally,
): number {
  const { freeBits, headers, layout, markCounts, words } = views;
  const remote = layout.remoteBits + (slab << FREE_WORDS_SHIFT) + word;
  // This comes before the headers are read: a worker that sends a block writes its header first.
  const sent = sync.load(words, remote);
  let bits = 0;
  let free = 0;
  for (let block = word << 5; block < Math.min(carved, (word + 1) << 5); block++) {
    const ptr = slabToPtr(slab) + block * BLOCK_BYTES[classIndex];
    const bit = 1 << (block & 31);
    const markAt = (ptr >>> GRANULE_SHIFT) + 1;
    if (isFreeNow(views, ptr, classIndex, (sent & bit) !== 0, tally)) {
      headers[markAt - 1] = toHeader(FREE, classIndex);
      if (sync.load(headers, markAt) !== NO_BLOCK) sync.store(headers, markAt, NO_BLOCK);
      bits |= bit;
      free++;
    } else if (sync.load(headers, markAt) !== NO_BLOCK) {
      markCounts[slab] = markCounts[slab] + 1;
    }
  }
  freeBits[(slab << FREE_WORDS_SHIFT) + word] = bits;
  // The bits are cleared after the headers are written. If a bit's block was not in transit, the
  // dead worker had dealt with it.
  if (sent !== 0) sync.and(words, remote, ~sent);
  return free;
}

/** Returns whether a block of a dead worker's slab is free, or becomes free by its recovery. */
function isFreeNow(
  views: SharedViews,
  ptr: number,
  classIndex: ClassIndex,
  isSent: boolean,
  tally: Tally,
): boolean {
  const { headers } = views;
  const header = headers[ptr >>> GRANULE_SHIFT];
  if (header === toHeader(IN_TRANSIT, classIndex)) {
    if (!isSent) return false;
    tally.reclaimedBlocks++;
  } else if (headerState(header) === LIVE) {
    const markAt = (ptr >>> GRANULE_SHIFT) + 1;
    const holder = sync.load(headers, markAt);
    if (holder !== NO_BLOCK && holder !== workerMark(tally.dead)) return false;
    tally.live.push(ptr as Ptr);
    if (!tally.freeLive) {
      sync.store(headers, markAt, MARK_NOBODY);
      return false;
    }
  } else if (headerState(header) === CACHED) {
    tally.reclaimedBlocks++;
  }
  return true;
}

/**
 * Recovers a span of a dead worker: a live block, or one that it was making, freeing or resizing.
 * Another worker may hold a live one, and free or resize it at this moment. The worker that changes
 * its state first gets it.
 */
function recoverSpan(views: SharedViews, slab: SlabIndex, tally: Tally): void {
  const { headers } = views;
  const markAt = (slabToPtr(slab) >>> GRANULE_SHIFT) + 1;
  let state = loadState(views, slab);
  for (; ownerOf(state) === tally.dead + 1; state = loadState(views, slab)) {
    const holder = sync.load(headers, markAt);
    const isHeld = holder === NO_BLOCK || holder === workerMark(tally.dead);
    const isFreed = isHeld && tally.freeLive;
    if (isFreed || !isLiveSpan(state)) {
      const newState = ownState(views, SPAN_CLASS) | BUSY | (state & MARKED);
      if (!changeState(views, slab, state, newState)) continue;
      const isLive = mendSpan(views, slab);
      if (isLive && isHeld) tally.live.push(slabToPtr(slab) as Ptr);
      if (!isLive || isFreed) {
        const slabs = countTails(views, slab) + 1;
        tally.reclaimedSlabs += slabs;
        releaseRun(views, slab, slabs);
        return;
      }
      leaveSpan(views, slab, newState);
    } else {
      if (!leaveSpan(views, slab, state)) continue;
      if (isHeld) tally.live.push(slabToPtr(slab) as Ptr);
    }
    if (isHeld && holder !== NO_BLOCK) sync.compareExchange(headers, markAt, holder, MARK_NOBODY);
    return;
  }
}

/**
 * Mends a reserved span that a worker was resizing when it died. Returns whether the span is live.
 */
function mendSpan(views: SharedViews, slab: SlabIndex): boolean {
  const { headers, records } = views;
  if (headers[slabToPtr(slab) >>> GRANULE_SHIFT] !== toHeader(LIVE, SPAN_CLASS)) return false;
  const recordedSlabs = records[slabRecord.at(slab) + slabRecord.RUN];
  const slabs = countTails(views, slab) + 1;
  if (slabs > recordedSlabs) releaseRun(views, slab + recordedSlabs, slabs - recordedSlabs);
  const spanBytesAt = slabRecord.at(slab) + slabRecord.SPAN_BYTES;
  if (bytesToSlabs(records[spanBytesAt]) !== recordedSlabs) {
    records[spanBytesAt] = recordedSlabs * SLAB_BYTES;
  }
  return true;
}

/**
 * Recovers what the dead worker held in another worker's slab: blocks that were handed over to it.
 */
function recoverMarked(views: SharedViews, slab: SlabIndex, kind: number, tally: Tally): void {
  const { headers } = views;
  for (const ptr of heldIn(views, slab, kind, tally.dead)) {
    if (headerState(headers[ptr >>> GRANULE_SHIFT]) !== LIVE) continue;
    const markAt = (ptr >>> GRANULE_SHIFT) + 1;
    if (!tally.freeLive) sync.compareExchange(headers, markAt, workerMark(tally.dead), MARK_NOBODY);
    else if (!isFreedBy(views, ptr)) continue;
    tally.live.push(ptr as Ptr);
  }
}

/** Frees a block. Returns false if another worker frees it at this moment. */
function isFreedBy(views: SharedViews, ptr: number): boolean {
  try {
    freeSlow(views, ptr);
    return true;
  } catch (error) {
    const code = error instanceof HeapError ? error.code : "";
    if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
    return false;
  }
}
