import type { HeapOptions } from "../config/options.js";
import {
  CLASS_CAP,
  CLASS_REFILL,
  classRecord,
  END_MAGAZINE,
  MAGAZINE_COUNT,
  MAGAZINE_MASK,
  magazineMask,
  NO_PUT_TOP,
  NO_TAKE_TOP,
  PUT_TOPS,
  SPARE_NEXT,
  TAKE_TOPS,
} from "../layout/metadata.js";
import { BLOCK_BYTES, CLASS_COUNT, FINE_MAX_BYTES, POOL_MAX_BYTES } from "../layout/sizeClasses.js";

/** Bytes that one magazine of a class holds at the most, and that one refill takes. */
const MAGAZINE_BYTES = 65536;
const REFILL_BYTES = 16384;

function blocksWithin(bytes: number, blockBytes: number, limit: number): number {
  return Math.max(1, Math.min(limit, (bytes / blockBytes) | 0));
}

/** Entries of a class's magazine: bounded by the option and by bytes; two for large blocks. */
export function magazineCap(classIndex: number, fastCap: number): number {
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  if (blockBytes > POOL_MAX_BYTES) return Math.min(2, fastCap);
  return blocksWithin(MAGAZINE_BYTES, blockBytes, fastCap);
}

/** Blocks that a refill of a class takes. */
export function refillCount(classIndex: number, options: HeapOptions): number {
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const wanted = blockBytes <= FINE_MAX_BYTES ? options.refillCountHot : options.refillCountMid;
  return blocksWithin(
    REFILL_BYTES,
    blockBytes,
    Math.min(magazineCap(classIndex, options.fastCap), wanted),
  );
}

/** Writes the class records of an empty heap, whose magazines are zeroed. */
export function formatClasses(meta: Int32Array, options: HeapOptions, endMagazine: number): void {
  const { fastCap } = options;
  meta[SPARE_NEXT] = endMagazine - MAGAZINE_COUNT * (magazineMask(fastCap) + 1);
  meta[END_MAGAZINE] = endMagazine;
  meta[MAGAZINE_MASK] = magazineMask(fastCap);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const record = classRecord(classIndex);
    meta[record + CLASS_CAP] = magazineCap(classIndex, options.fastCap);
    meta[record + CLASS_REFILL] = refillCount(classIndex, options);
  }
  closeTops(meta);
}

/** Sends every hot path to the slow one: no class has magazines. */
export function closeTops(meta: Int32Array): void {
  meta.fill(NO_PUT_TOP, PUT_TOPS, PUT_TOPS + 64);
  meta.fill(NO_TAKE_TOP, TAKE_TOPS, TAKE_TOPS + 64);
}
