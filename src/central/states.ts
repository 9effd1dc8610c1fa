import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { SlabIndex } from "../base/types.js";
import { GRANULE_SHIFT, LIVE, NO_BLOCK, toHeader } from "../layout/header.js";
import { FREE_WORDS_SHIFT } from "../layout/sharedMetadata.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import { NOT_MINE, type SharedViews } from "../layout/sharedViews.js";
import { CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import { IN_ARENA, SPAN_TAIL } from "../layout/slabKind.js";
import {
  ABANDONED,
  BUSY,
  KIND_SHIFT,
  MARKED,
  OWNER_MASK,
  TAIL_STATE,
} from "../layout/slabState.js";
import { blocksPerSlab, slabToPtr } from "../layout/units.js";
import type { Run } from "../layout/views.js";

/*
 * The arena that workers share: one state word for each slab, 0 if it is in the arena. A worker
 * claims a slab by one compare-exchange from 0, and gives it back by a store; both publish what the
 * slab's record and headers say. A span is claimed from its first slab to its last and given back
 * from its last to its first, so that the tails after a first slab always belong to it, whichever
 * worker dies and whenever it does.
 */

/** Returns the state of a slab of this kind that this worker owns. */
export function ownState(views: SharedViews, kind: number): number {
  return (views.worker + 1) | (kind << KIND_SHIFT);
}

export function ownerOf(state: number): number {
  return state & OWNER_MASK;
}

export function kindOf(state: number): number {
  return (state >>> KIND_SHIFT) & 0xff;
}

/** Loads the state of a slab, and sees what the worker that changed it last had written before. */
export function loadState(views: SharedViews, slab: SlabIndex): number {
  return sync.load(views.words, views.layout.states + slab);
}

/**
 * How often a search starts over. A failed claim holds slabs for a moment, and the search may have
 * passed them as taken.
 */
const CLAIM_TURNS = 4;

/** Takes a run of `slabs` slabs from the arena. Returns its first slab, or 0. */
export function claimRun(views: SharedViews, slabs: number, kind: number): SlabIndex {
  let slab = 0;
  for (let turn = 0; slab === 0 && turn < CLAIM_TURNS; turn++) {
    const seen = sync.load(views.words, sharedSuperblock.RETRACTIONS);
    slab = slabs === 1 ? claimSlab(views, kind) : claimSpan(views, slabs);
    if (slab === 0 && sync.load(views.words, sharedSuperblock.RETRACTIONS) === seen) break;
  }
  if (slab !== 0 && kind <= CLASS_COUNT) views.mine[slab] = toHeader(LIVE, kind);
  return slab;
}

function claimSlab(views: SharedViews, kind: number): SlabIndex {
  const { layout, words } = views;
  const hint = sync.load(words, sharedSuperblock.HINT);
  for (let step = 0, slab = hint; step < layout.slabs - layout.firstSlab; step++, slab++) {
    if (slab >= layout.slabs) slab = layout.firstSlab;
    if (loadState(views, slab) !== 0) continue;
    const stateAt = layout.states + slab;
    if (sync.compareExchange(words, stateAt, 0, ownState(views, kind)) !== 0) continue;
    const next = slab + 1 < layout.slabs ? slab + 1 : layout.firstSlab;
    // If a slab was given back meanwhile, the hint is that slab and stays so.
    sync.compareExchange(words, sharedSuperblock.HINT, hint, next);
    return slab;
  }
  return 0;
}

/** Claims a span: the first that fits after where this worker last took or gave back one. */
function claimSpan(views: SharedViews, slabs: number): SlabIndex {
  const { cursor, layout } = views;
  const from = Math.max(layout.firstSlab, cursor[0]);
  const slab =
    claimSpanIn(views, slabs, from, layout.slabs) ||
    claimSpanIn(views, slabs, layout.firstSlab, Math.min(layout.slabs, from + slabs - 1));
  if (slab !== 0) cursor[0] = slab + slabs;
  return slab;
}

function claimSpanIn(views: SharedViews, slabs: number, from: number, end: number): SlabIndex {
  const { layout, words } = views;
  let first = from;
  for (let slab = from; slab < end; slab++) {
    if (loadState(views, slab) !== 0) first = slab + 1;
    if (slab + 1 - first < slabs) continue;
    const stateAt = layout.states + first;
    if (sync.compareExchange(words, stateAt, 0, ownState(views, SPAN_CLASS) | BUSY) === 0) {
      if (claimTails(views, first + 1, first + slabs)) return first;
      sync.store(words, stateAt, 0);
      sync.add(words, sharedSuperblock.RETRACTIONS, 1);
      wake(views);
    }
    slab = first;
    first++;
  }
  return 0;
}

/**
 * Claims the slabs from `start` to `end` for the span that ends at `start`: all of them or none.
 * Returns whether it claimed them.
 */
export function claimTails(views: SharedViews, start: number, end: number): boolean {
  const { layout, words } = views;
  if (end > layout.slabs) return false;
  for (let slab = start; slab < end; slab++) {
    if (sync.compareExchange(words, layout.states + slab, 0, TAIL_STATE) !== 0) {
      releaseTails(views, start, slab);
      sync.add(words, sharedSuperblock.RETRACTIONS, 1);
      wake(views);
      return false;
    }
  }
  return true;
}

function releaseTails(views: SharedViews, start: number, end: number): void {
  const { layout, words } = views;
  for (let slab = end - 1; slab >= start; slab--) sync.store(words, layout.states + slab, 0);
}

/** Returns how many slabs a span has after its first. */
export function countTails(views: SharedViews, slab: SlabIndex): number {
  let end = slab + 1;
  while (end < views.layout.slabs && loadState(views, end) === TAIL_STATE) end++;
  return end - slab - 1;
}

/** Gives back a slab, a span that is reserved, or the end of one. */
export function releaseRun(views: SharedViews, slab: SlabIndex, slabs: number): void {
  const { headers, layout, words } = views;
  const state = loadState(views, slab);
  const isTail = kindOf(state) === SPAN_TAIL;
  if (isTail) {
    releaseTails(views, slab, slab + slabs);
  } else {
    if (kindOf(state) === SPAN_CLASS) {
      const granule = slabToPtr(slab) >>> GRANULE_SHIFT;
      headers[granule] = NO_BLOCK;
      sync.exchange(headers, granule + 1, NO_BLOCK);
      releaseTails(views, slab + 1, slab + slabs);
      views.cursor[0] = slab;
    } else {
      const word = slab << FREE_WORDS_SHIFT;
      views.freeBits.fill(0, word, word + ((blocksPerSlab(kindOf(state)) + 31) >>> 5));
    }
    views.mine[slab] = NOT_MINE;
    sync.store(words, layout.states + slab, 0);
  }
  lowerHint(views, slab);
  wake(views);
}

/**
 * Reserves a live span for this worker, to free or to resize it. If two workers try at the same
 * moment, one succeeds. If that one dies, a recovery finds the span reserved, and finishes or
 * undoes the change.
 * @throws ERR_DOUBLE_FREE if the span is not live, or is not live any more.
 */
export function reserveSpan(views: SharedViews, slab: SlabIndex): void {
  for (let state = loadState(views, slab); isLiveSpan(state); state = loadState(views, slab)) {
    const busy = ownState(views, SPAN_CLASS) | (state & MARKED) | BUSY;
    if (changeState(views, slab, state, busy)) return;
  }
  const ptr = slabToPtr(slab);
  const message = `ptr ${ptr} was freed or resized at the same moment; expected a live ptr`;
  throw new HeapError("ERR_DOUBLE_FREE", message, { ptr, reason: "freed" });
}

/** Makes a span live that this worker has made or resized. All workers see what it wrote. */
export function publishSpan(views: SharedViews, slab: SlabIndex): void {
  sync.and(views.words, views.layout.states + slab, ~BUSY);
}

/** Releases a span's ownership if its state has not changed. Returns whether it did. */
export function leaveSpan(views: SharedViews, slab: SlabIndex, state: number): boolean {
  const left = ABANDONED | (SPAN_CLASS << KIND_SHIFT) | (state & MARKED);
  return changeState(views, slab, state, left);
}

/** Returns whether a slab with this state is the first of a live span. */
export function isLiveSpan(state: number): boolean {
  return kindOf(state) === SPAN_CLASS && (state & BUSY) === 0;
}

/** Changes a slab's state if it is still `from`. Returns whether it did. */
export function changeState(
  views: SharedViews,
  slab: SlabIndex,
  from: number,
  to: number,
): boolean {
  return sync.compareExchange(views.words, views.layout.states + slab, from, to) === from;
}

function lowerHint(views: SharedViews, slab: SlabIndex): void {
  const { words } = views;
  let hint = sync.load(words, sharedSuperblock.HINT);
  while (slab < hint) {
    const found = sync.compareExchange(words, sharedSuperblock.HINT, hint, slab);
    if (found === hint) return;
    hint = found;
  }
}

/** Returns whether a worker waits for memory. */
export function isAwaited(views: SharedViews): boolean {
  const { layout, words } = views;
  return (
    sync.load(words, sharedSuperblock.WAITING) !== 0 ||
    (layout.workers > 32 && sync.load(words, sharedSuperblock.WAITING + 1) !== 0)
  );
}

/** Wakes the workers that wait for memory, if there are any. */
export function wake(views: SharedViews): void {
  const { words } = views;
  if (!isAwaited(views)) return;
  sync.add(words, sharedSuperblock.EVENTS, 1);
  sync.notify(words, sharedSuperblock.EVENTS);
}

/** Walks the runs of a shared heap, by its slab states. Ends on any image. */
export function* walkStates(views: SharedViews): Generator<Run, void, undefined> {
  const { layout } = views;
  for (let slab = layout.firstSlab; slab < layout.slabs; ) {
    const state = loadState(views, slab);
    const kind = state === 0 ? IN_ARENA : kindOf(state);
    let end = slab + 1;
    if (kind === SPAN_CLASS) {
      end += countTails(views, slab);
    } else if (kind === IN_ARENA) {
      while (end < layout.slabs && loadState(views, end) === 0) end++;
    }
    yield { slab, slabs: end - slab, kind };
    slab = end;
  }
}
