import { corrupted } from "../base/errors.js";
import type { ClassIndex, Granule, SlabIndex } from "../base/types.js";
import { binOf } from "../central/arena.js";
import { MAP_PAGE, touchedPages } from "../central/touch.js";
import * as cachedBlock from "../layout/cachedBlock.js";
import * as classRecord from "../layout/classRecord.js";
import * as frontCache from "../layout/frontCache.js";
import {
  CACHED,
  FREE,
  GRANULE_BYTES,
  GRANULE_SHIFT,
  headerState,
  LIVE,
  toHeader,
} from "../layout/header.js";
import { BLOCK_BYTES, CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import { IN_ARENA, SPAN_TAIL } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import {
  blocksPerSlab,
  bytesToSlabs,
  SLAB_BYTES,
  SLAB_GRANULES,
  slabToPtr,
} from "../layout/units.js";
import { endSlab, firstSlab, type HeapViews } from "../layout/views.js";

/*
 * The invariants, by name:
 *
 *   tiling      runs tile the slabs from the first to the wilderness; no two free runs touch
 *   headers     a header stands where a block starts, with its slab's class, and nowhere else
 *   freeCount   free(slab) = headers of the slab in state free
 *   carved      0 <= carved(slab) <= blocks per slab; a slab in use has a block that is not free
 *   span        a span has just as many slabs as its bytes need
 *   cached      each cached block stands once in its class's chain or in one on the SLL
 *   chains      a chain has as many blocks as are counted, and chains on the SLL are full
 *   partial     a class's list holds its slabs with free or uncarved blocks, each once
 *   bins        each free run is in the bin of its length, and the bin map says so
 *   touched     what a slab uses is counted as touched, and the sum is right
 */

/** What the slabs say, to compare the lists with. */
export type Walked = {
  cachedHeaders: Int32Array;
  classSlabs: Int32Array;
  partial: Set<number>;
  freeRuns: Set<number>;
};

export function nothingWalked(): Walked {
  return {
    cachedHeaders: new Int32Array(classRecord.COUNT),
    classSlabs: new Int32Array(classRecord.COUNT),
    partial: new Set(),
    freeRuns: new Set(),
  };
}

export function broken(
  invariant: string,
  address: number,
  found: unknown,
  expected: unknown,
): never {
  throw corrupted(invariant, address, found, expected);
}

export function expect(
  invariant: string,
  address: number,
  found: unknown,
  expected: unknown,
): void {
  if (found !== expected) broken(invariant, address, found, expected);
}

export function expectRange(
  invariant: string,
  address: number,
  found: number,
  min: number,
  max: number,
): void {
  if (!(found >= min && found <= max)) broken(invariant, address, found, `${min} to ${max}`);
}

/** Checks every invariant by reading the whole image. Ends on any image. */
export function verifyImage(views: HeapViews): void {
  const walked = nothingWalked();
  verifyRuns(views, walked);
  verifyBareHeaders(views, 0, firstSlab(views));
  verifyWilderness(views);
  verifyLists(views, walked);
  verifyBins(views, walked);
}

/** Checks that no slab of the wilderness has a header, or is counted as touched. */
function verifyWilderness(views: HeapViews): void {
  const { meta } = views;
  const wilderness = meta[superblock.WILDERNESS];
  verifyBareHeaders(views, wilderness, endSlab(views));
  for (let slab = wilderness; slab < endSlab(views); slab++) {
    expect("touched", slabToPtr(slab), meta[slabRecord.at(slab) + slabRecord.TOUCHED], 0);
  }
}

/** Compares the lists of a heap, or of a worker, with what the slabs say. */
export function verifyLists(views: HeapViews, walked: Walked): void {
  verifyChains(views, walked);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    verifyPartial(views, classIndex, walked);
    const address = slabToPtr(firstSlab(views));
    const slabs = views.meta[classRecord.at(classIndex) + classRecord.SLABS];
    expect("tiling", address, slabs, walked.classSlabs[classIndex]);
  }
  expect("partial", 0, walked.partial.size, 0);
}

function verifyRuns(views: HeapViews, walked: Walked): void {
  const { meta } = views;
  const wilderness = meta[superblock.WILDERNESS];
  expectRange("tiling", 0, wilderness, firstSlab(views), endSlab(views));
  let touched = 0;
  let wasFree = false;
  for (let slab = firstSlab(views); slab < wilderness; ) {
    const address = slabToPtr(slab);
    const slabAt = slabRecord.at(slab);
    const kind = meta[slabAt + slabRecord.KIND];
    const slabs = meta[slabAt + slabRecord.RUN];
    expectRange("tiling", address, slabs, 1, wilderness - slab);
    if (kind === IN_ARENA) {
      if (wasFree) broken("tiling", address, "two free runs side by side", "one");
      const lastAt = slabRecord.at(slab + slabs - 1);
      expect("tiling", address, meta[lastAt + slabRecord.RUN], slabs);
      expect("tiling", address, meta[lastAt + slabRecord.KIND], IN_ARENA);
      walked.freeRuns.add(slab);
      verifyBareHeaders(views, slab, slab + slabs);
    } else if (kind === SPAN_CLASS) verifySpan(views, slab, slabs);
    else verifySlab(views, slab, kind, slabs, walked);
    wasFree = kind === IN_ARENA;
    for (let index = slab; index < slab + slabs; index++) {
      const bytes = meta[slabRecord.at(index) + slabRecord.TOUCHED];
      expectRange("touched", slabToPtr(index), bytes & ~MAP_PAGE, 0, SLAB_BYTES);
      touched += touchedPages(bytes);
    }
    slab += slabs;
  }
  expect("touched", 0, meta[superblock.TOUCHED_PAGES], touched);
}

function verifySpan(views: HeapViews, slab: SlabIndex, slabs: number): void {
  const { headers, records } = views;
  const ptr = slabToPtr(slab);
  const slabAt = slabRecord.at(slab);
  const bytes = records[slabAt + slabRecord.SPAN_BYTES];
  expectRange("span", ptr, slabs, 2, slabs);
  expect("span", ptr, bytesToSlabs(bytes), slabs);
  expect("span", ptr, bytes % GRANULE_BYTES, 0);
  expect("span", ptr, records[slabRecord.at(slab + slabs - 1) + slabRecord.KIND], SPAN_TAIL);
  expect("headers", ptr, headers[ptr >>> GRANULE_SHIFT], toHeader(LIVE, SPAN_CLASS));
  verifyZeros(views, (ptr >>> GRANULE_SHIFT) + 1, slabToPtr(slab + slabs) >>> GRANULE_SHIFT);
  for (let index = 0; index < slabs; index++) {
    const needed = Math.min(SLAB_BYTES, bytes - index * SLAB_BYTES);
    expectRange(
      "touched",
      ptr,
      records[slabRecord.at(slab + index) + slabRecord.TOUCHED],
      needed,
      SLAB_BYTES + 1,
    );
  }
}

function verifySlab(
  views: HeapViews,
  slab: SlabIndex,
  kind: number,
  slabs: number,
  walked: Walked,
): void {
  const { headers, records } = views;
  const ptr = slabToPtr(slab);
  expectRange("tiling", ptr, kind, 1, CLASS_COUNT);
  expect("tiling", ptr, slabs, 1);
  const slabAt = slabRecord.at(slab);
  const blockBytes = BLOCK_BYTES[kind];
  const carved = records[slabAt + slabRecord.CARVED];
  expectRange("carved", ptr, carved, 1, blocksPerSlab(kind));
  expectRange(
    "touched",
    ptr,
    records[slabAt + slabRecord.TOUCHED],
    carved * blockBytes,
    SLAB_BYTES + 1,
  );
  expectRange("freeCount", ptr, records[slabAt + slabRecord.CURSOR], 0, SLAB_BYTES);
  expect("freeCount", ptr, records[slabAt + slabRecord.CURSOR] % blockBytes, 0);
  let free = 0;
  for (let block = 0; block < carved; block++) {
    const at = ptr + block * blockBytes;
    const granule = at >>> GRANULE_SHIFT;
    const header = headers[granule];
    const state = headerState(header);
    if (header !== toHeader(state, kind) || state < FREE)
      broken("headers", at, header, `class ${kind}`);
    if (state === FREE) free++;
    if (state === CACHED) walked.cachedHeaders[kind] = walked.cachedHeaders[kind] + 1;
    verifyZeros(views, granule + 1, granule + (blockBytes >>> GRANULE_SHIFT));
  }
  verifyZeros(
    views,
    (ptr + carved * blockBytes) >>> GRANULE_SHIFT,
    (ptr + SLAB_BYTES) >>> GRANULE_SHIFT,
  );
  expect("freeCount", ptr, records[slabAt + slabRecord.FREE_COUNT], free);
  expectRange("carved", ptr, free, 0, carved - 1);
  walked.classSlabs[kind] = walked.classSlabs[kind] + 1;
  if (free > 0 || carved < blocksPerSlab(kind)) walked.partial.add(slab);
}

/** Checks that no header stands in the granules of these slabs. */
export function verifyBareHeaders(views: HeapViews, slab: SlabIndex, end: number): void {
  verifyZeros(views, slab * SLAB_GRANULES, end * SLAB_GRANULES);
}

export function verifyZeros(views: HeapViews, granule: Granule, end: number): void {
  const { headers } = views;
  for (let index = granule; index < end; index++) {
    if (headers[index] !== 0)
      broken("headers", index << GRANULE_SHIFT, headers[index], "no header");
  }
}

/**
 * Walks the chains of every class, those on the SLL too, and checks that each block is seen once.
 */
function verifyChains(views: HeapViews, walked: Walked): void {
  const { i32, meta } = views;
  const seen = new Set<number>();
  let sllBlocks = 0;
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const classAt = classRecord.at(classIndex);
    const cap = meta[classAt + classRecord.CAP];
    const room = meta[frontCache.ROOMS + classIndex];
    const isClosed = meta[superblock.CLOSED] !== 0;
    expectRange("chains", 0, room, 0, isClosed ? 0 : cap);
    const head = meta[frontCache.HEADS + classIndex];
    let count = isClosed ? 0 : cap - room;
    verifyChain(views, classIndex, head, count, seen);
    let chain = meta[classAt + classRecord.SLL_HEAD];
    const chains = meta[classAt + classRecord.SLL_CHAINS];
    expectRange("chains", 0, chains, 0, views.headers.length);
    for (let index = 0; index < chains; index++) {
      verifyChain(views, classIndex, chain, cap, seen);
      chain = i32[(chain >> 2) + cachedBlock.CHAIN_LINK];
      count += cap;
      sllBlocks += cap;
    }
    if (chains === 0) expect("chains", 0, chain, 0);
    expect("cached", 0, count, walked.cachedHeaders[classIndex]);
  }
  expect("cached", 0, meta[superblock.SLL_BLOCKS], sllBlocks);
  verifyCodes(meta);
}

/**
 * Checks that codes which are no class have no chain, so that the hot paths go to the slow ones.
 */
function verifyCodes(meta: Int32Array): void {
  for (let code = 0; code < classRecord.COUNT; code++) {
    if (code >= 1 && code <= CLASS_COUNT) continue;
    expect("chains", 0, meta[frontCache.HEADS + code], 0);
    expect("chains", 0, meta[frontCache.ROOMS + code], 0);
  }
}

function verifyChain(
  views: HeapViews,
  classIndex: ClassIndex,
  head: number,
  count: number,
  seen: Set<number>,
): void {
  const { headers, i32 } = views;
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = head;
  for (let block = 0; block < count; block++) {
    if (ptr === 0) broken("chains", 0, `${block} blocks`, count);
    const isAligned = (ptr & (GRANULE_BYTES - 1)) === 0;
    expect("cached", ptr, isAligned ? headers[ptr >>> GRANULE_SHIFT] : undefined, cachedHeader);
    if (seen.has(ptr)) broken("cached", ptr, "the block twice", "once");
    seen.add(ptr);
    ptr = i32[(ptr >> 2) + cachedBlock.LINK];
  }
  if (ptr !== 0) broken("chains", ptr, "a longer chain", count);
}

function verifyPartial(views: HeapViews, classIndex: ClassIndex, walked: Walked): void {
  const { meta, records } = views;
  const classAt = classRecord.at(classIndex);
  let prev = 0;
  for (let slab = meta[classAt + classRecord.PARTIAL_HEAD]; slab !== 0; ) {
    const slabAt = slabRecord.at(slab);
    if (!walked.partial.delete(slab))
      broken("partial", slabToPtr(slab), `slab ${slab}`, "a partial slab, once");
    expect("partial", slabToPtr(slab), records[slabAt + slabRecord.KIND], classIndex);
    expect("partial", slabToPtr(slab), records[slabAt + slabRecord.PREV], prev);
    prev = slab;
    slab = records[slabAt + slabRecord.NEXT];
  }
}

function verifyBins(views: HeapViews, walked: Walked): void {
  const { meta } = views;
  for (let bin = 0; bin < superblock.BINS_INTS; bin++) {
    const head = meta[superblock.BINS + bin];
    const marked = (meta[superblock.BIN_MAP + (bin >> 5)] >>> (bin & 31)) & 1;
    expect("bins", 0, marked, head === 0 ? 0 : 1);
    let prev = 0;
    for (let slab = head; slab !== 0; ) {
      const slabAt = slabRecord.at(slab);
      if (!walked.freeRuns.delete(slab))
        broken("bins", slabToPtr(slab), `slab ${slab}`, "a free run, once");
      expect("bins", slabToPtr(slab), binOf(meta[slabAt + slabRecord.RUN]), bin);
      expect("bins", slabToPtr(slab), meta[slabAt + slabRecord.PREV], prev);
      prev = slab;
      slab = meta[slabAt + slabRecord.NEXT];
    }
  }
  expect("bins", 0, walked.freeRuns.size, 0);
}
