import type { ClassIndex, Header, SlabIndex } from "../base/types.js";
import * as classCounters from "./classCounters.js";
import * as heapCounters from "./heapCounters.js";
import { endOfMetadata, metadataOffset } from "./metadata.js";
import { LIVE_HEADER_OF_GRANULES } from "./sizeClasses.js";
import * as superblock from "./superblock.js";

/** A run of slabs: a slab of a class, a span, or a free run (`kind` is POOLED). */
export interface Run {
  readonly slab: SlabIndex;
  readonly slabs: number;
  readonly kind: number;
}

/**
 * Where the slabs come from and go to: a heap's own arena (central/arena.ts), or one that workers
 * share. The cold paths of both kinds of heap are the same but for this.
 */
export interface SlabSource {
  /** Takes a run for a class or a span: its first slab, or 0. */
  take(views: HeapViews, slabs: number, kind: number): SlabIndex;
  /** Gives back a run, or the end of a span; no header is left but that of a span. */
  give(views: HeapViews, slab: SlabIndex, slabs: number): void;
  /** Before a live span is given back or resized: nobody else does that at the same time. */
  reserve(views: HeapViews, slab: SlabIndex): void;
  /** After a span was made or resized: it is live. */
  publish(views: HeapViews, slab: SlabIndex): void;
  /** Makes a span of `before` slabs as long or longer where it lies: whether it could. */
  extend(views: HeapViews, slab: SlabIndex, before: number, after: number): boolean;
  /** Makes blocks of a slab in state free the chain of a class that has none: how many. */
  takeBlocks(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex, wanted: number): number;
  /** Returns a cached block to its slab. */
  returnBlock(views: HeapViews, classIndex: ClassIndex, ptr: number): void;
  /** Whether blocks of this slab may stand in this image's lists. */
  isOwn(views: HeapViews, slab: SlabIndex): boolean;
  /** A partial slab of the class, from what other workers gave back; or 0. */
  reclaim(views: HeapViews, classIndex: ClassIndex): SlabIndex;
  /** Takes and gives what is on its way between workers. */
  settle(views: HeapViews): void;
  /** Frees a live block of a size class that the front cache may not hold: whether it did. */
  freeForeign(views: HeapViews, ptr: number, liveHeader: Header): boolean;
  /** The runs that tile the slabs, in address order. */
  runs(views: HeapViews): Iterable<Run>;
}

/** The views through which the cold paths see a heap image. All are of fixed length. */
export interface HeapViews {
  /** The header map: one byte for each granule of the heap. */
  readonly headers: Uint8Array;
  /** All metadata of a heap, or one worker's: see metadata.ts. */
  readonly meta: Int32Array;
  /** Slab records, at `slabRecord.at(slab)`: of a heap, `meta` itself. */
  readonly records: Int32Array;
  readonly counters: Float64Array;
  /** The whole heap. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  /** `gate[CLOSED]` is 1 when the heap is closed: of a heap, `meta` itself. */
  readonly gate: Int32Array;
  /** The live header for a request, by its granules. */
  readonly liveHeaders: Uint8Array;
  readonly slabSource: SlabSource;
}

/** Views a buffer as a heap image. Its length must be a valid capacity. */
export function viewImage(
  buffer: ArrayBufferLike,
  capacityBytes: number,
  slabSource: SlabSource,
): HeapViews {
  const start = metadataOffset(capacityBytes);
  const meta = new Int32Array(buffer, start, endOfMetadata(capacityBytes));
  return {
    headers: new Uint8Array(buffer, 0, start),
    meta,
    records: meta,
    counters: new Float64Array(buffer, start + 4 * heapCounters.START, classCounters.END),
    u8: new Uint8Array(buffer, 0, capacityBytes),
    i32: new Int32Array(buffer, 0, capacityBytes >> 2),
    gate: meta,
    liveHeaders: LIVE_HEADER_OF_GRANULES,
    slabSource,
  };
}

export function capacityOf(views: HeapViews): number {
  return views.meta[superblock.CAPACITY_BYTES];
}

export function firstSlab(views: HeapViews): SlabIndex {
  return views.meta[superblock.FIRST_SLAB];
}

export function endSlab(views: HeapViews): SlabIndex {
  return views.meta[superblock.END_SLAB];
}
