import { staticAssert } from "../base/assert.js";
import { roundUp } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { metadataOffset } from "./metadata.js";
import * as slabRecord from "./slabRecord.js";
import { blocksPerSlab, PAGE_BYTES, SLAB_BYTES, SLAB_SHIFT } from "./units.js";
import * as workerRegion from "./workerRegion.js";
import * as workerSlot from "./workerSlot.js";

/*
 * Where every byte of a shared heap's metadata is. One Int32Array, `words`, views all of it.
 *
 *   words  0            128                 192
 *          | superblock | shared superblock | slots | slab states | summaries | mark counts
 *          | slab records | free bits | remote bits | worker 0 | worker 1 | ...
 *
 * Access:
 *
 *   header byte      the holder of the block; while it is free or cached, the slab's owner
 *   slab record      the slab's owner; of a span, its holder
 *   free bits, mark counts           the slab's owner
 *   worker's region  the worker; dirty words are for all, through Atomics
 *   slots, states, summaries, remote bits, marks     all, through Atomics
 */

/** A slab's free bits and its remote bits have 1 << FREE_WORDS_SHIFT words each. */
export const FREE_WORDS_SHIFT = 7;
/**
 * A bit of a slab's summary stands for one remote word; in a slab of more than
 * FINE_SUMMARY_MAX_BLOCKS blocks, for 1 << COARSE_SUMMARY_SHIFT of them.
 */
export const FINE_SUMMARY_MAX_BLOCKS = 1024;
export const COARSE_SUMMARY_SHIFT = 2;

/** Indices into `words`, for a heap of one capacity and one number of workers. */
export interface SharedLayout {
  readonly workers: number;
  readonly slabs: number;
  /** The state of each slab: see slabState.ts. */
  readonly states: number;
  /** Which of a slab's remote words have a bit, in one word for each slab. */
  readonly summaries: number;
  /** How many blocks of each slab have a mark: see mark.ts. */
  readonly markCounts: number;
  readonly records: number;
  readonly freeBits: number;
  readonly remoteBits: number;
  /** The regions of the workers: see workerRegion.ts. */
  readonly regions: number;
  readonly regionInts: number;
  readonly dirtyWords: number;
  /** Dirty words that one bit of a worker's mail stands for. */
  readonly mailGroup: number;
  readonly firstSlab: SlabIndex;
}

export function sharedLayout(capacityBytes: number, workers: number): SharedLayout {
  const slabs = capacityBytes >>> SLAB_SHIFT;
  const states = workerSlot.at(workers);
  const summaries = states + slabs;
  const markCounts = summaries + slabs;
  const records = roundUp(markCounts + slabs, 16);
  const freeBits = records + (slabs << slabRecord.SHIFT);
  const remoteBits = freeBits + (slabs << FREE_WORDS_SHIFT);
  const pageInts = PAGE_BYTES / 4;
  const regions = roundUp(remoteBits + (slabs << FREE_WORDS_SHIFT), pageInts);
  const dirtyWords = (slabs + 31) >>> 5;
  const regionInts = roundUp(workerRegion.DIRTY_WORDS + dirtyWords, pageInts);
  const end = metadataOffset(capacityBytes) + 4 * (regions + workers * regionInts);
  return {
    workers,
    slabs,
    states,
    summaries,
    markCounts,
    records,
    freeBits,
    remoteBits,
    regions,
    regionInts,
    dirtyWords,
    mailGroup: (dirtyWords + 31) >>> 5,
    firstSlab: roundUp(end, SLAB_BYTES) >>> SLAB_SHIFT,
  };
}

staticAssert(blocksPerSlab(2) <= 32 << FREE_WORDS_SHIFT, "a bit for each block");
