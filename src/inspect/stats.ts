import { corrupted } from "../base/errors.js";
import type { ClassIndex, SlabIndex } from "../base/types.js";
import { touchedPages } from "../central/touch.js";
import type { HeapOptions } from "../config/options.js";
import * as classCounters from "../layout/classCounters.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import * as heapCounters from "../layout/heapCounters.js";
import {
  BLOCK_BYTES,
  CLASS_COUNT,
  classTier,
  SPAN_CLASS,
  type Tier,
} from "../layout/sizeClasses.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { blocksPerSlab, PAGE_BYTES, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import { endSlab, firstSlab, type HeapViews } from "../layout/views.js";

/** A number of blocks, and the bytes that they have. */
export interface Counted {
  blocks: number;
  bytes: number;
}

/** Front-cache hits and misses; a miss is a `malloc` for which the chain had no block. */
export interface FrontStats {
  hits: number;
  misses: number;
}

/** The figures of one size class. */
export interface ClassStats {
  class: number;
  tier: Tier;
  blockBytes: number;
  slabs: number;
  live: Counted;
  /** Blocks in the front cache or on the SLL. */
  cached: Counted;
  free: Counted;
  /** Bytes of the slabs of the class that have no blocks yet. */
  uncarvedBytes: number;
  refills: number;
  /** Blocks that drains returned to their slabs, without those of mends. */
  drained: number;
  /** null unless the heap was created with `frontStats`. */
  front: FrontStats | null;
}

/** The figures of a heap. Bytes of blocks are those of their classes, not those asked for. */
export interface HeapStats {
  capacityBytes: number;
  /** Bytes of the header map and the metadata. They are reserved, and committed where touched. */
  metadataBytes: number;
  live: Counted;
  cached: Counted;
  free: Counted;
  uncarvedBytes: number;
  /** Bytes of the slabs in the arena, with those that were never used. */
  pooledBytes: number;
  slabs: { inUse: number; pooled: number; unused: number; opened: number };
  spans: Counted;
  /** Bytes of touched pages in slabs in use, in spans and in the metadata. */
  committedBytes: number;
  /**
   * Bytes of all pages that were ever touched, because JavaScript cannot give a page back. It
   * bounds the resident memory.
   */
  peakCommittedBytes: number;
  refills: number;
  drains: number;
  /**
   * How often the lists of a class were rebuilt, because a program had written to a freed block.
   */
  mends: number;
  front: FrontStats | null;
  classes: ClassStats[];
}

export function counted(blocks: number, blockBytes: number): Counted {
  return { blocks, bytes: blocks * blockBytes };
}

export function add(total: Counted, part: Counted): void {
  total.blocks += part.blocks;
  total.bytes += part.bytes;
}

/** Returns how many blocks a class has in its chain and on the SLL. */
export function cachedBlocks(meta: Int32Array, classIndex: ClassIndex): number {
  const classAt = classRecord.at(classIndex);
  const cap = meta[classAt + classRecord.CAP];
  const chains = meta[classAt + classRecord.SLL_CHAINS];
  return cap - meta[frontCache.ROOMS + classIndex] + chains * cap;
}

/**
 * Returns the bytes of the pages of metadata that were ever written to: those that are not all 0.
 */
function touchedMetadataBytes(meta: Int32Array): number {
  const pageInts = PAGE_BYTES / 4;
  let bytes = 0;
  for (let start = 0; start < meta.length; start += pageInts) {
    let index = start;
    const end = Math.min(start + pageInts, meta.length);
    while (index < end && meta[index] === 0) index++;
    if (index < end) bytes += PAGE_BYTES;
  }
  return bytes;
}

function readClass(
  workerViews: readonly HeapViews[],
  options: HeapOptions,
  classIndex: ClassIndex,
): ClassStats {
  const count = (counter: number): number =>
    sum(workerViews, ({ counters }) => counters[classCounters.at(classIndex) + counter]);
  const blockBytes = BLOCK_BYTES[classIndex];
  const cached = sum(workerViews, ({ meta }) => cachedBlocks(meta, classIndex));
  const misses = count(classCounters.FRONT_MISSES);
  const mallocs = count(classCounters.FRONT_MALLOCS);
  return {
    class: classIndex,
    tier: classTier(classIndex),
    blockBytes,
    slabs: 0,
    live: counted(0 - cached, blockBytes),
    cached: counted(cached, blockBytes),
    free: counted(0, blockBytes),
    uncarvedBytes: 0,
    refills: count(classCounters.REFILLS),
    drained: count(classCounters.DRAINED),
    front: options.frontStats ? { hits: Math.max(0, mallocs - misses), misses } : null,
  };
}

function sum(workerViews: readonly HeapViews[], value: (views: HeapViews) => number): number {
  return workerViews.reduce((total, views) => total + value(views), 0);
}

/** Adds what the slabs say: live and free blocks by class, spans, and pages. */
function readRuns(views: HeapViews, stats: HeapStats): void {
  const { records } = views;
  let idlePages = 0;
  for (const { slab, slabs, kind } of views.slabSource.runs(views)) {
    const slabAt = slabRecord.at(slab);
    if (kind === IN_ARENA) {
      stats.slabs.pooled += slabs;
      idlePages += touchedPagesOf(records, slab, slabs);
      continue;
    }
    stats.slabs.inUse += slabs;
    if (kind === SPAN_CLASS) {
      add(stats.spans, { blocks: 1, bytes: records[slabAt + slabRecord.SPAN_BYTES] });
      continue;
    }
    const classStats = stats.classes[kind - 1];
    if (classStats === undefined) throw corrupted("tiling", slabToPtr(slab), kind, "a class");
    const carved = records[slabAt + slabRecord.CARVED];
    const free = records[slabAt + slabRecord.FREE_COUNT];
    classStats.slabs++;
    add(classStats.free, counted(free, classStats.blockBytes));
    add(classStats.live, counted(carved - free, classStats.blockBytes));
    classStats.uncarvedBytes += (blocksPerSlab(kind) - carved) * classStats.blockBytes;
  }
  stats.committedBytes = stats.peakCommittedBytes - idlePages * PAGE_BYTES;
}

/** Returns how many pages of a run of slabs were touched, with those of its header map. */
function touchedPagesOf(records: Int32Array, slab: SlabIndex, slabs: number): number {
  let pages = 0;
  for (let index = slab; index < slab + slabs; index++) {
    pages += touchedPages(records[slabRecord.at(index) + slabRecord.TOUCHED]);
  }
  return pages;
}

/**
 * Reads the statistics of a heap. Those of a shared heap are read with the views of all its
 * workers.
 */
export function readStats(
  views: HeapViews,
  options: HeapOptions,
  workerViews: readonly HeapViews[] = [views],
  metadata: Int32Array = views.meta,
): HeapStats {
  const { meta } = views;
  const unused = endSlab(views) - meta[superblock.WILDERNESS];
  const zero = (): Counted => ({ blocks: 0, bytes: 0 });
  const classes: ClassStats[] = [];
  for (let index = 1; index <= CLASS_COUNT; index++)
    classes.push(readClass(workerViews, options, index));
  const opened = sum(workerViews, ({ counters }) => counters[heapCounters.SLABS_OPENED]);
  const pages = sum(workerViews, (each) => each.meta[superblock.TOUCHED_PAGES]);
  const stats: HeapStats = {
    capacityBytes: options.capacity,
    metadataBytes: slabToPtr(firstSlab(views)),
    live: zero(),
    cached: zero(),
    free: zero(),
    uncarvedBytes: 0,
    pooledBytes: 0,
    slabs: { inUse: 0, pooled: 0, unused, opened },
    spans: zero(),
    committedBytes: 0,
    peakCommittedBytes: pages * PAGE_BYTES + touchedMetadataBytes(metadata),
    refills: 0,
    drains: sum(workerViews, ({ counters }) => counters[heapCounters.DRAINS]),
    mends: sum(workerViews, ({ counters }) => counters[heapCounters.MENDS]),
    front: options.frontStats ? { hits: 0, misses: 0 } : null,
    classes,
  };
  readRuns(views, stats);
  stats.pooledBytes = (stats.slabs.pooled + unused) * SLAB_BYTES;
  add(stats.live, stats.spans);
  for (const classStats of classes) {
    add(stats.live, classStats.live);
    add(stats.cached, classStats.cached);
    add(stats.free, classStats.free);
    stats.uncarvedBytes += classStats.uncarvedBytes;
    stats.refills += classStats.refills;
    if (stats.front !== null && classStats.front !== null) {
      stats.front.hits += classStats.front.hits;
      stats.front.misses += classStats.front.misses;
    }
  }
  return stats;
}
