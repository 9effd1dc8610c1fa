import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { arena, giveRun } from "../central/arena.js";
import {
  type HeapOptions,
  MAX_CAPACITY_BYTES,
  MIN_CAPACITY_BYTES,
  OPTION_TABLE,
} from "../config/options.js";
import { closeChains, formatClasses } from "../front/chains.js";
import { drainCaches } from "../front/sll.js";
import { FINGERPRINT } from "../layout/fingerprint.js";
import { FORMAT_VERSION, MAGIC_VALUE } from "../layout/format.js";
import { GRANULE_SHIFT } from "../layout/header.js";
import { firstSlabOf } from "../layout/metadata.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { PAGE_BYTES, SLAB_BYTES, SLAB_SHIFT, slabToPtr } from "../layout/units.js";
import { type HeapViews, viewImage } from "../layout/views.js";

/** Formats a heap in a buffer whose metadata is zeroed, and returns its views. */
export function formatImage(buffer: ArrayBufferLike, options: HeapOptions): HeapViews {
  const views = viewImage(buffer, options.capacity, arena);
  formatMetadata(views.meta, options, firstSlabOf(options.capacity));
  return views;
}

function formatMetadata(meta: Int32Array, options: HeapOptions, wilderness: number): void {
  writeSuperblock(meta, options, firstSlabOf(options.capacity), wilderness);
  formatClasses(meta, options);
  meta[superblock.MAGIC] = MAGIC_VALUE;
}

/** Writes the superblock of a heap, of a shared heap, or of the region of a worker. */
export function writeSuperblock(
  meta: Int32Array,
  options: HeapOptions,
  firstSlab: number,
  wilderness: number,
): void {
  OPTION_TABLE.forEach((row, index) => {
    meta[superblock.OPTIONS + index] = Number(options[row.name]);
  });
  meta[superblock.VERSION] = FORMAT_VERSION;
  meta[superblock.FINGERPRINT] = FINGERPRINT;
  meta[superblock.CAPACITY_BYTES] = options.capacity;
  meta[superblock.FIRST_SLAB] = firstSlab;
  meta[superblock.END_SLAB] = options.capacity >>> SLAB_SHIFT;
  meta[superblock.WILDERNESS] = wilderness;
}

/** Makes a heap as it was created, except for the count of touched pages, which stay touched. */
export function resetImage(views: HeapViews, options: HeapOptions): void {
  const { i32, meta } = views;
  const first = firstSlabOf(options.capacity);
  const end = options.capacity >>> SLAB_SHIFT;
  const wilderness = Math.max(first, Math.min(end, meta[superblock.WILDERNESS]));
  const pagesBefore = meta[superblock.TOUCHED_PAGES];
  const touched: number[] = [];
  for (let slab = first; slab < wilderness; slab++) {
    touched.push(meta[slabRecord.at(slab) + slabRecord.TOUCHED]);
  }
  const mapStart = slabToPtr(first) >>> GRANULE_SHIFT;
  const mapEnd = slabToPtr(wilderness) >>> GRANULE_SHIFT;
  zeroTouchedPages(i32, mapStart >> 2, mapEnd >> 2);
  zeroTouchedPages(meta, 0, meta.length);
  formatMetadata(meta, options, wilderness);
  meta[superblock.TOUCHED_PAGES] = pagesBefore;
  touched.forEach((bytes, index) => {
    meta[slabRecord.at(first + index) + slabRecord.TOUCHED] = bytes;
  });
  if (wilderness > first) giveRun(meta, first, wilderness - first);
}

/** Zeroes the header map and the metadata of a buffer. Its slabs may hold anything. */
export function zeroMetadata(buffer: ArrayBufferLike, options: HeapOptions): void {
  const ints = slabToPtr(firstSlabOf(options.capacity)) >> 2;
  zeroTouchedPages(new Int32Array(buffer, 0, ints), 0, ints);
}

/** Zeroes words, page by page where they are not zero yet: writing to a page commits it. */
function zeroTouchedPages(meta: Int32Array, start: number, end: number): void {
  const pageInts = PAGE_BYTES / 4;
  for (let index = start; index < end; index = (index + pageInts) & -pageInts) {
    const pageEnd = Math.min((index + pageInts) & -pageInts, end);
    let written = index;
    while (written < pageEnd && meta[written] === 0) written++;
    if (written < pageEnd) meta.fill(0, index, pageEnd);
  }
}

/** Drains a heap, and sends every hot path to the slow one, which refuses. */
export function closeImage(views: HeapViews): void {
  const { meta } = views;
  drainCaches(views);
  closeChains(meta);
  meta[superblock.CLOSED] = 1;
}

/** Returns a new buffer. @throws {HeapError} ERR_HEAP_EXHAUSTED if the system has none. */
export function newBuffer(capacityBytes: number): ArrayBuffer {
  try {
    return new ArrayBuffer(capacityBytes);
  } catch {
    const message = `the system has no buffer of ${capacityBytes} bytes; take a smaller capacity`;
    throw new HeapError("ERR_HEAP_EXHAUSTED", message, { requestBytes: capacityBytes });
  }
}

/** Returns a new buffer that workers can share. @throws {HeapError} ERR_HEAP_EXHAUSTED */
export function newSharedBuffer(capacityBytes: number): SharedArrayBuffer {
  if (typeof SharedArrayBuffer === "undefined") {
    const message =
      "there is no SharedArrayBuffer; browsers have it on pages that are cross-origin isolated";
    throw new HeapError("ERR_HEAP_EXHAUSTED", message, { requestBytes: capacityBytes });
  }
  try {
    return new SharedArrayBuffer(capacityBytes);
  } catch {
    const message = `the system has no shared buffer of ${capacityBytes} bytes; take a smaller one`;
    throw new HeapError("ERR_HEAP_EXHAUSTED", message, { requestBytes: capacityBytes });
  }
}

/** What a heap lives in: a buffer, or a `WebAssembly.Memory`. */
export type HeapMemory<B extends ArrayBufferLike = ArrayBufferLike> = B | { readonly buffer: B };

/**
 * Returns the buffer that a heap lives in, which may be of another realm.
 * @throws {HeapError} ERR_INVALID_ARGUMENT
 */
export function bufferOf<B extends ArrayBufferLike>(memory: HeapMemory<B>): B {
  const inner = (): unknown => !ArrayBuffer.isView(memory) && (memory as { buffer: B }).buffer;
  for (const read of [() => memory, inner]) {
    try {
      const buffer = read() as B;
      // A view of anything else throws; but also one of a detached buffer.
      if (buffer instanceof ArrayBuffer || new DataView(buffer)) return buffer;
    } catch {}
  }
  const accepted = "an ArrayBuffer, a SharedArrayBuffer or a WebAssembly.Memory";
  const message = `a heap lives in ${accepted}; got ${describe(memory)}`;
  throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: memory });
}

/**
 * Returns the capacity of a heap over a whole buffer, in bytes of whole slabs.
 * @throws {HeapError} ERR_INVALID_ARGUMENT
 */
export function capacityOfBuffer(buffer: ArrayBufferLike): number {
  const { byteLength } = buffer;
  const growable =
    (buffer as { resizable?: boolean }).resizable === true ||
    (buffer as { growable?: boolean }).growable === true;
  if (growable) {
    const message = "the buffer can change its length; a heap takes one of fixed length";
    throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: byteLength });
  }
  const capacity = byteLength - (byteLength % SLAB_BYTES);
  if (capacity < MIN_CAPACITY_BYTES || capacity > MAX_CAPACITY_BYTES) {
    const message =
      `the buffer has ${byteLength} bytes; a heap takes ` +
      `${MIN_CAPACITY_BYTES} to ${MAX_CAPACITY_BYTES}`;
    throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: byteLength });
  }
  return capacity;
}
