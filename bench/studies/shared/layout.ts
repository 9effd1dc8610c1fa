/** What the bound knows of the inside of the allocator. No other file of the benches imports it. */
import { resolveOptions } from "../../../src/config/options.js";
import { refillCount } from "../../../src/front/chains.js";
import { headerClass } from "../../../src/layout/header.js";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import { OUTBOX_MAX_BYTES } from "../../../src/layout/sharedViews.js";
import {
  BLOCK_BYTES,
  CLASS_COUNT,
  CLASS_MAX_BYTES,
  sizeToLiveHeader,
  TINY_MAX_BYTES,
} from "../../../src/layout/sizeClasses.js";
import { blocksPerSlab, PAGE_BYTES, SLAB_BYTES } from "../../../src/layout/units.js";
import * as workerRegion from "../../../src/layout/workerRegion.js";

const OPTIONS = resolveOptions();

/** Size classes are numbered from 1. */
export const CLASSES: number = CLASS_COUNT + 1;

/** Returns the class of a request in a shared heap, which has no blocks of one granule. */
export function classOf(size: number): number {
  if (size > CLASS_MAX_BYTES)
    throw new Error(`the bound knows no spans, and ${size} bytes are one`);
  return Math.max(2, headerClass(sizeToLiveHeader(size)));
}

/** The most blocks that a worker has freed and not sent. */
export const OUTBOX_LIMIT: number = Math.min(OPTIONS.sllDrainInterval, workerRegion.OUTBOX_INTS);

/** Returns the most blocks of one class that an outbox holds: bytes limit those above 1 KiB. */
export function outboxLimitOf(classIndex: number): number {
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  if (blockBytes <= TINY_MAX_BYTES) return OUTBOX_LIMIT;
  return Math.min(OUTBOX_LIMIT, Math.ceil(OUTBOX_MAX_BYTES / blockBytes));
}

/** What slabs of one class commit. */
export interface Slabs {
  readonly count: number;
  /** Their touched pages, and one page of the header map for each. */
  readonly bytes: number;
}

/**
 * Returns the slabs that a worker takes when at most so many blocks of its slabs are live or in
 * transit at once. It takes one only when all that it has are full: 1 + floor(blocks / B), where B
 * is the blocks of a slab. Only a refill carves, so one slab that never fills is touched in part.
 */
export function slabsFor(classIndex: number, blocks: number): Slabs {
  if (blocks === 0) return { count: 0, bytes: 0 };
  const perSlab = blocksPerSlab(classIndex);
  const carved = blocks + refillCount(classIndex, OPTIONS);
  if (carved <= perSlab) {
    const bytes = toPages(carved * (BLOCK_BYTES[classIndex] as number)) + PAGE_BYTES;
    return { count: 1, bytes };
  }
  const count = 1 + Math.floor(blocks / perSlab);
  return { count, bytes: count * (SLAB_BYTES + PAGE_BYTES) };
}

/** Tables with a row per slab: states, summaries, mark counts, records, free and remote bits. */
const SLAB_TABLES = 6;
const SLAB_ENTRY_BYTES = 4 + 4 + 4 + 32 + 512 + 512;

/** Returns the bytes that the metadata of a heap with so many slabs in use commits. */
export function metadataBytes(slabs: number, workers: number, capacity: number): number {
  const { regionInts } = sharedLayout(capacity, workers);
  const tables = slabs * SLAB_ENTRY_BYTES + (2 * SLAB_TABLES + 1) * PAGE_BYTES;
  return tables + workers * toPages(4 * regionInts);
}

function toPages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}
