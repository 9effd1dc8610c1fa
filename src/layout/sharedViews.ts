import { staticAssert } from "../base/assert.js";
import { sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import type { HeapOptions } from "../config/options.js";
import * as classCounters from "./classCounters.js";
import { LIVE } from "./header.js";
import * as heapCounters from "./heapCounters.js";
import { metadataOffset } from "./metadata.js";
import { FREE_WORDS_SHIFT, type SharedLayout, sharedLayout } from "./sharedMetadata.js";
import { LIVE_HEADER_OF_GRANULES } from "./sizeClasses.js";
import { SPAN_TAIL } from "./slabKind.js";
import * as slabRecord from "./slabRecord.js";
import * as superblock from "./superblock.js";
import type { HeapViews, SlabSource } from "./views.js";
import * as workerRegion from "./workerRegion.js";

/**
 * What the table `mine` says of a slab that this worker does not own, and of one that has marks or
 * that no hot path may touch.
 */
export const NOT_MINE = 0xc0;
export const MINE_MARKED = 0xfe;
export const OUTBOX_MAX_BYTES = 262144;

/** Returns how many blocks an outbox holds when it is sent. */
export function outboxLimit(views: HeapViews): number {
  const interval = views.meta[superblock.DRAIN_INTERVAL];
  return interval === 0 ? workerRegion.OUTBOX_INTS : Math.min(interval, workerRegion.OUTBOX_INTS);
}
/** The views of one worker of a shared heap, and what the worker keeps for itself. */
export interface SharedViews extends HeapViews {
  readonly words: Int32Array;
  readonly layout: SharedLayout;
  readonly worker: WorkerIndex;
  /** The free bits, at `slab << FREE_WORDS_SHIFT`. */
  readonly freeBits: Int32Array;
  /** How many blocks of a slab have a mark; only its owner writes it. */
  readonly markCounts: Int32Array;
  /** By slab, 65536 of them: the live header of its class if this worker owns it, else NOT_MINE. */
  readonly mine: Uint8Array;
  /** By slab, while an outbox is sent: which of its remote words were written to. */
  readonly sending: Int32Array;
  /** The slabs to which blocks were sent, in order. */
  readonly sent: Int32Array;
  /**
   * The ptr of a block that this worker and another freed at the same moment, 0 if there is none;
   * then what RECOVERIES was when the outbox was empty last.
   */
  readonly doubleFree: Int32Array;
  /** Where the search for a span starts, and then 1 if the last search found nothing. */
  readonly cursor: Int32Array;
}

/** Makes the views of a worker of a shared heap. */
export function viewShared(
  buffer: ArrayBufferLike,
  options: HeapOptions,
  workers: number,
  worker: WorkerIndex,
  slabSource: SlabSource,
  gate: Int32Array = new Int32Array(superblock.OPTIONS),
): SharedViews {
  const { capacity } = options;
  const layout = sharedLayout(capacity, workers);
  const start = metadataOffset(capacity);
  const ints = (from: number, length: number): Int32Array =>
    new Int32Array(buffer, start + 4 * from, length);
  const records = layout.records - slabRecord.START;
  const liveHeaders = LIVE_HEADER_OF_GRANULES.slice();
  liveHeaders.fill(LIVE_HEADER_OF_GRANULES[2], 0, 2);
  return {
    headers: sync.track("headers", new Uint8Array(buffer, 0, start)),
    ...viewRegion(buffer, layout, start, worker),
    records: sync.track("records", ints(records, slabRecord.at(layout.slabs))),
    u8: new Uint8Array(buffer, 0, capacity),
    i32: sync.track("links", new Int32Array(buffer, 0, capacity >> 2)),
    gate,
    liveHeaders,
    slabSource,
    words: sync.track("words", ints(0, layout.regions + workers * layout.regionInts)),
    layout,
    worker,
    freeBits: sync.track("freeBits", ints(layout.freeBits, layout.slabs << FREE_WORDS_SHIFT)),
    markCounts: sync.track("markCounts", ints(layout.markCounts, layout.slabs)),
    mine: new Uint8Array(65536).fill(NOT_MINE),
    sending: new Int32Array(layout.slabs),
    sent: new Int32Array(workerRegion.OUTBOX_INTS),
    doubleFree: new Int32Array(2),
    cursor: new Int32Array(2),
  };
}

function viewRegion(
  buffer: ArrayBufferLike,
  layout: SharedLayout,
  start: number,
  worker: WorkerIndex,
): Pick<SharedViews, "meta" | "counters"> {
  const region = start + 4 * (layout.regions + worker * layout.regionInts);
  return {
    meta: sync.track("worker", new Int32Array(buffer, region, layout.regionInts)),
    counters: new Float64Array(buffer, region + 4 * heapCounters.START, classCounters.END),
  };
}

/**
 * Makes the views of another worker, to look at it. What a worker keeps for itself, such as `mine`,
 * stays that of the first.
 */
export function viewWorker(views: SharedViews, worker: WorkerIndex): SharedViews {
  const start = views.headers.length;
  return { ...views, ...viewRegion(views.u8.buffer, views.layout, start, worker), worker };
}

staticAssert(NOT_MINE === LIVE && MINE_MARKED === (LIVE | SPAN_TAIL), "no block's header");
