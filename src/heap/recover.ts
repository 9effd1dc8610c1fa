import type { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { ClassIndex, Ptr, SlabIndex, WorkerIndex } from "../base/types.js";
import { noteAbandoned, publishAbandoned, sendFrom, sendOutbox } from "../central/remote.js";
import {
  changeState,
  countTails,
  kindOf,
  loadState,
  ownerOf,
  ownState,
  releaseRun,
} from "../central/states.js";
import { MAP_PAGE, touchSlab } from "../central/touch.js";
import { freeSlow } from "../front/slow.js";
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
import { markAt, workerMark } from "../layout/mark.js";
import { FREE_WORDS_SHIFT } from "../layout/sharedMetadata.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import { type SharedViews, viewWorker } from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { ABANDONED, BUSY, MARKED, OWNER_MASK } from "../layout/slabState.js";
import { generationOf, SLOT_ACTIVE, SLOT_RECOVERING } from "../layout/slotState.js";
import { blocksPerSlab, bytesToSlabs, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { disown, heldIn } from "./handOver.js";
import { beginRecovery, freeSlot, isSettled, takeDuties } from "./slots.js";

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
  /** Whose mark the blocks get that the dead worker held: its own, or another dead worker's. */
  readonly heir: WorkerIndex;
  readonly freeLive: boolean;
  readonly live: Ptr[];
  reclaimedBlocks: number;
  reclaimedSlabs: number;
  abandonedSlabs: number;
}

/*
 * A recovery finds everything that a dead worker had in the slab states and the header bytes. It
 * reads only the outbox of the worker's region. If this worker dies too, another one repeats the
 * recovery: a slab belongs to the dead worker until the step that gives it away, what the dead held
 * keeps its mark, and the last step of all frees its slot. The blocks are nobody's then, because
 * no worker has that slot, and the next one that takes it makes them so before it holds anything.
 *
 * The workers that the dead one was recovering are recovered first. Their blocks become the dead
 * one's, so that they are not lost when this worker dies before it has returned the list.
 */

/**
 * Recovers a worker that is certainly dead, and those that it was recovering, unless another worker
 * recovers it.
 * @throws {HeapError} ERR_WORKER_ALIVE
 */
export function recoverWorker(views: SharedViews, dead: WorkerIndex, freeLive: boolean): Recovered {
  const state = sync.load(views.words, workerSlot.at(dead) + workerSlot.STATE);
  const isMine = (state & 0xff) === (SLOT_RECOVERING | views.worker);
  const asked = isMine ? state : generationOf(state) | SLOT_ACTIVE;
  return recoverAll(views, dead, freeLive, asked);
}

/**
 * Recovers a worker that is certainly dead, and those that it was recovering.
 * @param asked the state of its slot, which says which attachment is known to be dead.
 */
export function recoverAll(
  views: SharedViews,
  dead: WorkerIndex,
  freeLive: boolean,
  asked: number,
): Recovered {
  const duties = new Map<number, number>();
  const state = beginRecovery(views, dead, asked);
  const tally = beginOne(views, { dead, heir: dead, freeLive }, duties);
  const others: Recovered[] = [];
  const listed = new Set<number>();
  // The loop also visits the workers that those were recovering: `beginOne` adds them.
  for (const [other, taken] of duties) {
    const otherTally = beginOne(views, { dead: other, heir: dead, freeLive }, duties);
    const what = recoverOne(views, otherTally, taken);
    for (const ptr of what.live) listed.add(ptr);
    others.push(what);
  }
  const what = recoverOne(views, tally, state);
  return { ...what, live: what.live.filter((ptr) => !listed.has(ptr)), others };
}

/**
 * Takes over a dead worker's recoveries, and mends what it was changing. If it died while it
 * attached, it held nothing yet.
 */
function beginOne(
  views: SharedViews,
  what: Pick<Tally, "dead" | "heir" | "freeLive">,
  duties: Map<number, number>,
): Tally {
  const { dead } = what;
  takeDuties(views, dead, duties);
  if (!isSettled(views, dead)) disown(views, dead);
  const reclaimedSlabs = mendSpans(views, dead);
  return { ...what, live: [], reclaimedBlocks: 0, reclaimedSlabs, abandonedSlabs: 0 };
}

/** @param state the state of the dead worker's slot, which this worker recovers. */
function recoverOne(views: SharedViews, tally: Tally, state: number): Recovered {
  const { layout } = views;
  const { dead } = tally;
  recoverOutbox(views, dead);
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const slabState = loadState(views, slab);
    const kind = kindOf(slabState);
    if (ownerOf(slabState) === dead + 1) {
      if (kind === SPAN_CLASS) recoverSpan(views, slab, tally);
      else recoverSlab(views, slab, kind, tally);
    } else if ((slabState & MARKED) !== 0) {
      recoverMarked(views, slab, kind, tally);
    }
    // It may have died between the two steps of abandoning a slab, or of adopting several.
    if (ownerOf(slabState) === ABANDONED && kind <= CLASS_COUNT) noteAbandoned(views, kind);
  }
  emptyRegion(views, dead);
  sendOutbox(views);
  sync.add(views.words, sharedSuperblock.RECOVERIES, 1);
  freeSlot(views, dead, state);
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
  // If this worker dies after it has made blocks the heir's, the heir's recovery looks for them.
  if (tally.heir !== tally.dead) sync.or(views.words, views.layout.states + slab, MARKED);
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
    const at = markAt(ptr);
    if (isFreeNow(views, ptr, classIndex, (sent & bit) !== 0, tally)) {
      headers[ptr >>> GRANULE_SHIFT] = toHeader(FREE, classIndex);
      if (sync.load(headers, at) !== NO_BLOCK) sync.exchange(headers, at, NO_BLOCK);
      bits |= bit;
      free++;
    } else if (sync.load(headers, at) !== NO_BLOCK) {
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
    const holder = sync.load(headers, markAt(ptr));
    if (holder !== NO_BLOCK && holder !== workerMark(tally.dead)) return false;
    tally.live.push(ptr as Ptr);
    if (!tally.freeLive) {
      sync.store(headers, markAt(ptr), workerMark(tally.heir));
      return false;
    }
  } else if (headerState(header) === CACHED) {
    tally.reclaimedBlocks++;
  }
  return true;
}

/**
 * Mends the spans that a worker was making, freeing, resizing or handing over when it died: they
 * are live again, or go to the arena. Returns how many slabs went there.
 */
function mendSpans(views: SharedViews, dead: WorkerIndex): number {
  const { layout } = views;
  let reclaimed = 0;
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(views, slab);
    if (ownerOf(state) !== dead + 1 || (state & BUSY) === 0) continue;
    const busy = ownState(views, SPAN_CLASS) | BUSY | (state & MARKED);
    // Nobody else changes the state of a span that is being changed.
    changeState(views, slab, state, busy);
    if (mendSpan(views, slab)) {
      changeState(views, slab, busy, state & ~BUSY);
    } else {
      const slabs = countTails(views, slab) + 1;
      releaseRun(views, slab, slabs);
      reclaimed += slabs;
    }
  }
  return reclaimed;
}

/**
 * Recovers a live span of a dead worker. Another worker may hold it, and free or resize it at this
 * moment. So it stays as it is, unless it is freed or becomes the heir's: then the worker that
 * changes its state first gets it.
 */
function recoverSpan(views: SharedViews, slab: SlabIndex, tally: Tally): void {
  const { dead, freeLive, heir } = tally;
  const ptr = slabToPtr(slab) as Ptr;
  let state = loadState(views, slab);
  for (; ownerOf(state) === dead + 1; state = loadState(views, slab)) {
    const holder = sync.load(views.headers, markAt(ptr));
    const isHeld = holder === NO_BLOCK || holder === workerMark(dead);
    const isFreed = isHeld && freeLive;
    const newState = isFreed
      ? ownState(views, SPAN_CLASS) | BUSY | (state & MARKED)
      : (state & ~OWNER_MASK) | (heir + 1);
    // Even to the same state: the mark was this span's only if nobody has reserved it since.
    if (!changeState(views, slab, state, newState)) continue;
    if (isHeld) tally.live.push(ptr);
    if (isFreed) {
      const slabs = countTails(views, slab) + 1;
      tally.reclaimedSlabs += slabs;
      releaseRun(views, slab, slabs);
    } else if (holder === workerMark(dead)) {
      inherit(views, ptr, tally);
    }
    return;
  }
}

/** Makes a marked block of the dead worker the heir's. */
function inherit(views: SharedViews, ptr: number, { dead, heir }: Tally): void {
  if (heir === dead) return;
  sync.compareExchange(views.headers, markAt(ptr), workerMark(dead), workerMark(heir));
}

/**
 * Mends a span that a worker had reserved when it died. Returns whether the span is live.
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
  const mark = workerMark(tally.dead);
  const heirMark = workerMark(tally.heir);
  for (const ptr of heldIn(views, slab, kind, tally.dead)) {
    if (headerState(headers[ptr >>> GRANULE_SHIFT]) !== LIVE) continue;
    // If the mark is still there the header was that of the block, and not of a later one.
    if (sync.compareExchange(headers, markAt(ptr), mark, heirMark) !== mark) continue;
    if (!tally.freeLive || isFreedBy(views, ptr)) tally.live.push(ptr as Ptr);
    else leaveToOwner(views, slab, ptr, heirMark);
  }
}

/**
 * Makes a span its owner's that cannot be freed because the owner was handing it over. If the owner
 * has died too, its recovery frees it.
 */
function leaveToOwner(views: SharedViews, slab: SlabIndex, ptr: number, mark: number): void {
  const state = loadState(views, slab);
  if (kindOf(state) !== SPAN_CLASS || (state & BUSY) === 0) return;
  const owner = (ownerOf(state) - 1) as WorkerIndex;
  sync.compareExchange(views.headers, markAt(ptr), mark, workerMark(owner));
}

/** Frees a block. Returns false if another worker frees it at this moment. */
function isFreedBy(views: SharedViews, ptr: number): boolean {
  try {
    freeSlow(views, ptr);
    return true;
  } catch (error) {
    const { code } = error as Partial<HeapError>;
    if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
    return false;
  }
}
