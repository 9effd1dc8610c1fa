import { log2Floor, lowestBit } from "../base/bits.js";
import type { SlabIndex } from "../base/types.js";
import { GRANULE_SHIFT, NO_BLOCK } from "../layout/header.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { bytesToSlabs, slabToPtr } from "../layout/units.js";
import { firstSlab, type HeapViews, type Run, type SlabSource } from "../layout/views.js";
import { returnBlock, takeBlocks } from "./blocks.js";

/*
 * The arena: free runs of slabs, in bins by length (1 to 32 slabs exactly, then four bins for each
 * doubling), and above them the wilderness, whose pages were never touched. A free run has its
 * length at both ends, so that neighbours merge in constant time.
 */

const EXACT_BINS = 32;
/** How many runs of the right bin are tried before a larger bin is. */
const FIT_PROBES = 16;

/** Returns the bin for free runs of this many slabs. */
export function binOf(slabs: number): number {
  if (slabs <= EXACT_BINS) return slabs - 1;
  const exponent = log2Floor(slabs);
  const quarter = (slabs >>> (exponent - 2)) & 3;
  return Math.min(superblock.BINS_INTS - 1, EXACT_BINS + ((exponent - 5) << 2) + quarter);
}

function markBin(meta: Int32Array, bin: number): void {
  const word = superblock.BIN_MAP + (bin >> 5);
  meta[word] = meta[word] | (1 << (bin & 31));
}

function clearBin(meta: Int32Array, bin: number): void {
  const word = superblock.BIN_MAP + (bin >> 5);
  meta[word] = meta[word] & ~(1 << (bin & 31));
}

/** Returns the first bin at or above `bin` that holds a run, or BINS_INTS if there is none. */
function nextBin(meta: Int32Array, bin: number): number {
  if (bin < 32) {
    const low = meta[superblock.BIN_MAP] & (-1 << bin);
    if (low !== 0) return lowestBit(low);
    bin = 32;
  }
  const high = bin < superblock.BINS_INTS ? meta[superblock.BIN_MAP + 1] & (-1 << (bin & 31)) : 0;
  return high !== 0 ? 32 + lowestBit(high) : superblock.BINS_INTS;
}

function linkRun(meta: Int32Array, slab: SlabIndex, slabs: number): void {
  const bin = binOf(slabs);
  const head = meta[superblock.BINS + bin];
  const slabAt = slabRecord.at(slab);
  const lastAt = slabRecord.at(slab + slabs - 1);
  meta[lastAt + slabRecord.KIND] = IN_ARENA;
  meta[lastAt + slabRecord.RUN] = slabs;
  meta[slabAt + slabRecord.KIND] = IN_ARENA;
  meta[slabAt + slabRecord.RUN] = slabs;
  meta[slabAt + slabRecord.NEXT] = head;
  meta[slabAt + slabRecord.PREV] = 0;
  if (head !== 0) meta[slabRecord.at(head) + slabRecord.PREV] = slab;
  meta[superblock.BINS + bin] = slab;
  markBin(meta, bin);
}

function unlinkRun(meta: Int32Array, slab: SlabIndex): void {
  const slabAt = slabRecord.at(slab);
  const bin = binOf(meta[slabAt + slabRecord.RUN]);
  const next = meta[slabAt + slabRecord.NEXT];
  const prev = meta[slabAt + slabRecord.PREV];
  if (next !== 0) meta[slabRecord.at(next) + slabRecord.PREV] = prev;
  if (prev !== 0) meta[slabRecord.at(prev) + slabRecord.NEXT] = next;
  else {
    meta[superblock.BINS + bin] = next;
    if (next === 0) clearBin(meta, bin);
  }
}

/**
 * Returns a free run of at least `slabs` slabs, or 0: the first that is long enough of the first
 * `probes` in the right bin, else any of the next bin that has one.
 */
function findRun(meta: Int32Array, slabs: number, probes: number): SlabIndex {
  const bin = binOf(slabs);
  let candidate = meta[superblock.BINS + bin];
  for (let probe = 0; candidate !== 0 && probe < probes; probe++) {
    const slabAt = slabRecord.at(candidate);
    if (meta[slabAt + slabRecord.RUN] >= slabs) return candidate;
    candidate = meta[slabAt + slabRecord.NEXT];
  }
  const larger = nextBin(meta, bin + 1);
  return larger < superblock.BINS_INTS ? meta[superblock.BINS + larger] : 0;
}

/** Takes a run from the wilderness, together with the free run before it if there is one. */
function takeFromWilderness(meta: Int32Array, slabs: number): SlabIndex {
  const wilderness = meta[superblock.WILDERNESS];
  const belowAt = slabRecord.at(wilderness - 1);
  let slab = wilderness;
  if (wilderness > meta[superblock.FIRST_SLAB] && meta[belowAt + slabRecord.KIND] === IN_ARENA) {
    slab = wilderness - meta[belowAt + slabRecord.RUN];
  }
  if (slab + slabs > meta[superblock.END_SLAB]) return 0;
  if (slab !== wilderness) unlinkRun(meta, slab);
  const end = slab + slabs;
  if (end < wilderness) linkRun(meta, end, wilderness - end);
  else meta[superblock.WILDERNESS] = end;
  return slab;
}

/** Takes a run of slabs from the arena. Returns its first slab, or 0 if none is long enough. */
export function takeRun(meta: Int32Array, slabs: number): SlabIndex {
  let slab = findRun(meta, slabs, FIT_PROBES);
  if (slab === 0) {
    const fresh = takeFromWilderness(meta, slabs);
    if (fresh !== 0) return fresh;
    slab = findRun(meta, slabs, meta[superblock.END_SLAB]);
    if (slab === 0) return 0;
  }
  const foundSlabs = meta[slabRecord.at(slab) + slabRecord.RUN];
  unlinkRun(meta, slab);
  if (foundSlabs > slabs) linkRun(meta, slab + slabs, foundSlabs - slabs);
  return slab;
}

/** Takes the slabs that directly follow a run, if they are free. Returns whether it did. */
export function extendRun(meta: Int32Array, end: number, slabs: number): boolean {
  const wilderness = meta[superblock.WILDERNESS];
  let available = 0;
  if (end < wilderness) {
    if (meta[slabRecord.at(end) + slabRecord.KIND] !== IN_ARENA) return false;
    available = meta[slabRecord.at(end) + slabRecord.RUN];
  }
  const reachesWilderness = end + available === wilderness;
  if (available < slabs) {
    if (!reachesWilderness || end + slabs > meta[superblock.END_SLAB]) return false;
    if (available > 0) unlinkRun(meta, end);
    meta[superblock.WILDERNESS] = end + slabs;
    return true;
  }
  unlinkRun(meta, end);
  if (available > slabs) linkRun(meta, end + slabs, available - slabs);
  return true;
}

/** Gives a run back to the arena, and merges it with free neighbours. */
export function giveRun(meta: Int32Array, slab: SlabIndex, slabs: number): void {
  let start = slab;
  let end = slab + slabs;
  if (
    start > meta[superblock.FIRST_SLAB] &&
    meta[slabRecord.at(start - 1) + slabRecord.KIND] === IN_ARENA
  ) {
    start -= meta[slabRecord.at(start - 1) + slabRecord.RUN];
    unlinkRun(meta, start);
  }
  if (
    end < meta[superblock.WILDERNESS] &&
    meta[slabRecord.at(end) + slabRecord.KIND] === IN_ARENA
  ) {
    const next = end;
    end += meta[slabRecord.at(next) + slabRecord.RUN];
    unlinkRun(meta, next);
  }
  linkRun(meta, start, end - start);
}

/** Walks the runs that tile the slabs below the wilderness. Ends on any image. */
function* walkRuns(views: HeapViews): Generator<Run, void, undefined> {
  const { meta } = views;
  const end = Math.min(meta[superblock.WILDERNESS], bytesToSlabs(views.u8.length));
  for (let slab = Math.max(1, firstSlab(views)); slab < end; ) {
    const slabAt = slabRecord.at(slab);
    const slabs = Math.min(Math.max(1, meta[slabAt + slabRecord.RUN]), end - slab);
    yield { slab, slabs, kind: meta[slabAt + slabRecord.KIND] };
    slab += slabs;
  }
}

/** The slab source of a heap that no other worker uses. */
export const arena: SlabSource = {
  take: (views, slabs) => takeRun(views.meta, slabs),
  give(views, slab, slabs) {
    views.headers[slabToPtr(slab) >>> GRANULE_SHIFT] = NO_BLOCK;
    giveRun(views.meta, slab, slabs);
  },
  reserve() {},
  publish() {},
  extend: (views, slab, before, after) =>
    after === before || extendRun(views.meta, slab + before, after - before),
  takeBlocks,
  returnBlock,
  isOwn: () => true,
  reclaim: () => 0,
  settle() {},
  freeForeign: () => false,
  runs: walkRuns,
};
