import { staticAssert } from "../base/assert.js";
import type { ClassIndex, SlabIndex } from "../base/types.js";
import { MAX_CAPACITY_BYTES } from "../config/options.js";
import { GRANULE_SHIFT } from "./header.js";
import { BLOCK_BYTES, CLASS_MAX_BYTES } from "./sizeClasses.js";

/*
 * The units in which memory is counted, and how one is converted to another. A heap is a whole
 * number of slabs; slab n begins at byte n << SLAB_SHIFT.
 */
export const SLAB_SHIFT = 16;
export const SLAB_BYTES = 65536;
/** The unit in which the operating system commits memory. */
export const PAGE_BYTES = 4096;
/** Header bytes of one slab: exactly one page of the header map. */
export const SLAB_GRANULES: number = SLAB_BYTES >> GRANULE_SHIFT;

export function blocksPerSlab(classIndex: ClassIndex): number {
  return (SLAB_BYTES / BLOCK_BYTES[classIndex]) | 0;
}

export function ptrToSlab(ptr: number): SlabIndex {
  return ptr >>> SLAB_SHIFT;
}

export function slabToPtr(slab: SlabIndex): number {
  return slab << SLAB_SHIFT;
}

/** Returns how many slabs hold so many bytes. */
export function bytesToSlabs(bytes: number): number {
  return (bytes + SLAB_BYTES - 1) >>> SLAB_SHIFT;
}

staticAssert(SLAB_BYTES === 1 << SLAB_SHIFT, "a slab is 1 << SLAB_SHIFT bytes");
staticAssert(SLAB_GRANULES === PAGE_BYTES, "a slab's header bytes are one page");
staticAssert(CLASS_MAX_BYTES <= SLAB_BYTES, "a block lies in one slab");
staticAssert(MAX_CAPACITY_BYTES + SLAB_BYTES <= 2 ** 31, "a ptr is a positive int32");
