import { staticAssert } from "../base/assert.js";
import type { ClassIndex, Header } from "../base/types.js";
import { GRANULE_BYTES, GRANULE_SHIFT, LIVE } from "./header.js";

/*
 * Size classes: steps of 16 bytes to 256, then eight to a doubling to 1 KiB, then four to a
 * doubling to 64 KiB. The last four are one-slab blocks of the large tier, which by this pass
 * through the front cache as every block does.
 *
 *   class   1  2 ..  16 | 17  18 ..  24 | 25  26 ..   32 |   33   34 ..   52 |    53 ..    56
 *   bytes  16 32 .. 256 |288 320 .. 512 |576 640 .. 1024 | 1280 1536 .. 32768| 40960 .. 65536
 *          tiny                                          | pool              | large
 */
export const FINE_MAX_BYTES = 256;
export const TINY_MAX_BYTES = 1024;
export const POOL_MAX_BYTES = 32768;
/** The largest request that a size class holds. Above it are spans. */
export const CLASS_MAX_BYTES = 65536;

const TINY_STEPS_PER_DOUBLING = 8;
const POOL_STEPS_PER_DOUBLING = 4;

const sizes: readonly number[] = listBlockBytes();

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

/** Entries of that table, less that of 0 bytes: granules that a request may have. */
export const LAST_GRANULES = 4096;

export type Tier = "tiny" | "pool" | "large";

export function classTier(classIndex: number): Tier {
  if (classIndex === SPAN_CLASS) return "large";
  const bytes = BLOCK_BYTES[classIndex];
  return bytes <= TINY_MAX_BYTES ? "tiny" : bytes <= POOL_MAX_BYTES ? "pool" : "large";
}

/** The live header of the class for a request of at most `CLASS_MAX_BYTES`. */
export function sizeToLiveHeader(sizeBytes: number): Header {
  return LIVE_HEADER_OF_GRANULES[(sizeBytes + GRANULE_BYTES - 1) >>> GRANULE_SHIFT] as Header;
}

function listBlockBytes(): number[] {
  const list = [0];
  for (let bytes = GRANULE_BYTES; bytes <= FINE_MAX_BYTES; bytes += GRANULE_BYTES) list.push(bytes);
  for (let base = FINE_MAX_BYTES; base < CLASS_MAX_BYTES; base *= 2) {
    const steps = base < TINY_MAX_BYTES ? TINY_STEPS_PER_DOUBLING : POOL_STEPS_PER_DOUBLING;
    for (let step = 1; step <= steps; step++) list.push(base + (base / steps) * step);
  }
  return list;
}

function buildHeaderTable(): Uint8Array {
  const table = new Uint8Array((CLASS_MAX_BYTES >> GRANULE_SHIFT) + 1);
  let classIndex = 1;
  for (let granules = 0; granules < table.length; granules++) {
    if (granules << GRANULE_SHIFT > sizes[classIndex]) classIndex++;
    table[granules] = LIVE | classIndex;
  }
  return table;
}

staticAssert(CLASS_COUNT < SPAN_CLASS - 1, "size classes leave two codes of the header free");
staticAssert(LAST_GRANULES === LIVE_HEADER_OF_GRANULES.length - 1, "it counts a table");
staticAssert(BLOCK_BYTES[CLASS_COUNT] === CLASS_MAX_BYTES, "the last class is the largest");
