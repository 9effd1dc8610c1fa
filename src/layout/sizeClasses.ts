import { staticAssert } from "../base/assert.js";
import { log2Floor, roundUp } from "../base/bits.js";
import type { ClassIndex } from "../base/types.js";
import { GRANULE_BYTES, GRANULE_SHIFT, LIVE } from "./header.js";

/*
 * Size classes: steps of 16 bytes to 256, then eight to a doubling to 1 KiB, then four to a
 * doubling to 32 KiB.
 *
 *   class   1  2  3 .. 16 | 17  18 ..  24 | 25  26 ..   32 |   33   34   35   36 |   37 ..    52
 *   bytes  16 32 48 .. 256| 288 320 .. 512| 576 640 .. 1024| 1280 1536 1792 2048 | 2560 .. 32768
 */
export const FINE_STEP_BYTES = 16;
export const FINE_MAX_BYTES = 256;
export const TINY_MAX_BYTES = 1024;
export const POOL_MAX_BYTES = 32768;
export const TINY_STEPS_PER_DOUBLING = 8;
export const POOL_STEPS_PER_DOUBLING = 4;

function listBlockBytes(): number[] {
  const sizes = [0];
  for (let size = FINE_STEP_BYTES; size <= FINE_MAX_BYTES; size += FINE_STEP_BYTES) sizes.push(size);
  for (let base = FINE_MAX_BYTES; base < POOL_MAX_BYTES; base *= 2) {
    const steps = base < TINY_MAX_BYTES ? TINY_STEPS_PER_DOUBLING : POOL_STEPS_PER_DOUBLING;
    for (let step = 1; step <= steps; step++) sizes.push(base + (base / steps) * step);
  }
  return sizes;
}

const sizes = listBlockBytes();

/** Number of size classes; they are numbered from 1. */
export const CLASS_COUNT: number = sizes.length - 1;

/** The class of a span: not a size class, but a header's class bits all the same. */
export const SPAN_CLASS: ClassIndex = 63 as ClassIndex;

/** Bytes of a block, by class index. */
export const BLOCK_BYTES: Int32Array = Int32Array.from(sizes);

/**
 * The live header of the smallest class that holds a request, by granules of the request
 * (`(size + 15) >>> 4`). A request of 0 bytes takes a block of the first class.
 */
export const LIVE_HEADER_OF_GRANULES: Uint8Array = buildHeaderTable();

function buildHeaderTable(): Uint8Array {
  const table = new Uint8Array((POOL_MAX_BYTES >> GRANULE_SHIFT) + 1);
  let classIndex = 1;
  for (let granules = 0; granules < table.length; granules++) {
    while (sizes[classIndex]! < granules << GRANULE_SHIFT) classIndex++;
    table[granules] = LIVE | classIndex;
  }
  return table;
}
