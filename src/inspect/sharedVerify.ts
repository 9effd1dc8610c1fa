import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { SlabIndex, WorkerIndex } from "../base/types.js";
import { isLiveSpan, kindOf, loadState, ownerOf, walkStates } from "../central/states.js";
import type { HeapOptions } from "../config/options.js";
import {
  CACHED,
  FREE,
  GRANULE_BYTES,
  GRANULE_SHIFT,
  headerState,
  IN_TRANSIT,
  LIVE,
  NO_BLOCK,
  toHeader,
} from "../layout/header.js";
import { isMark, MARK_NOBODY, markAt, workerMark } from "../layout/mark.js";
import { metadataOffset } from "../layout/metadata.js";
import { FREE_WORDS_SHIFT, sharedLayout } from "../layout/sharedMetadata.js";
import * as sharedSuperblock from "../layout/sharedSuperblock.js";
import { type SharedViews, viewWorker } from "../layout/sharedViews.js";
import { BLOCK_BYTES, CLASS_COUNT, SPAN_CLASS } from "../layout/sizeClasses.js";
import { IN_ARENA, SPAN_TAIL } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import { ABANDONED, KIND_SHIFT, MARKED } from "../layout/slabState.js";
import {
  isWorkers,
  SLOT_ATTACHING,
  SLOT_FREE,
  SLOT_HELD,
  SLOT_RECOVERING,
} from "../layout/slotState.js";
import { blocksPerSlab, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import * as workerRegion from "../layout/workerRegion.js";
import * as workerSlot from "../layout/workerSlot.js";
import {
  broken,
  expect,
  expectRange,
  nothingWalked,
  verifyBareHeaders,
  verifyLists,
  verifyZeros,
  type Walked,
} from "./verify.js";

/*
 * The invariants of verify.ts, for each worker, and those that only a shared heap has:
 *
 *   owner       a slab's owner is an attached worker, unless the slab is abandoned; that of a span
 *               may have left
 *   transit     a block in transit is in one outbox or has its remote bit, and no other block is
 *   marks       markCounts(slab) = its blocks with a mark; a slab with marks is flagged
 *   freeBits    a block's free bit says whether its header is free
 */

interface Census {
  /** What the slabs of each worker say. */
  readonly walked: readonly Walked[];
  /** The blocks in outboxes that were not sent. */
  readonly outboxes: Set<number>;
  /** Owner and class of the empty slabs that are kept until the next drain: at most one of each. */
  readonly kept: Set<number>;
}

/** Returns the views of all slots. Those of free slots have empty lists. */
export function slotViews(views: SharedViews): SharedViews[] {
  return Array.from({ length: views.layout.workers }, (_, worker) => viewWorker(views, worker));
}

export function isAttached(views: SharedViews, worker: WorkerIndex): boolean {
  return isWorkers(sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE));
}

/** Reads and joins an image. Whatever fails meanwhile says that it is no heap image. */
export function asSharedImage<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    const details = error instanceof HeapError ? error.details : {};
    const { invariant, ...rest } = details;
    const field = invariant ?? details.field ?? "an index";
    const message = `not a heap image: ${(error as Error).message}`;
    throw new HeapError("ERR_BAD_HEAP_IMAGE", message, { ...rest, field });
  }
}

/** Checks the words of a heap that say where other words are, before a worker joins it. */
export function checkWords(buffer: ArrayBufferLike, options: HeapOptions, workers: number): void {
  const { capacity } = options;
  const layout = sharedLayout(capacity, workers);
  const words = new Int32Array(buffer, metadataOffset(capacity), layout.summaries);
  expectRange("hint", 0, words[sharedSuperblock.HINT], layout.firstSlab, layout.slabs);
  for (let worker = 0; worker < workers; worker++) {
    const state = words[workerSlot.at(worker) + workerSlot.STATE] & 0xff;
    if ((state & SLOT_RECOVERING) !== 0) expectRange("slot", worker, state & 0x7f, 0, workers - 1);
    else if ((state & SLOT_HELD) !== 0) expectRange("slot", worker, state & 0x3f, 0, workers - 1);
    else expectRange("slot", worker, state, SLOT_FREE, SLOT_ATTACHING);
  }
  for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
    const state = words[layout.states + slab];
    const owner = ownerOf(state);
    const kind = kindOf(state);
    const isTail = kind === SPAN_TAIL && owner === 0;
    if (state === 0 || isTail) continue;
    if (owner !== ABANDONED) expectRange("owner", slabToPtr(slab), owner, 1, workers);
    expectRange("tiling", slabToPtr(slab), kind, 2, SPAN_CLASS);
  }
}

/** Checks every invariant of a shared heap whose workers are quiet. Ends on any image. */
export function verifyShared(views: SharedViews): void {
  const slots = slotViews(views);
  const census: Census = {
    walked: slots.map(nothingWalked),
    outboxes: new Set(),
    kept: new Set(),
  };
  for (const workerViews of slots) {
    if (isAttached(views, workerViews.worker)) readOutbox(workerViews, census);
  }
  verifyBareHeaders(views, 0, views.layout.firstSlab);
  for (const { slab, slabs, kind } of walkStates(views)) {
    if (kind === IN_ARENA) verifyInArena(views, slab, slab + slabs);
    else if (kind === SPAN_CLASS) verifySharedSpan(views, slab, slabs);
    else if (kind === SPAN_TAIL) broken("tiling", slabToPtr(slab), "a span's tail", "its head");
    else verifySharedSlab(views, slab, kind, census);
  }
  for (const ptr of census.outboxes) broken("transit", ptr, "in an outbox", "in transit");
  for (const workerViews of slots) {
    const walked = census.walked[workerViews.worker];
    if (walked !== undefined && isAttached(views, workerViews.worker)) {
      verifyLists(workerViews, walked);
    }
  }
}

function readOutbox(workerViews: SharedViews, { outboxes }: Census): void {
  const { meta } = workerViews;
  const count = meta[workerRegion.OUTBOX_COUNT];
  for (let index = meta[workerRegion.OUTBOX_SENT]; index < count; index++) {
    const ptr = meta[workerRegion.OUTBOX + index];
    if (outboxes.has(ptr)) broken("transit", ptr, "in two outboxes", "in one");
    outboxes.add(ptr);
  }
}

function verifyInArena(views: SharedViews, slab: SlabIndex, end: number): void {
  const { layout } = views;
  verifyBareHeaders(views, slab, end);
  for (let index = slab; index < end; index++) {
    expect("marks", slabToPtr(index), views.markCounts[index], 0);
    const first = index << FREE_WORDS_SHIFT;
    for (let word = first; word < first + (1 << FREE_WORDS_SHIFT); word++) {
      expect("freeBits", slabToPtr(index), views.freeBits[word], 0);
      expect("transit", slabToPtr(index), views.words[layout.remoteBits + word], 0);
    }
  }
}

function verifyOwner(views: SharedViews, slab: SlabIndex): number {
  const owner = ownerOf(loadState(views, slab));
  if (owner === ABANDONED) return owner;
  expectRange("owner", slabToPtr(slab), owner, 1, views.layout.workers);
  if (!isAttached(views, owner - 1)) broken("owner", slabToPtr(slab), owner - 1, "attached");
  return owner;
}

function verifyMark(views: SharedViews, ptr: number): void {
  const at = markAt(ptr);
  const mark = views.headers[at];
  if (mark === MARK_NOBODY) return;
  if (!isMark(at, mark)) broken("marks", ptr, mark, "an even number");
  expectRange("marks", ptr, mark, workerMark(0), workerMark(views.layout.workers - 1));
}

function verifySharedSpan(views: SharedViews, slab: SlabIndex, slabs: number): void {
  const { headers, records } = views;
  const ptr = slabToPtr(slab);
  const granule = ptr >>> GRANULE_SHIFT;
  const bytes = records[slabRecord.at(slab) + slabRecord.SPAN_BYTES];
  const owner = ownerOf(loadState(views, slab));
  if (owner !== ABANDONED) expectRange("owner", ptr, owner, 1, views.layout.workers);
  expect("span", ptr, records[slabRecord.at(slab) + slabRecord.RUN], slabs);
  expectRange("span", ptr, bytes, (slabs - 1) * SLAB_BYTES + 1, slabs * SLAB_BYTES);
  expect("span", ptr, bytes % GRANULE_BYTES, 0);
  expect("headers", ptr, headers[granule], toHeader(LIVE, SPAN_CLASS));
  if (!isLiveSpan(loadState(views, slab))) broken("span", ptr, "being made or freed", "live");
  const isMarked = (loadState(views, slab) & MARKED) !== 0;
  if (isMarked && headers[granule + 1] !== NO_BLOCK) verifyMark(views, ptr);
  verifyZeros(views, granule + (isMarked ? 2 : 1), slabToPtr(slab + slabs) >>> GRANULE_SHIFT);
}

function verifySharedSlab(views: SharedViews, slab: SlabIndex, kind: number, census: Census): void {
  const { freeBits, headers, layout, markCounts, records, words } = views;
  const ptr = slabToPtr(slab);
  const slabAt = slabRecord.at(slab);
  expectRange("tiling", ptr, kind, 2, CLASS_COUNT);
  expect("tiling", ptr, records[slabAt + slabRecord.KIND], kind);
  const owner = verifyOwner(views, slab);
  const walked = owner === ABANDONED ? undefined : census.walked[owner - 1];
  const granules = BLOCK_BYTES[kind] >>> GRANULE_SHIFT;
  const carved = records[slabAt + slabRecord.CARVED];
  expectRange("carved", ptr, carved, 1, blocksPerSlab(kind));
  let free = 0;
  let marked = 0;
  for (let block = 0; block < blocksPerSlab(kind); block++) {
    const granule = (ptr >>> GRANULE_SHIFT) + block * granules;
    const at = granule << GRANULE_SHIFT;
    const header = headers[granule];
    const state = headerState(header);
    const word = (slab << FREE_WORDS_SHIFT) + (block >>> 5);
    const isFree = (freeBits[word] >>> (block & 31)) & 1;
    const isRemote = ((words[layout.remoteBits + word] >>> (block & 31)) & 1) === 1;
    expect("headers", at, header, block < carved ? toHeader(state, kind) : NO_BLOCK);
    expect("freeBits", at, isFree, state === FREE ? 1 : 0);
    const isTransit = header === toHeader(IN_TRANSIT, kind);
    if (isTransit && isRemote === census.outboxes.delete(at)) {
      broken("transit", at, isRemote ? "sent and in an outbox" : "lost", "in one place");
    }
    if (isRemote && !isTransit) broken("transit", at, "a remote bit", "a block in transit");
    if (state === FREE) free++;
    const mark = markAt(at);
    if (headers[mark] !== NO_BLOCK) {
      if (state !== LIVE && !isTransit) broken("marks", at, "a mark", "a live block");
      verifyMark(views, at);
      marked++;
    }
    verifyZeros(views, granule + 1, mark);
    verifyZeros(views, mark + 1, granule + granules);
    if (state !== CACHED) continue;
    if (walked === undefined) broken("owner", at, "cached", "nothing cached in an abandoned slab");
    walked.cachedHeaders[kind] = walked.cachedHeaders[kind] + 1;
  }
  const used = blocksPerSlab(kind) * granules;
  verifyZeros(views, (ptr >>> GRANULE_SHIFT) + used, (ptr + SLAB_BYTES) >>> GRANULE_SHIFT);
  expect("freeCount", ptr, records[slabAt + slabRecord.FREE_COUNT], free);
  const keeper = (owner << KIND_SHIFT) | kind;
  const mayBeEmpty = owner !== ABANDONED && !census.kept.has(keeper);
  expectRange("carved", ptr, free, 0, mayBeEmpty ? carved : carved - 1);
  if (free === carved) census.kept.add(keeper);
  expect("marks", ptr, markCounts[slab], marked);
  if (marked > 0) expect("marks", ptr, loadState(views, slab) & MARKED, MARKED);
  if (walked === undefined) return;
  walked.classSlabs[kind] = walked.classSlabs[kind] + 1;
  if (free > 0 || carved < blocksPerSlab(kind)) walked.partial.add(slab);
}
