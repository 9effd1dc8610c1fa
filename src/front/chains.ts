import type { ClassIndex } from "../base/types.js";
import type { HeapOptions } from "../config/options.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import { BLOCK_BYTES, CLASS_COUNT, FINE_MAX_BYTES, POOL_MAX_BYTES } from "../layout/sizeClasses.js";

/** The most bytes that the chain of a class holds, and that one refill takes. */
const CHAIN_BYTES = 65536;
const REFILL_BYTES = 16384;

function blocksWithin(bytes: number, blockBytes: number, limit: number): number {
  return Math.max(1, Math.min(limit, (bytes / blockBytes) | 0));
}

/**
 * Returns how many blocks a full chain of a class has: as many as the option and CHAIN_BYTES allow,
 * and at most two blocks of one slab each.
 */
export function chainCap(classIndex: ClassIndex, fastCap: number): number {
  const blockBytes = BLOCK_BYTES[classIndex];
  if (blockBytes > POOL_MAX_BYTES) return Math.min(2, fastCap);
  return blocksWithin(CHAIN_BYTES, blockBytes, fastCap);
}

/** Returns how many blocks a refill of a class takes. */
export function refillCount(classIndex: ClassIndex, options: HeapOptions): number {
  const blockBytes = BLOCK_BYTES[classIndex];
  const wanted = blockBytes <= FINE_MAX_BYTES ? options.refillCountHot : options.refillCountMid;
  return blocksWithin(
    REFILL_BYTES,
    blockBytes,
    Math.min(chainCap(classIndex, options.fastCap), wanted),
  );
}

/** Writes the class records of an empty heap, and opens its front cache. */
export function formatClasses(meta: Int32Array, options: HeapOptions): void {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const classAt = classRecord.at(classIndex);
    meta[classAt + classRecord.CAP] = chainCap(classIndex, options.fastCap);
    meta[classAt + classRecord.REFILL] = refillCount(classIndex, options);
  }
  openChains(meta);
}

/** Gives the chain of each class its room. The chains are empty. */
export function openChains(meta: Int32Array): void {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    meta[frontCache.ROOMS + classIndex] = meta[classRecord.at(classIndex) + classRecord.CAP];
  }
}

/** Sends every hot path to the slow one: no class has a block or room for one. */
export function closeChains(meta: Int32Array): void {
  meta.fill(0, frontCache.ROOMS, classRecord.START);
}
