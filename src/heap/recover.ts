import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { Ptr } from "../base/types.js";
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
import {
  blocksPerSlab,
  bytesToSlabs,
  CARVED,
  COUNTERS,
  CURSOR,
  FREE_COUNT,
  KIND,
  ROOMS,
  RUN,
  SLAB_BYTES,
  SPAN_BYTES,
  slabRecord,
  slabToPtr,
  TOUCHED_PAGES,
} from "../layout/metadata.js";
import {
  ABANDONED,
  BUSY,
  FREE_WORDS_SHIFT,
  generationOf,
  isWorkers,
  MARK_NOBODY,
  MARKED,
  OUTBOX_BYTES,
  OUTBOX_COUNT,
  OUTBOX_SENT,
  type SharedImage,
  SLOT_ACTIVE,
  SLOT_FREE,
  SLOT_STATE,
  slotWord,
  viewShared,
  viewWorker,
  workerMark,
} from "../layout/shared.js";
import { BLOCK_BYTES, CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import { claimWorker } from "./attach.js";
import { heldIn } from "./handOver.js";
import { beginRecovery, endDuties, freeSlot, isRefused } from "./slots.js";

/** What a recovery found and did. */
export interface Recovered {
  /** The worker that was recovered. */
  readonly workerId: number;
  /** The blocks it held live; with `freeLive` they are free now. */
  readonly live: Ptr[];
  /** Blocks that came back from its caches, and from its mail. */
  readonly reclaimedBlocks: number;
  /** Slabs that came back to the pool. */
  readonly reclaimedSlabs: number;
  /** Slabs with live blocks, left to whoever adopts them. */
  readonly abandonedSlabs: number;
  /** What it was recovering when it died, recovered with it. */
  readonly others: readonly Recovered[];
}

interface Tally {
  readonly dead: number;
  readonly freeLive: boolean;
  readonly live: Ptr[];
  reclaimedBlocks: number;
  reclaimedSlabs: number;
  abandonedSlabs: number;
}

/*
 * Everything of a dead worker comes back from the slab states and the header bytes; of its region
 * only the outbox is read. Each step can be done again, by another worker, should this one die too:
 * a slab is the dead worker's until the step that gives it away.
 */

/** Joins a restored heap: its workers of then are dead. */
export function joinRestored(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
): SharedImage {
  const first = viewShared(buffer, options, workers, 0, sharedSlabs);
  const { words } = first;
  const wereActive: number[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const slot = slotWord(worker, SLOT_STATE);
    const state = sync.load(words, slot);
    if (isWorkers(state)) wereActive.push(worker);
    const status = isWorkers(state) ? SLOT_ACTIVE : SLOT_FREE;
    sync.store(words, slot, generationOf(state) | status);
  }
  // With no slot to join by, one of them makes room first, as if it were alive.
  if (wereActive.length === workers) recoverWorker(first, wereActive.pop() as number, false);
  const image = claimWorker(buffer, options, workers);
  for (const worker of wereActive) recoverWorker(image, worker, false);
  for (let worker = 0; worker < workers; worker++) {
    viewWorker(image, worker).meta[TOUCHED_PAGES] = 0;
  }
  recountTouched(image);
  return image;
}

/**
 * Recovers a worker that is dead for certain, and those that it was recovering, unless another
 * worker is faster there.
 * @param asked the state of its slot, of which it is known to be dead.
 */
export function recoverAll(
  image: SharedImage,
  dead: number,
  freeLive: boolean,
  asked: number,
): Recovered {
  const left = new Map<number, number>();
  const what = recoverOne(image, dead, freeLive, asked, left);
  const others: Recovered[] = [];
  // Those that they were recovering come last.
  for (const [other, state] of left) {
    try {
      others.push(recoverOne(image, other, freeLive, state, left));
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  return { ...what, others };
}

/** Recovers a worker that is dead for certain. */
export function recoverWorker(image: SharedImage, dead: number, freeLive: boolean): Recovered {
  const state = sync.load(image.words, slotWord(dead, SLOT_STATE));
  return recoverOne(image, dead, freeLive, state, new Map());
}

function recoverOne(
  image: SharedImage,
  dead: number,
  freeLive: boolean,
  asked: number,
  left: Map<number, number>,
): Recovered {
  const { layout } = image;
  const tally: Tally = {
    dead,
    freeLive,
    live: [],
    reclaimedBlocks: 0,
    reclaimedSlabs: 0,
    abandonedSlabs: 0,
  };
  const own = beginRecovery(image, dead, asked);
  const duties = endDuties(image, dead);
  for (const [other, state] of duties) left.set(other, state);
  recoverOutbox(image, dead);
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(image, slab);
    const kind = kindOf(state);
    if (ownerOf(state) === dead + 1) {
      if (kind === SPAN_CLASS) recoverSpan(image, slab, tally);
      else recoverSlab(image, slab, kind, tally);
    } else if ((state & MARKED) !== 0) {
      recoverMarked(image, slab, kind, tally);
    }
    // It may have died between the two steps of leaving a slab, or of adopting several.
    if (ownerOf(state) === ABANDONED && kind <= CLASS_COUNT) noteAbandoned(image, kind);
  }
  emptyRegion(image, dead);
  freeSlot(image, dead, own);
  sendOutbox(image);
  wake(image);
  const { live, reclaimedBlocks, reclaimedSlabs, abandonedSlabs } = tally;
  return { workerId: dead, live, reclaimedBlocks, reclaimedSlabs, abandonedSlabs, others: [] };
}

function recoverOutbox(image: SharedImage, dead: number): void {
  const { meta } = viewWorker(image, dead);
  sendFrom(image, meta);
  meta[OUTBOX_COUNT] = 0;
  meta[OUTBOX_SENT] = 0;
  meta[OUTBOX_BYTES] = 0;
}

/** What a dead worker had cached came back with its slabs: its lists hold nothing. */
function emptyRegion(image: SharedImage, dead: number): void {
  const { meta } = viewWorker(image, dead);
  meta.fill(0, ROOMS, COUNTERS);
}

/** A dead worker's slab: its record is made anew from its headers. */
function recoverSlab(image: SharedImage, slab: number, classIndex: number, tally: Tally): void {
  const { freeBits, headers, marks, records } = image;
  const blockBytes = BLOCK_BYTES[classIndex];
  const start = slabToPtr(slab);
  const record = slabRecord(slab);
  const firstWord = slab << FREE_WORDS_SHIFT;
  let carved = blocksPerSlab(classIndex);
  while (carved > 0 && headers[(start + (carved - 1) * blockBytes) >>> GRANULE_SHIFT] === 0) {
    carved--;
  }
  freeBits.fill(0, firstWord, firstWord + (1 << FREE_WORDS_SHIFT));
  marks[slab] = 0;
  const words = (blocksPerSlab(classIndex) + 31) >>> 5;
  let free = 0;
  for (let word = 0; word < words; word++) {
    free += recoverWord(image, slab, classIndex, word, carved, tally);
  }
  records[record + KIND] = classIndex;
  records[record + FREE_COUNT] = free;
  records[record + CARVED] = carved;
  records[record + CURSOR] = 0;
  records[record + RUN] = 1;
  touchSlab(image, slab, carved * blockBytes, MAP_PAGE);
  if (free < carved) {
    tally.abandonedSlabs++;
    publishAbandoned(image, slab, classIndex);
    return;
  }
  tally.reclaimedSlabs++;
  headers.fill(NO_BLOCK, start >>> GRANULE_SHIFT, (start + carved * blockBytes) >>> GRANULE_SHIFT);
  releaseRun(image, slab, 1);
}

/** The blocks of one word: how many of them are free. */
function recoverWord(
  image: SharedImage,
  slab: number,
  classIndex: number,
  word: number,
  carved: number,
  tally: Tally,
): number {
  const { freeBits, headers, layout, marks, words } = image;
  const remote = layout.remoteBits + (slab << FREE_WORDS_SHIFT) + word;
  // Before the headers: who sends a block writes its header first.
  const sent = sync.load(words, remote);
  let bits = 0;
  let free = 0;
  for (let block = word << 5; block < Math.min(carved, (word + 1) << 5); block++) {
    const ptr = slabToPtr(slab) + block * BLOCK_BYTES[classIndex];
    const bit = 1 << (block & 31);
    const mark = (ptr >>> GRANULE_SHIFT) + 1;
    if (isFreeNow(image, ptr, classIndex, (sent & bit) !== 0, tally)) {
      headers[mark - 1] = toHeader(FREE, classIndex);
      if (sync.load(headers, mark) !== NO_BLOCK) sync.store(headers, mark, NO_BLOCK);
      bits |= bit;
      free++;
    } else if (sync.load(headers, mark) !== NO_BLOCK) {
      marks[slab] = marks[slab] + 1;
    }
  }
  freeBits[(slab << FREE_WORDS_SHIFT) + word] = bits;
  // After them: a bit whose block is not in transit was dealt with by the dead worker.
  if (sent !== 0) sync.and(words, remote, ~sent);
  return free;
}

/** Whether a block of a dead worker's slab is free, or becomes free by its recovery. */
function isFreeNow(
  image: SharedImage,
  ptr: number,
  classIndex: number,
  isSent: boolean,
  tally: Tally,
): boolean {
  const { headers } = image;
  const header = headers[ptr >>> GRANULE_SHIFT];
  if (header === toHeader(IN_TRANSIT, classIndex)) {
    if (!isSent) return false;
    tally.reclaimedBlocks++;
  } else if (headerState(header) === LIVE) {
    const mark = (ptr >>> GRANULE_SHIFT) + 1;
    const holder = sync.load(headers, mark);
    if (holder !== NO_BLOCK && holder !== workerMark(tally.dead)) return false;
    tally.live.push(ptr as Ptr);
    if (!tally.freeLive) {
      sync.store(headers, mark, MARK_NOBODY);
      return false;
    }
  } else if (headerState(header) === CACHED) {
    tally.reclaimedBlocks++;
  }
  return true;
}

/**
 * A dead worker's span: a live block, or one that it was about to make, to free or to resize.
 * Another worker may hold a live one, and free or resize it at this moment: who changes its state
 * first has it.
 */
function recoverSpan(image: SharedImage, slab: number, tally: Tally): void {
  const { headers } = image;
  const mark = (slabToPtr(slab) >>> GRANULE_SHIFT) + 1;
  let state = loadState(image, slab);
  for (; ownerOf(state) === tally.dead + 1; state = loadState(image, slab)) {
    const holder = sync.load(headers, mark);
    const isHeld = holder === NO_BLOCK || holder === workerMark(tally.dead);
    const isFreed = isHeld && tally.freeLive;
    if (isFreed || !isLiveSpan(state)) {
      const own = ownState(image, SPAN_CLASS) | BUSY | (state & MARKED);
      if (!changeState(image, slab, state, own)) continue;
      const isLive = mendSpan(image, slab);
      if (isLive && isHeld) tally.live.push(slabToPtr(slab) as Ptr);
      if (!isLive || isFreed) {
        const run = countTails(image, slab) + 1;
        tally.reclaimedSlabs += run;
        releaseRun(image, slab, run);
        return;
      }
      leaveSpan(image, slab, own);
    } else {
      if (!leaveSpan(image, slab, state)) continue;
      if (isHeld) tally.live.push(slabToPtr(slab) as Ptr);
    }
    if (isHeld && holder !== NO_BLOCK) sync.compareExchange(headers, mark, holder, MARK_NOBODY);
    return;
  }
}

/** Mends a reserved span that a worker died over while it made it longer or shorter: is it live? */
function mendSpan(image: SharedImage, slab: number): boolean {
  const { headers, records } = image;
  if (headers[slabToPtr(slab) >>> GRANULE_SHIFT] !== toHeader(LIVE, SPAN_CLASS)) return false;
  const described = records[slabRecord(slab) + RUN];
  const run = countTails(image, slab) + 1;
  if (run > described) releaseRun(image, slab + described, run - described);
  const spanBytes = slabRecord(slab) + SPAN_BYTES;
  if (bytesToSlabs(records[spanBytes]) !== described) {
    records[spanBytes] = described * SLAB_BYTES;
  }
  return true;
}

/** Another's slab with marked blocks: some may have been handed over to the dead worker. */
function recoverMarked(image: SharedImage, slab: number, kind: number, tally: Tally): void {
  const { headers } = image;
  for (const ptr of heldIn(image, slab, kind, tally.dead)) {
    if (headerState(headers[ptr >>> GRANULE_SHIFT]) !== LIVE) continue;
    const mark = (ptr >>> GRANULE_SHIFT) + 1;
    if (!tally.freeLive) sync.compareExchange(headers, mark, workerMark(tally.dead), MARK_NOBODY);
    else if (!isFreedBy(image, ptr)) continue;
    tally.live.push(ptr as Ptr);
  }
}

/** Frees a block; not one that another worker frees at this moment. */
function isFreedBy(image: SharedImage, ptr: number): boolean {
  try {
    freeSlow(image, ptr);
    return true;
  } catch (error) {
    const code = error instanceof HeapError ? error.code : "";
    if (code !== "ERR_DOUBLE_FREE" && code !== "ERR_INVALID_POINTER") throw error;
    return false;
  }
}
