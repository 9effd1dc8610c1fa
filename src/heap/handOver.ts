import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { Header, SlabIndex, WorkerIndex } from "../base/types.js";
import {
  changeState,
  isLiveSpan,
  kindOf,
  leaveSpan,
  loadState,
  ownerOf,
  ownState,
  publishSpan,
} from "../central/states.js";
import { headerClass, NO_BLOCK } from "../layout/header.js";
import { MARK_NOBODY, markAt, workerMark } from "../layout/mark.js";
import { MINE_MARKED, type SharedViews } from "../layout/sharedViews.js";
import { BLOCK_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import { ABANDONED, BUSY, MARKED } from "../layout/slabState.js";
import { blocksPerSlab, ptrToSlab, slabToPtr } from "../layout/units.js";
import { isSettled } from "./slots.js";

/**
 * Marks a live block as held by another worker. The owner of its slab may do that, and so may the
 * worker that the block was handed over to. While the holder is not known, as after a recovery, any
 * worker may.
 * @throws ERR_INVALID_WORKER
 */
export function handOverBlock(
  views: SharedViews,
  ptr: number,
  header: Header,
  worker: WorkerIndex,
): void {
  const { headers, layout, markCounts, words } = views;
  const slab = ptrToSlab(ptr);
  const at = markAt(ptr);
  const isSpan = headerClass(header) === SPAN_CLASS;
  for (;;) {
    const mark = sync.load(headers, at);
    const state = loadState(views, slab);
    const isOwn = ownerOf(state) === views.worker + 1 || mark === workerMark(views.worker);
    if (!isOwn && !isNobodys(views, mark, state, isSpan)) break;
    if (isSpan && mark === NO_BLOCK) {
      if (markSpan(views, slab, state, worker)) return;
      break;
    }
    if (mark === NO_BLOCK) sync.or(words, layout.states + slab, MARKED);
    // If two workers take a block that nobody holds, the first one gets it.
    if (sync.compareExchange(headers, at, mark, workerMark(worker)) !== mark) continue;
    if (mark !== NO_BLOCK) return;
    markCounts[slab] = markCounts[slab] + 1;
    views.mine[slab] = MINE_MARKED;
    return;
  }
  throw notHeld(views, ptr, worker);
}

/**
 * Returns whether a block's holder is not known, or has left. A live block of an abandoned slab
 * always has a mark; a span need not have one.
 */
function isNobodys(views: SharedViews, mark: number, state: number, isSpan: boolean): boolean {
  if (mark !== NO_BLOCK) return mark === MARK_NOBODY || !isSettled(views, (mark >>> 1) - 1);
  const owner = ownerOf(state);
  return isSpan && (owner === ABANDONED || !isSettled(views, owner - 1));
}

function notHeld(views: SharedViews, ptr: number, worker: WorkerIndex): HeapError {
  const message = `worker ${views.worker} neither owns the block's slab nor was handed the block`;
  return new HeapError("ERR_INVALID_WORKER", message, { ptr, workerId: worker });
}

/**
 * Puts the first mark on a span. Returns false if its state has changed. The span is reserved
 * meanwhile, because another worker may free a span that nobody holds.
 */
function markSpan(
  views: SharedViews,
  slab: SlabIndex,
  state: number,
  worker: WorkerIndex,
): boolean {
  const newState = ownState(views, SPAN_CLASS) | MARKED | BUSY;
  if (!isLiveSpan(state) || !changeState(views, slab, state, newState)) return false;
  sync.store(views.headers, markAt(slabToPtr(slab)), workerMark(worker));
  if (ownerOf(state) === views.worker + 1) publishSpan(views, slab);
  else leaveSpan(views, slab, newState);
  return true;
}

/**
 * Walks the blocks of a slab or a span that have the mark of a worker. The slab may become another
 * worker's, or one of another class, meanwhile: no header is taken for a mark.
 */
export function* heldIn(
  views: SharedViews,
  slab: SlabIndex,
  kind: number,
  worker: WorkerIndex,
): Generator<number, void, undefined> {
  const isSpan = kind === SPAN_CLASS;
  const blockBytes = isSpan ? 0 : BLOCK_BYTES[kind];
  const blocks = isSpan ? 1 : blocksPerSlab(kind);
  for (let block = 0; block < blocks; block++) {
    const ptr = slabToPtr(slab) + block * blockBytes;
    if (sync.load(views.headers, markAt(ptr)) === workerMark(worker)) yield ptr;
  }
}

/** Makes nobody's what former workers of a slot left: the blocks with their mark, and spans. */
export function disown(views: SharedViews, worker: WorkerIndex): void {
  const { headers, layout } = views;
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    let state = loadState(views, slab);
    const kind = kindOf(state);
    if ((state & MARKED) !== 0) {
      for (const ptr of heldIn(views, slab, kind, worker)) {
        sync.compareExchange(headers, markAt(ptr), workerMark(worker), MARK_NOBODY);
      }
    }
    // A worker that frees or resizes the span at this moment may take it first.
    while (kindOf(state) === SPAN_CLASS && ownerOf(state) === worker + 1) {
      if (leaveSpan(views, slab, state)) break;
      state = loadState(views, slab);
    }
  }
}
