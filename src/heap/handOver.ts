import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { loadState, ownerOf } from "../central/states.js";
import { GRANULE_SHIFT, headerClass, NO_BLOCK } from "../layout/header.js";
import { ptrToSlab } from "../layout/metadata.js";
import { MARKED, MINE_MARKED, type SharedImage, workerMark } from "../layout/shared.js";
import { SPAN_CLASS } from "../layout/sizeClasses.js";

/** Marks a live block as held by another worker. @throws ERR_INVALID_WORKER */
export function handOverBlock(
  image: SharedImage,
  ptr: number,
  header: number,
  worker: number,
): void {
  const { headers, layout, marks, words } = image;
  const slab = ptrToSlab(ptr);
  const granule = (ptr >>> GRANULE_SHIFT) + 1;
  const mark = sync.load(headers, granule);
  const isOwner = ownerOf(loadState(image, slab)) === image.worker + 1;
  if (mark === NO_BLOCK ? !isOwner : mark !== workerMark(image.worker) && !isOwner) {
    const message = `worker ${image.worker} neither owns the block's slab nor was handed the block`;
    throw new HeapError("ERR_INVALID_WORKER", message, { ptr, workerId: worker });
  }
  if (mark === NO_BLOCK) {
    sync.or(words, layout.states + slab, MARKED);
    if (headerClass(header) !== SPAN_CLASS) {
      marks[slab] = (marks[slab] as number) + 1;
      image.mine[slab] = MINE_MARKED;
    }
  }
  sync.store(headers, granule, workerMark(worker));
}
