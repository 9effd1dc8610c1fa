import { staticAssert } from "../base/assert.js";
import { roundUp } from "../base/bits.js";
import { sync } from "../base/sync.js";
import type { HeapOptions } from "../config/options.js";
import { FREE, LIVE } from "./header.js";
import {
  blocksPerSlab,
  COUNTER_COUNT,
  COUNTERS,
  DRAIN_INTERVAL,
  metadataOffset,
  OPTIONS,
  PAGE_BYTES,
  SLAB_BYTES,
  SLAB_RECORD_SHIFT,
  SLAB_RECORDS,
  SLAB_SHIFT,
  SPAN_TAIL,
  slabRecord,
} from "./metadata.js";
import { LIVE_HEADER_OF_GRANULES } from "./sizeClasses.js";
import type { HeapViews, SlabSource } from "./views.js";

/*
 * Where every byte of a shared heap's metadata is. One Int32Array, `words`, views all of it.
 *
 *   superblock | slots | slab states | summaries | marks | slab records | free bits | remote bits
 *   | worker 0 | worker 1 | ...
 *
 * The superblock has the words of metadata.ts, and those below. A worker's region begins with
 * words 0 to SLAB_RECORDS of metadata.ts, for the cold paths of front/ work on it as on a heap of
 * one worker. Who may touch what:
 *
 *   header byte      the holder of the block; while it is free or cached, the slab's owner
 *   slab record      the slab's owner; of a span, its holder
 *   free bits, marks count           the slab's owner
 *   worker's region  the worker; dirty words are for all, through Atomics
 *   slots, states, summaries, remote bits, marks     all, through Atomics
 */

/** Stands in place of the magic while a buffer is being formatted. */
export const FORMATTING = 0x746d7266; // "frmt"

/** Slots for workers; 0 in a heap of one worker. */
export const WORKERS = 24;
/** No free slab is below this one, or it will be found later: where a search starts. */
export const HINT = 64;
/** Two words, a bit for each worker that waits for memory. */
export const WAITING = 80;
/** Counts what may have made memory free, for those who wait. */
export const EVENTS = 82;
/** The ticket that was given out last. */
export const TICKETS = 83;
/** Counts claims of several slabs that failed halfway: who met them may search again. */
export const RETRACTIONS = 112;
/** Two words, a bit for each class of which a slab may be abandoned. */
export const ABANDONED_CLASSES = 96;

/** One cache line for each worker. */
export const SLOTS = 128;
export const SLOT_SHIFT = 4;
/** Generation << 8 and a status. A generation is one attachment of a worker. */
export const SLOT_STATE = 0;
/** Which groups of the worker's dirty words have a bit: 1 << group. */
export const SLOT_MAIL = 1;
/** Generation << 8 and how often its agent waits on its life word, as far as nobody has asked. */
export const SLOT_ARMED = 3;
/** Its place among those who wait for memory; 0 is none. */
export const SLOT_TICKET = 4;
/** What the worker's agent waits on for as long as it lives: of so many words, by generation. */
const SLOT_LIVES = 8;
const LIFE_WORDS = 8;

/*
 * A slot's status. Only what is attached owns anything; each change is one compare-exchange.
 *
 *   free -> attaching -> active -> free
 *                        active -> recovering -> free
 *   free -> held -> free
 */
export const SLOT_FREE = 0;
export const SLOT_ACTIVE = 1;
/** Taken by who attaches, and whoever finds no free slot may take it from that one. */
export const SLOT_ATTACHING = 2;
/** And the number of the worker that keeps others from attaching. */
export const SLOT_HELD = 0x40;
/** And the recovering worker's number. */
export const SLOT_RECOVERING = 0x80;
export const MAX_WORKERS = 64;

/** Whether a slot with this state is a worker's, be it alive, dead or about to be recovered. */
export function isWorkers(state: number): boolean {
  return (state & 0xff) === SLOT_ACTIVE || (state & SLOT_RECOVERING) !== 0;
}

/** The generation of a slot's state, in its place. */
export function generationOf(state: number): number {
  return state & ~0xff;
}

/*
 * A slab's state, one word: its owner and its kind. 0 is in the arena. A claim is one
 * compare-exchange, so that whom it belongs to is never in doubt.
 */
export const OWNER_MASK = 0xff;
export const ABANDONED = 0xff;
export const KIND_SHIFT = 8;
/** Set while a block of the slab is, or was, handed over. */
export const MARKED = 0x10000;
/** Set while the owner of a span makes it, frees it or resizes it: without it the span is live. */
export const BUSY = 0x20000;

/*
 * A mark says who holds a live block that was handed over. It stands in the header map where the
 * block's second granule is, so a shared heap has no blocks of one granule.
 */
export const MARK_NOBODY = 0x80;

/** The mark of a worker: 1 to 0x40, which no header in the place of a mark could be. */
export function workerMark(worker: number): number {
  return worker + 1;
}

/** What a worker's own table says of a slab that is not its; of one that has marks, or that no hot
 * path may touch. */
export const NOT_MINE = 0xc0;
export const MINE_MARKED = 0xfe;

export const FREE_WORDS_SHIFT = 7;

// In a worker's region, after the words of metadata.ts.
/** Blocks of others that the worker freed: how many there are, how many have been sent. */
export const OUTBOX_COUNT: number = SLAB_RECORDS;
export const OUTBOX_SENT: number = OUTBOX_COUNT + 1;
/** Bytes of those that the hot path did not take, for they are of more than TINY_MAX_BYTES. */
export const OUTBOX_BYTES: number = OUTBOX_COUNT + 2;
export const OUTBOX: number = OUTBOX_COUNT + 16;
export const OUTBOX_BLOCKS = 1024;
export const OUTBOX_MAX_BYTES = 262144;
export const DIRTY_WORDS: number = OUTBOX + OUTBOX_BLOCKS;

/** Blocks that a worker's outbox holds when it is sent. */
export function outboxLimit(views: HeapViews): number {
  const interval = views.meta[DRAIN_INTERVAL];
  return interval === 0 ? OUTBOX_BLOCKS : Math.min(interval, OUTBOX_BLOCKS);
}

/** Indices into `words`, for a heap of this capacity and these options. */
export interface SharedLayout {
  readonly workers: number;
  readonly slabs: number;
  readonly states: number;
  readonly summaries: number;
  readonly marks: number;
  readonly records: number;
  readonly freeBits: number;
  readonly remoteBits: number;
  readonly regions: number;
  readonly regionInts: number;
  readonly dirtyWords: number;
  /** Dirty words that one bit of a worker's mail stands for. */
  readonly mailGroup: number;
  readonly firstSlab: number;
}

export function sharedLayout(capacityBytes: number, workers: number): SharedLayout {
  const slabs = capacityBytes >>> SLAB_SHIFT;
  const states = SLOTS + (workers << SLOT_SHIFT);
  const summaries = states + slabs;
  const marks = summaries + slabs;
  const records = roundUp(marks + slabs, 16);
  const freeBits = records + (slabs << SLAB_RECORD_SHIFT);
  const remoteBits = freeBits + (slabs << FREE_WORDS_SHIFT);
  const pageInts = PAGE_BYTES / 4;
  const regions = roundUp(remoteBits + (slabs << FREE_WORDS_SHIFT), pageInts);
  const dirtyWords = (slabs + 31) >>> 5;
  const regionInts = roundUp(DIRTY_WORDS + dirtyWords, pageInts);
  const end = metadataOffset(capacityBytes) + 4 * (regions + workers * regionInts);
  return {
    workers,
    slabs,
    states,
    summaries,
    marks,
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

/** What one worker sees of a shared heap, and what it keeps for itself. */
export interface SharedViews extends HeapViews {
  readonly words: Int32Array;
  readonly layout: SharedLayout;
  readonly worker: number;
  /** Free bits, at `slab << FREE_WORDS_SHIFT`. */
  readonly freeBits: Int32Array;
  /** Blocks marked in a slab, for its owner. */
  readonly marks: Int32Array;
  /** By slab, 65536 of them: the live header of its class if this worker owns it, else NOT_MINE. */
  readonly mine: Uint8Array;
  /** By slab, while an outbox is sent: which remote words were written to. */
  readonly sending: Int32Array;
  /** Slabs of those, in order. */
  readonly sent: Int32Array;
  /** Where the search for a span starts; and 1 if the last search found nothing. */
  readonly cursor: Int32Array;
}

/** Views a buffer as worker `worker` of a shared heap. */
export function viewShared(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
  worker: number,
  slabSource: SlabSource,
  gate: Int32Array = new Int32Array(OPTIONS),
): SharedViews {
  const { capacity } = options;
  const layout = sharedLayout(capacity, workers);
  const start = metadataOffset(capacity);
  const ints = (from: number, length: number): Int32Array =>
    new Int32Array(buffer, start + 4 * from, length);
  const records = layout.records - SLAB_RECORDS;
  const liveHeaders = LIVE_HEADER_OF_GRANULES.slice();
  liveHeaders.fill(LIVE_HEADER_OF_GRANULES[2], 0, 2);
  return {
    headers: sync.track("headers", new Uint8Array(buffer, 0, start)),
    ...viewRegion(buffer, layout, start, worker),
    records: sync.track("records", ints(records, slabRecord(layout.slabs))),
    u8: new Uint8Array(buffer, 0, capacity),
    i32: sync.track("links", new Int32Array(buffer, 0, capacity >> 2)),
    gate,
    liveHeaders,
    slabSource,
    words: sync.track("words", ints(0, layout.regions + workers * layout.regionInts)),
    layout,
    worker,
    freeBits: sync.track("freeBits", ints(layout.freeBits, layout.slabs << FREE_WORDS_SHIFT)),
    marks: sync.track("marks", ints(layout.marks, layout.slabs)),
    mine: new Uint8Array(65536).fill(NOT_MINE),
    sending: new Int32Array(layout.slabs),
    sent: new Int32Array(OUTBOX_BLOCKS),
    cursor: new Int32Array(2),
  };
}

function viewRegion(
  buffer: ArrayBufferLike,
  layout: SharedLayout,
  start: number,
  worker: number,
): Pick<SharedViews, "meta" | "counters"> {
  const region = start + 4 * (layout.regions + worker * layout.regionInts);
  return {
    meta: sync.track("worker", new Int32Array(buffer, region, layout.regionInts)),
    counters: new Float64Array(buffer, region + 4 * COUNTERS, COUNTER_COUNT),
  };
}

/** Another worker of the same heap, to be looked at: what an image keeps for itself is not its. */
export function viewWorker(views: SharedViews, worker: number): SharedViews {
  const start = views.headers.length;
  return { ...views, ...viewRegion(views.u8.buffer, views.layout, start, worker), worker };
}

/** The word of a worker's slot that has this name. */
export function slotWord(worker: number, name: number): number {
  return SLOTS + (worker << SLOT_SHIFT) + name;
}

/** The life word of the attachment that a slot's state is of. The next ones have others. */
export function lifeWord(worker: number, state: number): number {
  return slotWord(worker, SLOT_LIVES + ((state >>> 8) & (LIFE_WORDS - 1)));
}

staticAssert(NOT_MINE === LIVE && MINE_MARKED === (LIVE | SPAN_TAIL), "no block's header");
staticAssert(WORKERS > OPTIONS + 7 && ABANDONED_CLASSES + 2 <= SLOTS, "words of their own");
staticAssert(blocksPerSlab(2) <= 32 << FREE_WORDS_SHIFT, "a bit for each block");
staticAssert(SLOT_LIVES + LIFE_WORDS <= 1 << SLOT_SHIFT, "a slot has room for its life words");
staticAssert(MAX_WORKERS <= SLOT_HELD && SLOT_HELD < SLOT_RECOVERING, "a status and a number");
staticAssert(MAX_WORKERS < ABANDONED && MAX_WORKERS < FREE + 1, "a worker fits its byte");
