import { staticAssert } from "../base/assert.js";
import type { WorkerIndex } from "../base/types.js";
import { CACHED, GRANULE_BYTES, GRANULE_SHIFT, LIVE } from "./header.js";
import { BLOCK_BYTES, CLASS_COUNT } from "./sizeClasses.js";
import { SPAN_TAIL } from "./slabKind.js";
import { MAX_WORKERS } from "./slotState.js";

/*
 * A mark says who holds a live block that was handed over, or whose worker was recovered: 0 the
 * owner of its slab, 2 to 128 a worker, MARK_NOBODY a holder that is not known. It stands in the
 * header map at the first odd granule after the block's first one, so a shared heap has no blocks
 * of one granule.
 *
 *   granule   0   1   2   3   4   5   6        32 B: two granules, each mark behind its header
 *   32 B      H   m   H   m   H   m   H        48 B: three granules; the second block's header is
 *   48 B      H   m   .   H   .   m   H              at granule 3 and its mark at 5
 *
 * Headers at odd granules are those of classes with an odd number of granules, whose own numbers
 * are odd. Marks are even. So a byte is never both, and a worker that walks the marks of a slab may
 * do so although the slab becomes one of another class meanwhile.
 */
export const MARK_NOBODY = 0xbc;

/** Returns the mark of a worker. */
export function workerMark(worker: WorkerIndex): number {
  return (worker + 1) << 1;
}

/** Returns the granule where the mark of the block at `ptr` stands. */
export function markAt(ptr: number): number {
  const granule = ptr >>> GRANULE_SHIFT;
  return granule + 1 + (granule & 1);
}

/** Returns whether a byte of the header map is a mark and no header. */
export function isMark(granule: number, byte: number): boolean {
  return (granule & 1) === 1 && byte !== 0 && (byte & 1) === 0;
}

staticAssert(
  BLOCK_BYTES.every((bytes, index) => ((bytes / GRANULE_BYTES) & 1) === 0 || (index & 1) === 1),
  "a class with an odd number of granules has an odd number",
);
staticAssert(MAX_WORKERS << 1 <= CACHED && MARK_NOBODY < LIVE, "no mark passes for a live header");
staticAssert(
  (MARK_NOBODY & 0x3f) > CLASS_COUNT && (MARK_NOBODY & 0x3f) < SPAN_TAIL && MARK_NOBODY % 2 === 0,
  "nobody's mark is no worker's, and no class's cached header",
);
