import { lowestBit } from "../base/bits.js";
import { sync } from "../base/sync.js";
import type { ClassIndex, Header, SlabIndex } from "../base/types.js";
import * as classRecord from "../layout/classRecord.js";
import { FREE, GRANULE_SHIFT, IN_TRANSIT, LIVE, NO_BLOCK, toHeader } from "../layout/header.js";
import { MARK_NOBODY, markAt } from "../layout/mark.js";
import {
  COARSE_SUMMARY_SHIFT,
  FINE_SUMMARY_MAX_BLOCKS,
  FREE_WORDS_SHIFT,
} from "../layout/sharedMetadata.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import {
  MINE_MARKED,
  NOT_MINE,
  OUTBOX_MAX_BYTES,
  outboxLimit,
  type SharedViews,
} from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../layout/sizeClasses.js";
import * as slabRecord from "../layout/slabRecord.js";
import { ABANDONED, KIND_SHIFT, MARKED } from "../layout/slabState.js";
import { SLOT_RECOVERING } from "../layout/slotState.js";
import { blocksPerSlab, ptrToSlab, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import { addFree, blockIndex } from "./freeBits.js";
import { linkPartial, unlinkPartial } from "./slabs.js";
import { changeState, kindOf, loadState, ownerOf, ownState, wake } from "./states.js";

/*
 * A remote free, from a worker to the owner of the block's slab:
 *
 *   free     the header becomes "in transit", the ptr goes to the worker's outbox; no Atomics
 *   send     when the outbox is due: the block's remote bit, for up to 32 blocks by one Atomics.or;
 *            then, once for each slab, its summary, the owner's dirty word and its mail
 *   collect  the owner reads its mail, the summaries of its dirty slabs and their remote bits, and
 *            makes the blocks free
 *
 * Every message is a bit that is set, so sending twice is sending once: if a worker dies while it
 * sends, another sends all of it again. The owner clears a bit after it has dealt with the block.
 */

/** Returns the shift from a remote word to its summary bit, which several words may share. */
function summaryShift(classIndex: ClassIndex): number {
  return blocksPerSlab(classIndex) > FINE_SUMMARY_MAX_BLOCKS ? COARSE_SUMMARY_SHIFT : 0;
}

/**
 * Frees a live block of a slab that this worker does not own. Returns false for a block of a slab
 * that it owns, after it has taken off the block's mark if there is one.
 */
export function freeRemotely(views: SharedViews, ptr: number, liveHeader: Header): boolean {
  const { headers, meta } = views;
  const slabHeader = views.mine[ptrToSlab(ptr)];
  if (slabHeader === liveHeader) return false;
  if (slabHeader === MINE_MARKED) {
    clearMark(views, ptrToSlab(ptr), liveHeader - LIVE, ptr);
    return false;
  }
  const count = meta[workerRegion.OUTBOX_COUNT];
  meta[workerRegion.OUTBOX + count] = ptr;
  meta[workerRegion.OUTBOX_COUNT] = count + 1;
  headers[ptr >>> GRANULE_SHIFT] = toHeader(IN_TRANSIT, liveHeader - LIVE);
  const bytes = meta[workerRegion.OUTBOX_BYTES] + BLOCK_BYTES[liveHeader - LIVE];
  meta[workerRegion.OUTBOX_BYTES] = bytes;
  if (count + 1 >= outboxLimit(views) || bytes >= OUTBOX_MAX_BYTES) sendOutbox(views);
  return true;
}

/** Takes the mark, if there is one, off a block of a slab that this worker owns. */
export function clearMark(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  ptr: number,
): void {
  const { headers, markCounts } = views;
  const at = markAt(ptr);
  if (sync.load(headers, at) === NO_BLOCK) return;
  // A store would not acquire: another worker may just have made the mark nobody's.
  sync.exchange(headers, at, NO_BLOCK);
  const left = markCounts[slab] - 1;
  markCounts[slab] = left;
  if (left === 0) views.mine[slab] = toHeader(LIVE, classIndex);
}

/**
 * Sends the blocks of the outbox to the owners of their slabs. It notes a block that another worker
 * has freed too. If a recovery ran meanwhile, that may be what it sent: it sends again what a dead
 * worker may have sent already.
 */
export function sendOutbox(views: SharedViews): void {
  const { doubleFree, meta, words } = views;
  if (meta[workerRegion.OUTBOX_COUNT] === 0) return;
  const ptr = sendFrom(views, meta);
  meta[workerRegion.OUTBOX_COUNT] = 0;
  meta[workerRegion.OUTBOX_SENT] = 0;
  meta[workerRegion.OUTBOX_BYTES] = 0;
  // Whether one runs is asked before whether one has ended.
  const isRecovering = ptr !== 0 && isAnyRecovered(views);
  const recoveries = sync.load(words, sharedSuperblock.RECOVERIES);
  if (ptr !== 0 && !isRecovering && recoveries === doubleFree[1]) doubleFree[0] = ptr;
  doubleFree[1] = recoveries;
}

function isAnyRecovered({ layout, words }: SharedViews): boolean {
  for (let worker = 0; worker < layout.workers; worker++) {
    const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
    if ((state & SLOT_RECOVERING) !== 0) return true;
  }
  return false;
}

/**
 * Sends an outbox: that of this worker, or of a dead one.
 * @returns the ptr of a block that was freed by another worker too, or 0.
 */
export function sendFrom(views: SharedViews, outbox: Int32Array): number {
  const { headers, layout, sending, sent, words } = views;
  const count = outbox[workerRegion.OUTBOX_COUNT];
  let slabs = 0;
  let freedTwice = 0;
  for (let index = 0; index < count; ) {
    const ptr = outbox[workerRegion.OUTBOX + index];
    const slab = ptrToSlab(ptr);
    const unsent = outbox[workerRegion.OUTBOX_SENT];
    const isSent = index < unsent;
    const end = isSent ? unsent : count;
    const classIndex = isSent ? kindOf(loadState(views, slab)) : headers[ptr >>> GRANULE_SHIFT];
    // Another worker has freed the block too, and it has come home. Or the outbox is that of a dead
    // worker, which had not freed the block yet, or had not counted it as sent.
    if (!isBlockStart(ptr, classIndex)) {
      if (!isSent) freedTwice = ptr;
      index++;
      continue;
    }
    const block = blockIndex(ptr, classIndex);
    let bits = 0;
    let next = index;
    for (let other = block; other >>> 5 === block >>> 5; ) {
      if (((bits >>> (other & 31)) & 1) === 1) freedTwice = outbox[workerRegion.OUTBOX + next];
      bits |= 1 << (other & 31);
      if (++next === end) break;
      const following = outbox[workerRegion.OUTBOX + next];
      const isAlike = isSent || headers[following >>> GRANULE_SHIFT] === classIndex;
      if (ptrToSlab(following) !== slab || !isAlike) break;
      other = blockIndex(following, classIndex);
    }
    if (!isSent) {
      const word = layout.remoteBits + (slab << FREE_WORDS_SHIFT) + (block >>> 5);
      if ((sync.or(words, word, bits) & bits) !== 0) freedTwice = ptr;
      outbox[workerRegion.OUTBOX_SENT] = next;
    }
    if (sending[slab] === 0) sent[slabs++] = slab;
    const group = 1 << ((block >>> 5) >>> summaryShift(classIndex));
    sending[slab] = sending[slab] | group;
    index = next;
  }
  for (let index = 0; index < slabs; index++) {
    const slab = sent[index];
    sync.or(words, layout.summaries + slab, sending[slab]);
    sending[slab] = 0;
    tellOwner(views, slab);
  }
  return freedTwice;
}

/** Returns whether a ptr may be the start of a block of a class, and the class is one. */
function isBlockStart(ptr: number, classIndex: ClassIndex): boolean {
  if (classIndex < 1 || classIndex > CLASS_COUNT) return false;
  return (ptr & (SLAB_BYTES - 1)) % BLOCK_BYTES[classIndex] === 0;
}

/**
 * Tells a slab's owner that it has remote bits; an abandoned slab is adopted. If the owner leaves
 * after its state was read, nobody reads that mail, but the worker that adopts the slab collects
 * all remote bits.
 */
function tellOwner(views: SharedViews, slab: SlabIndex): void {
  const { layout, words } = views;
  let state = loadState(views, slab);
  while (ownerOf(state) === ABANDONED && kindOf(state) <= CLASS_COUNT) {
    if (adoptSlab(views, slab, state)) return;
    state = loadState(views, slab);
  }
  const owner = ownerOf(state);
  // A dead worker may have sent it long ago: by now the slab is in the arena, or in a span.
  if (owner === 0 || kindOf(state) > CLASS_COUNT) return;
  if (owner === views.worker + 1) {
    collectSlab(views, slab);
    return;
  }
  const word = slab >>> 5;
  const region = layout.regions + (owner - 1) * layout.regionInts;
  sync.or(words, region + workerRegion.DIRTY_WORDS + word, 1 << (slab & 31));
  const mailAt = workerSlot.at(owner - 1) + workerSlot.MAIL;
  sync.or(words, mailAt, 1 << ((word / layout.mailGroup) | 0));
  wake(views);
}

/** Collects the blocks that other workers have sent to this one: they become free. */
export function collect(views: SharedViews): void {
  const { layout, words } = views;
  const mailAt = workerSlot.at(views.worker) + workerSlot.MAIL;
  if (sync.load(words, mailAt) === 0) return;
  const dirty = layout.regions + views.worker * layout.regionInts + workerRegion.DIRTY_WORDS;
  for (let groups = sync.exchange(words, mailAt, 0); groups !== 0; groups &= groups - 1) {
    const group = lowestBit(groups);
    const end = Math.min((group + 1) * layout.mailGroup, layout.dirtyWords);
    for (let word = group * layout.mailGroup; word < end; word++) {
      for (let bits = sync.exchange(words, dirty + word, 0); bits !== 0; bits &= bits - 1) {
        const slab = (word << 5) + lowestBit(bits);
        if (ownerOf(loadState(views, slab)) === views.worker + 1) collectSlab(views, slab);
      }
    }
  }
}

/** Collects the blocks that were sent to a slab of this worker and that its summary names. */
function collectSlab(views: SharedViews, slab: SlabIndex): void {
  const { layout, words } = views;
  const classIndex = kindOf(loadState(views, slab));
  const shift = summaryShift(classIndex);
  let added = 0;
  let groups = sync.exchange(words, layout.summaries + slab, 0) | 0;
  for (; groups !== 0; groups &= groups - 1) {
    const group = lowestBit(groups);
    for (let word = group << shift; word < (group + 1) << shift; word++) {
      added += collectWord(views, slab, classIndex, word);
    }
  }
  if (added > 0) addFree(views, slab, classIndex, added, true);
}

/**
 * Collects all blocks that were sent to a slab, whatever its summary says, because the slab was
 * another worker's. Returns how many.
 */
export function collectAll(views: SharedViews, slab: SlabIndex, classIndex: ClassIndex): number {
  const wordCount = (blocksPerSlab(classIndex) + 31) >>> 5;
  let added = 0;
  for (let word = 0; word < wordCount; word++) added += collectWord(views, slab, classIndex, word);
  return added;
}

function collectWord(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
  word: number,
): number {
  const { freeBits, headers, layout, markCounts, words } = views;
  const index = (slab << FREE_WORDS_SHIFT) + word;
  const all = sync.load(words, layout.remoteBits + index) | 0;
  if (all === 0) return 0;
  const hasMarks = markCounts[slab] !== 0;
  const granules = BLOCK_BYTES[classIndex] >>> GRANULE_SHIFT;
  const first = (slabToPtr(slab) >>> GRANULE_SHIFT) + (word << 5) * granules;
  const free = toHeader(FREE, classIndex);
  let freed = 0;
  let added = 0;
  for (let bits = all; bits !== 0; bits &= bits - 1) {
    const block = lowestBit(bits);
    const granule = (first + Math.imul(block, granules)) | 0;
    const isFree = ((freeBits[index] >>> block) & 1) === 1;
    // Two workers freed it at once, or it was sent twice for a dead one.
    const isInTransit = headers[granule] === classIndex;
    if (isFree || !isInTransit) noteDoubleFree(views, granule << GRANULE_SHIFT);
    if (!isInTransit) continue;
    if (hasMarks) clearMark(views, slab, classIndex, granule << GRANULE_SHIFT);
    headers[granule] = free;
    if (isFree) continue;
    freed |= 1 << block;
    added = (added + 1) | 0;
  }
  freeBits[index] = freeBits[index] | freed;
  sync.and(words, layout.remoteBits + index, ~all);
  return added;
}

/** Notes a block that came home although it was not freed just then, unless a recovery sent it. */
function noteDoubleFree({ doubleFree, words }: SharedViews, ptr: number): void {
  if (sync.load(words, sharedSuperblock.RECOVERIES) === 0) doubleFree[0] = ptr;
}

/**
 * Abandons a slab of this worker, for another one to adopt. Its live blocks get marks that say that
 * their holder is not known.
 */
export function abandonSlab(views: SharedViews, slab: SlabIndex): void {
  const { freeBits, headers, markCounts, meta, records } = views;
  const classIndex = kindOf(loadState(views, slab));
  const slabAt = slabRecord.at(slab);
  const carved = records[slabAt + slabRecord.CARVED];
  const classAt = classRecord.at(classIndex);
  const isPartial =
    records[slabAt + slabRecord.FREE_COUNT] > 0 || carved < blocksPerSlab(classIndex);
  if (isPartial) unlinkPartial(views, slab, classIndex);
  meta[classAt + classRecord.SLABS] = meta[classAt + classRecord.SLABS] - 1;
  for (let block = 0; block < carved; block++) {
    const at = markAt(slabToPtr(slab) + block * BLOCK_BYTES[classIndex]);
    const bits = freeBits[(slab << FREE_WORDS_SHIFT) + (block >>> 5)];
    if (((bits >>> (block & 31)) & 1) === 1 || sync.load(headers, at) !== NO_BLOCK) continue;
    sync.store(headers, at, MARK_NOBODY);
    markCounts[slab] = markCounts[slab] + 1;
  }
  views.mine[slab] = NOT_MINE;
  publishAbandoned(views, slab, classIndex);
}

/** Takes the last step of abandoning a slab: from here on any worker may adopt it. */
export function publishAbandoned(
  views: SharedViews,
  slab: SlabIndex,
  classIndex: ClassIndex,
): void {
  const { layout, markCounts, words } = views;
  const marked = markCounts[slab] > 0 ? MARKED : 0;
  sync.store(words, layout.states + slab, ABANDONED | (classIndex << KIND_SHIFT) | marked);
  noteAbandoned(views, classIndex);
  wake(views);
}

/** Adopts an abandoned slab. Returns false if another worker was first. */
export function adoptSlab(views: SharedViews, slab: SlabIndex, state: number): boolean {
  const { markCounts, meta, records } = views;
  const classIndex = kindOf(state);
  const newState = ownState(views, classIndex) | (state & MARKED);
  if (!changeState(views, slab, state, newState)) return false;
  const slabAt = slabRecord.at(slab);
  const classAt = classRecord.at(classIndex);
  meta[classAt + classRecord.SLABS] = meta[classAt + classRecord.SLABS] + 1;
  views.mine[slab] = markCounts[slab] > 0 ? MINE_MARKED : toHeader(LIVE, classIndex);
  const free = records[slabAt + slabRecord.FREE_COUNT];
  const isPartial = free > 0 || records[slabAt + slabRecord.CARVED] < blocksPerSlab(classIndex);
  if (isPartial) linkPartial(views, slab, classIndex);
  addFree(views, slab, classIndex, collectAll(views, slab, classIndex));
  return true;
}

/** Notes that slabs of a class may be abandoned. */
export function noteAbandoned(views: SharedViews, classIndex: ClassIndex): void {
  sync.or(
    views.words,
    sharedSuperblock.ABANDONED_CLASSES + (classIndex >> 5),
    1 << (classIndex & 31),
  );
}

/**
 * Adopts abandoned slabs of a class until it has a partial one, and leaves the rest for other
 * workers; or adopts those of all classes (0). If `isWanting` is true it looks for them even if
 * none are noted.
 */
export function adopt(views: SharedViews, classIndex: ClassIndex, isWanting = false): void {
  const { layout } = views;
  const isAny =
    classIndex === 0
      ? takeNote(views, 0, -1) || takeNote(views, 1, -1)
      : takeNote(views, classIndex >> 5, 1 << (classIndex & 31));
  if (!isAny && !isWanting) return;
  if (classIndex === 0) takeNote(views, 1, -1);
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(views, slab);
    const kind = kindOf(state);
    const isWanted = classIndex === 0 ? kind <= CLASS_COUNT : kind === classIndex;
    if (ownerOf(state) !== ABANDONED || !isWanted || !adoptSlab(views, slab, state)) continue;
    if (classIndex === 0 || views.meta[classRecord.at(classIndex) + classRecord.PARTIAL_HEAD] === 0)
      continue;
    noteAbandoned(views, classIndex);
    return;
  }
}

/**
 * Clears notes. Returns whether there were any. Callers clear before they search, so that what is
 * abandoned meanwhile is noted again.
 */
function takeNote(views: SharedViews, word: number, bits: number): boolean {
  const { words } = views;
  if ((sync.load(words, sharedSuperblock.ABANDONED_CLASSES + word) & bits) === 0) return false;
  sync.and(words, sharedSuperblock.ABANDONED_CLASSES + word, ~bits);
  return true;
}
