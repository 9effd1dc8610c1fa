import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import type { SlabIndex, WordIndex } from "../base/types.js";
import {
  FREE,
  GRANULE_BYTES,
  GRANULE_SHIFT,
  headerClass,
  headerState,
  IN_TRANSIT,
  toHeader,
} from "../layout/header.js";
import { isMark } from "../layout/mark.js";
import { BLOCK_BYTES, CLASS_COUNT } from "../layout/sizeClasses.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { ptrToSlab, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import { capacityOf, endSlab, firstSlab, type HeapViews } from "../layout/views.js";

/** Why a number is not a live ptr. (`Heap.classify` tells the tier of one that is.) */
export type NotLive =
  | "null"
  | "freed"
  | "interior"
  | "unallocated"
  | "metadata"
  | "misaligned"
  | "foreign";

/**
 * Returns why a ptr is not live. It reads the header byte first, and the slab's record only to word
 * the answer.
 */
export function classifyNotLive(views: HeapViews, ptr: unknown): NotLive {
  if (ptr === 0) return "null";
  if (typeof ptr !== "number" || !Number.isInteger(ptr)) return "foreign";
  if (ptr < 0 || ptr >= capacityOf(views)) return "foreign";
  if (ptr < slabToPtr(firstSlab(views))) return "metadata";
  if (ptr % GRANULE_BYTES !== 0) return "misaligned";
  const header = views.headers[ptr >>> GRANULE_SHIFT];
  const isHeader = !isMark(ptr >>> GRANULE_SHIFT, header);
  if (isHeader && headerState(header) >= FREE && headerClass(header) !== 0) return "freed";
  const kind = kindOfSlab(views, ptrToSlab(ptr));
  if (kind === IN_ARENA) return "unallocated";
  const isStart = (ptr & (SLAB_BYTES - 1)) % (BLOCK_BYTES[kind] ?? SLAB_BYTES) === 0;
  return isStart && header === toHeader(IN_TRANSIT, kind) ? "freed" : "interior";
}

/**
 * Returns the kind of the run that holds a slab. It walks the runs, because only the first slab of
 * each says it.
 */
function kindOfSlab(views: HeapViews, slab: SlabIndex): number {
  for (const run of views.slabSource.runs(views)) {
    if (slab < run.slab + run.slabs) return run.kind;
  }
  return IN_ARENA;
}

const REASONS: Record<NotLive, string> = {
  null: "is null",
  freed: "was freed already",
  interior: "is not the first byte of a block",
  unallocated: "was never allocated, or its slab was given back",
  metadata: "lies in the heap's own metadata",
  misaligned: `is not a multiple of ${GRANULE_BYTES}`,
  foreign: "is not an offset in this heap",
};

/** Returns the error for a ptr that is not live. */
export function notLive(views: HeapViews, ptr: unknown): HeapError {
  const reason = classifyNotLive(views, ptr);
  const code = reason === "freed" ? "ERR_DOUBLE_FREE" : "ERR_INVALID_POINTER";
  return new HeapError(
    code,
    `ptr ${describe(ptr)} ${REASONS[reason]}; expected a live ptr of this heap`,
    {
      ptr,
      reason,
    },
  );
}

/** Returns the error for a size that no heap of this capacity takes. */
export function invalidSize(views: HeapViews, size: unknown): HeapError {
  const max = largestBlock(views);
  return new HeapError(
    "ERR_INVALID_SIZE",
    `size is ${describe(size)}; it takes an integer from 0 to ${max} (bytes)`,
    {
      got: size,
      min: 0,
      max,
    },
  );
}

/** Returns the largest size that the heap could hold if it were empty. */
export function largestBlock(views: HeapViews): number {
  return (endSlab(views) - firstSlab(views)) * SLAB_BYTES;
}

/** Returns the error for a request that no free memory holds. */
export function exhausted(views: HeapViews, requestBytes: number): HeapError {
  const { meta, records } = views;
  const unusedBytes = Math.max(0, endSlab(views) - meta[superblock.WILDERNESS]) * SLAB_BYTES;
  let pooledBytes = unusedBytes;
  let freeBlockBytes = 0;
  let largestRunBytes = 0;
  let lastRunBytes = 0;
  for (const { slab, slabs, kind } of views.slabSource.runs(views)) {
    lastRunBytes = kind === IN_ARENA ? slabs * SLAB_BYTES : 0;
    pooledBytes += lastRunBytes;
    largestRunBytes = Math.max(largestRunBytes, lastRunBytes);
    freeBlockBytes += freeBytesOf(records, slabRecord.at(slab), kind);
  }
  largestRunBytes = Math.max(largestRunBytes, lastRunBytes + unusedBytes);
  const message =
    `no room for ${requestBytes} bytes: ${pooledBytes} in free slabs, ` +
    `${largestRunBytes} in the longest run of them, ${freeBlockBytes} in free blocks ` +
    `(capacity ${capacityOf(views)})`;
  return new HeapError("ERR_HEAP_EXHAUSTED", message, {
    requestBytes,
    pooledBytes,
    largestRunBytes,
    freeBlockBytes,
  });
}

/** Returns the bytes of a slab's free blocks; 0 for a span or a free run. */
function freeBytesOf(records: Int32Array, slabAt: WordIndex, kind: number): number {
  if (kind < 1 || kind > CLASS_COUNT) return 0;
  return records[slabAt + slabRecord.FREE_COUNT] * BLOCK_BYTES[kind];
}

/** Returns the error for any use of a heap that was disposed, or whose buffer is gone. */
export function closed(views: HeapViews): HeapError {
  const message =
    views.meta.length === 0
      ? "the heap's buffer was detached: transferred, or its WebAssembly.Memory has grown"
      : "the heap was disposed or detached";
  return new HeapError("ERR_HEAP_DISPOSED", message);
}
