import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { GRANULE_SHIFT } from "./header.js";
import * as slabRecord from "./slabRecord.js";
import { ptrToSlab, SLAB_BYTES, SLAB_SHIFT } from "./units.js";

/*
 * Where every byte of a heap image is. sharedMetadata.ts says it for a shared heap.
 *
 *   byte 0            capacity / 16                        firstSlab << 16             capacity
 *   | header map      | metadata                           | slabs                     |
 *
 * One Int32Array, `meta`, views the metadata. Its records are drawn in modules of their own, and
 * records.ts checks that they stand one after another:
 *
 *   meta   0            128           256             768        1280
 *          | superblock | front cache | class records | counters | slab records |
 */

/** Returns the byte offset of the metadata in a heap of the given capacity. */
export function metadataOffset(capacityBytes: number): number {
  return capacityBytes >>> GRANULE_SHIFT;
}

/** Returns the end of a heap's metadata, an index into `meta`: one past the last slab record. */
export function endOfMetadata(capacityBytes: number): number {
  return slabRecord.at(capacityBytes >>> SLAB_SHIFT);
}

/** Returns the first slab of a heap. */
export function firstSlabOf(capacityBytes: number): SlabIndex {
  const end = metadataOffset(capacityBytes) + 4 * endOfMetadata(capacityBytes);
  return ptrToSlab(roundUp(end, SLAB_BYTES));
}
