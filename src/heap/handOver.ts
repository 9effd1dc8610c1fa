import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { changeState, kindOf, loadState, ownerOf } from "../central/states.js";
import { notLive } from "../front/misuse.js";
import { GRANULE_SHIFT, headerClass, NO_BLOCK } from "../layout/header.js";
import { blocksPerSlab, ptrToSlab, slabToPtr } from "../layout/metadata.js";
import {
  ABANDONED,
  MARK_NOBODY,
  MARKED,
  MINE_MARKED,
  type SharedImage,
  workerMark,
} from "../layout/shared.js";
import { BLOCK_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";

/**
 * Marks a live block as held by another worker. Who may: the owner of its slab, whom it was handed
 * over to, or anybody while nobody is known to hold it, as what a recovery listed.
 * @throws ERR_INVALID_WORKER
 */
export function handOverBlock(
  image: SharedImage,
  ptr: number,
  header: number,
  worker: number,
): void {
  const { headers, marks } = image;
  const slab = ptrToSlab(ptr);
  const granule = (ptr >>> GRANULE_SHIFT) + 1;
  const mark = sync.load(headers, granule);
  const owner = ownerOf(loadState(image, slab));
  const isSpan = headerClass(header) === SPAN_CLASS;
  // A block of an abandoned slab has a mark from then on; a span need not.
  const isNobodys = mark === MARK_NOBODY || (mark === NO_BLOCK && isSpan && owner === ABANDONED);
  const isOwn = owner === image.worker + 1 || mark === workerMark(image.worker);
  if (isNobodys || isOwn) {
    if (mark === NO_BLOCK && !flagMarked(image, slab, header)) throw notLive(image, ptr);
    // Of two that take what nobody holds, one is the first.
    if (sync.compareExchange(headers, granule, mark, workerMark(worker)) === mark) {
      if (mark !== NO_BLOCK || isSpan) return;
      marks[slab] = (marks[slab] as number) + 1;
      image.mine[slab] = MINE_MARKED;
      return;
    }
  }
  const message = `worker ${image.worker} neither owns the block's slab nor was handed the block`;
  throw new HeapError("ERR_INVALID_WORKER", message, { ptr, workerId: worker });
}

/** Says that a slab has marks: whether it has the block, which another may free at this moment. */
function flagMarked(image: SharedImage, slab: number, header: number): boolean {
  for (;;) {
    const state = loadState(image, slab);
    if (kindOf(state) !== headerClass(header)) return false;
    if (changeState(image, slab, state, state | MARKED)) return true;
  }
}

/** The blocks of a slab or span with this worker's mark. */
export function* heldIn(
  image: SharedImage,
  slab: number,
  kind: number,
  worker: number,
): Generator<number, void, undefined> {
  const isSpan = kind === SPAN_CLASS;
  const blockBytes = isSpan ? 0 : (BLOCK_BYTES[kind] as number);
  const blocks = isSpan ? 1 : blocksPerSlab(kind);
  for (let block = 0; block < blocks; block++) {
    const ptr = slabToPtr(slab) + block * blockBytes;
    const mark = sync.load(image.headers, (ptr >>> GRANULE_SHIFT) + 1);
    if (mark === workerMark(worker)) yield ptr;
  }
}

/** What was handed over to a worker that leaves is held by nobody that is known. */
export function disownMarks(image: SharedImage): void {
  const { headers, layout, worker } = image;
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = loadState(image, slab);
    if ((state & MARKED) === 0) continue;
    for (const ptr of heldIn(image, slab, kindOf(state), worker)) {
      const mark = (ptr >>> GRANULE_SHIFT) + 1;
      sync.compareExchange(headers, mark, workerMark(worker), MARK_NOBODY);
    }
  }
}
