import type { ClassIndex, Header, SlabIndex } from "../base/types.js";
import * as classCounters from "./classCounters.js";
import * as heapCounters from "./heapCounters.js";
import { endOfMetadata, metadataOffset } from "./metadata.js";
import { LIVE_HEADER_OF_GRANULES } from "./sizeClasses.js";
import * as superblock from "./superblock.js";

/** A run of slabs: one slab of a class, a span, or free slabs (`kind` is IN_ARENA). */
export interface Run {
  readonly slab: SlabIndex;
  readonly slabs: number;
  readonly kind: number;
}

/**
 * Where slabs come from and go to: the arena of a heap (central/arena.ts), or the one that workers
 * share (central/sharedSlabs.ts). The cold paths of the two kinds of heap differ in nothing else.
 */
export interface SlabSource {
  /** Takes a run for a class or a span. Returns its first slab, or 0 if there is none. */
  take(views: HeapViews, slabs: number, kind: number): SlabIndex;
  /** Gives back a run, or the end of a span. No header is left, except that of a span. */
  give(views: HeapViews, slab: SlabIndex, slabs: number): void;
  /** Claims a live span to give it back or to resize it, so that nobody else does. */
  reserve(views: HeapViews, slab: SlabIndex): void;
  /** Makes a span live that was made or resized. */
  publish(views: HeapViews, slab: SlabIndex): void;
  /** Lengthens a span of `before` slabs where it lies. Returns whether it could. */
  extend(views: HeapViews, slab: SlabIndex, before: number, after: number): boolean;
  /** Makes free blocks of a slab the chain of a class that has none. Returns how many. */
  takeBlocks(views: HeapViews, slab: SlabIndex, classIndex: ClassIndex, wanted: number): number;
  /** Returns a cached block to its slab. */
  returnBlock(views: HeapViews, classIndex: ClassIndex, ptr: number): void;
  /** Returns whether blocks of this slab may stand in this heap's, or this worker's, lists. */
  isOwn(views: HeapViews, slab: SlabIndex): boolean;
  /** Returns a partial slab of the class, from what other workers gave back, or 0. */
  reclaim(views: HeapViews, classIndex: ClassIndex): SlabIndex;
  /** Sends what this worker owes to others, and collects what they sent to it. */
  settle(views: HeapViews): void;
  /** Frees a live block of a class that the front cache may not hold. Returns false if it may. */
  freeForeign(views: HeapViews, ptr: number, liveHeader: Header): boolean;
  /** Walks the runs that tile the slabs, in address order. */
  runs(views: HeapViews): Iterable<Run>;
}

/** The views through which the code sees a heap image. All are of fixed length. */
export interface HeapViews {
  /** The header map: one byte for each granule of the heap. */
  readonly headers: Uint8Array;
  /** All metadata of a heap (see metadata.ts), or the region of a worker. */
  readonly meta: Int32Array;
  /** The slab records, at `slabRecord.at(slab)`. In a heap of one worker it is `meta` itself. */
  readonly records: Int32Array;
  readonly counters: Float64Array;
  /** The whole heap, by bytes and by words. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  /**
   * `gate[superblock.CLOSED]` is 1 when the heap is closed. In a heap of one worker it is `meta`.
   */
  readonly gate: Int32Array;
  /** The live header for a request, by the number of its granules. */
  readonly liveHeaders: Uint8Array;
  readonly slabSource: SlabSource;
}

/** Makes the views of a heap in a buffer, whose length must be a valid capacity. */
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
