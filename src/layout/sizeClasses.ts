import { staticAssert } from "../base/assert.js";
import type { ClassIndex, Header } from "../base/types.js";
import { GRANULE_BYTES, GRANULE_SHIFT, LIVE } from "./header.js";

/*
 * The size classes. A class is added or taken away in the list BLOCK_SIZES and nowhere else: the
 * rest derives from it, and a test tells when FORMAT_VERSION must be raised.
 *
 * Up to 256 bytes they are 16 bytes apart, then eight of them double the size, from 1 KiB on four.
 * Those above 32 KiB are blocks of one slab: large by tier, but by their classes they pass through
 * the front cache as every block does.
 */

/** The largest block in steps of 16 bytes, and the largest of the tiers tiny and pool. */
export const FINE_MAX_BYTES = 256;
export const TINY_MAX_BYTES = 1024;
export const POOL_MAX_BYTES = 32768;
/** The largest request that a size class holds. Above it are spans. */
export const CLASS_MAX_BYTES = 65536;

/** Bytes of a block by class. Classes are numbered from 1. Every power of two from 16 is one. */
// biome-ignore format: a row for each doubling
const BLOCK_SIZES: readonly number[] = [
  0,
  16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256,
  288, 320, 352, 384, 416, 448, 480, 512,
  576, 640, 704, 768, 832, 896, 960, 1024,
  1280, 1536, 1792, 2048,
  2560, 3072, 3584, 4096,
  5120, 6144, 7168, 8192,
  10240, 12288, 14336, 16384,
  20480, 24576, 28672, 32768,
  40960, 49152, 57344, 65536,
];

/** Number of size classes; they are numbered from 1. */
export const CLASS_COUNT: number = BLOCK_SIZES.length - 1;

/** The class of a span: not a size class, but a header's class bits all the same. */
export const SPAN_CLASS: ClassIndex = 63;

/** Bytes of a block, by class index. */
export const BLOCK_BYTES: Int32Array = Int32Array.from(BLOCK_SIZES);

/**
 * The live header of the smallest class that holds a request, by granules of the request
 * (`(size + 15) >>> 4`). A request of 0 bytes takes a block of the first class.
 */
export const LIVE_HEADER_OF_GRANULES: Uint8Array = buildHeaderTable();

/** Entries of that table, less that of 0 bytes: granules that a request may have. */
export const LAST_GRANULES = 4096;

export type Tier = "tiny" | "pool" | "large";

export function classTier(classIndex: ClassIndex): Tier {
  if (classIndex === SPAN_CLASS) return "large";
  const bytes = BLOCK_BYTES[classIndex];
  return bytes <= TINY_MAX_BYTES ? "tiny" : bytes <= POOL_MAX_BYTES ? "pool" : "large";
}

/** The live header of the class for a request of at most `CLASS_MAX_BYTES`. */
export function sizeToLiveHeader(sizeBytes: number): Header {
  return LIVE_HEADER_OF_GRANULES[(sizeBytes + GRANULE_BYTES - 1) >>> GRANULE_SHIFT];
}

function buildHeaderTable(): Uint8Array {
  const table = new Uint8Array((CLASS_MAX_BYTES >> GRANULE_SHIFT) + 1);
  let classIndex = 1;
  for (let granules = 0; granules < table.length; granules++) {
    if (granules << GRANULE_SHIFT > BLOCK_SIZES[classIndex]) classIndex++;
    table[granules] = LIVE | classIndex;
  }
  return table;
}

staticAssert(CLASS_COUNT < SPAN_CLASS - 1, "size classes leave two codes of the header free");
staticAssert(LAST_GRANULES === LIVE_HEADER_OF_GRANULES.length - 1, "it counts a table");
staticAssert(BLOCK_SIZES.at(-1) === CLASS_MAX_BYTES, "the last class is the largest");
staticAssert(
  BLOCK_SIZES.every((bytes, index) => index === 0 || bytes > (BLOCK_SIZES[index - 1] ?? 0)),
  "each class is larger than the one before",
);
staticAssert(
  BLOCK_SIZES.every((bytes) => bytes % GRANULE_BYTES === 0),
  "a block is whole granules",
);
staticAssert(
  [FINE_MAX_BYTES, TINY_MAX_BYTES, POOL_MAX_BYTES].every((bytes) => BLOCK_SIZES.includes(bytes)),
  "a tier ends with a class",
);
