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
import { GRANULE_SHIFT, headerClass, NO_BLOCK } from "../layout/header.js";
import { MARK_NOBODY, workerMark } from "../layout/mark.js";
import { MINE_MARKED, type SharedViews } from "../layout/sharedViews.js";
import { BLOCK_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import { ABANDONED, BUSY, MARKED } from "../layout/slabState.js";
import { blocksPerSlab, ptrToSlab, slabToPtr } from "../layout/units.js";

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
  const granule = (ptr >>> GRANULE_SHIFT) + 1;
  const mark = sync.load(headers, granule);
  const state = loadState(views, slab);
  const owner = ownerOf(state);
  const isSpan = headerClass(header) === SPAN_CLASS;
  // A block of an abandoned slab always has a mark; a span need not have one.
  const isNobodys = mark === MARK_NOBODY || (mark === NO_BLOCK && isSpan && owner === ABANDONED);
  const isOwn = owner === views.worker + 1 || mark === workerMark(views.worker);
  if (isNobodys || isOwn) {
    if (isSpan && mark === NO_BLOCK) {
      if (markSpan(views, slab, state, worker)) return;
      throw notHeld(views, ptr, worker);
    }
    if (mark === NO_BLOCK) sync.or(words, layout.states + slab, MARKED);
    // If two workers take a block that nobody holds, the first one gets it.
    if (sync.compareExchange(headers, granule, mark, workerMark(worker)) === mark) {
      if (mark !== NO_BLOCK) return;
      markCounts[slab] = markCounts[slab] + 1;
      views.mine[slab] = MINE_MARKED;
      return;
    }
  }
  throw notHeld(views, ptr, worker);
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
  sync.store(views.headers, (slabToPtr(slab) >>> GRANULE_SHIFT) + 1, workerMark(worker));
  if (ownerOf(state) === ABANDONED) leaveSpan(views, slab, newState);
  else publishSpan(views, slab);
  return true;
}

/** Walks the blocks of a slab or a span that have the mark of a worker. */
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
    const mark = sync.load(views.headers, (ptr >>> GRANULE_SHIFT) + 1);
    if (mark === workerMark(worker)) yield ptr;
  }
}

/**
 * Changes the marks of a worker that leaves: the holder of those blocks is not known from now on.
 */
export function disownMarks(views: SharedViews): void {
  const { headers, layout, worker } = views;
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(views, slab);
    if ((state & MARKED) === 0) continue;
    for (const ptr of heldIn(views, slab, kindOf(state), worker)) {
      const markAt = (ptr >>> GRANULE_SHIFT) + 1;
      sync.compareExchange(headers, markAt, workerMark(worker), MARK_NOBODY);
    }
  }
}
