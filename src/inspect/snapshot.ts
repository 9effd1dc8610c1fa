import { roundUp } from "../base/bits.js";
import { corrupted } from "../base/errors.js";
import { isByteArray } from "../base/tag.js";
import { MAP_PAGE, touchedPages } from "../central/touch.js";
import { MAX_CAPACITY_BYTES, MIN_CAPACITY_BYTES } from "../config/options.js";
import { GRANULE_BYTES, GRANULE_SHIFT } from "../layout/header.js";
import { metadataOffset } from "../layout/metadata.js";
import { BLOCK_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import { IN_ARENA } from "../layout/slabKind.js";
import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { PAGE_BYTES, SLAB_BYTES, slabToPtr } from "../layout/units.js";
import { capacityOf, firstSlab, type HeapViews, type Run } from "../layout/views.js";
import { badImage } from "./open.js";

/*
 * A snapshot is little-endian words:
 *
 *   "hkms" | version | capacity | extents | checksum | (offset, bytes) of each extent | their bytes
 *
 * The extents are the pages of metadata that were written to, and the headers and the carved bytes
 * of each slab in use.
 */
const MAGIC_WORD = 0x736d6b68;
const VERSION_WORD = 1;
const HEADER_WORDS = 5;

interface Extent {
  readonly offset: number;
  readonly bytes: number;
}

/** Returns how many bytes of a run its blocks occupy. It is never more than the run has. */
function usedBytes(records: Int32Array, { slab, slabs, kind }: Run): number {
  const slabAt = slabRecord.at(slab);
  if (kind === IN_ARENA) return 0;
  const bytes =
    kind === SPAN_CLASS
      ? records[slabAt + slabRecord.SPAN_BYTES]
      : records[slabAt + slabRecord.CARVED] * BLOCK_BYTES[kind];
  const isWhole = bytes >= 0 && bytes % GRANULE_BYTES === 0;
  if (isWhole && bytes <= slabs * SLAB_BYTES) return bytes;
  throw corrupted("carved", slabToPtr(slab), bytes, `at most ${slabs * SLAB_BYTES}`);
}

function listExtents(views: HeapViews): Extent[] {
  const extents: Extent[] = [];
  const start = metadataOffset(capacityOf(views));
  for (let offset = start; offset < slabToPtr(firstSlab(views)); offset += PAGE_BYTES) {
    const page = views.i32.subarray(offset >> 2, (offset + PAGE_BYTES) >> 2);
    if (page.some((value) => value !== 0)) extents.push({ offset, bytes: page.byteLength });
  }
  for (const run of views.slabSource.runs(views)) {
    const { slab, kind } = run;
    const bytes = usedBytes(views.records, run);
    if (bytes === 0) continue;
    const ptr = slabToPtr(slab);
    const headerBytes = kind === SPAN_CLASS ? GRANULE_BYTES : roundUp(bytes >>> GRANULE_SHIFT, 4);
    extents.push({ offset: ptr >>> GRANULE_SHIFT, bytes: headerBytes }, { offset: ptr, bytes });
  }
  return extents;
}

/** Returns the FNV-1a hash of words. It finds damage, not malice. */
function checksum(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < words.length; index++) {
    hash = Math.imul(hash ^ words[index], 0x01000193);
  }
  return hash >>> 0;
}

/**
 * Returns a copy of the written pages of metadata and of the carved bytes of slabs and spans, with
 * their headers. Slabs in the arena are left out.
 */
export function snapshotImage(views: HeapViews): Uint8Array<ArrayBuffer> {
  const extents = listExtents(views);
  const headBytes = 4 * (HEADER_WORDS + 2 * extents.length);
  const totalBytes = extents.reduce((sum, extent) => sum + extent.bytes, headBytes);
  const bytes = new Uint8Array(totalBytes);
  const words = new Uint32Array(bytes.buffer);
  let at = headBytes;
  extents.forEach(({ offset, bytes: length }, index) => {
    words[HEADER_WORDS + 2 * index] = offset;
    words[HEADER_WORDS + 2 * index + 1] = length;
    bytes.set(views.u8.subarray(offset, offset + length), at);
    at += length;
  });
  words.set([MAGIC_WORD, VERSION_WORD, capacityOf(views), extents.length]);
  words[HEADER_WORDS - 1] = checksum(words.subarray(HEADER_WORDS));
  return bytes;
}

/** Checks a snapshot, and lays it out in a new buffer. @throws ERR_BAD_HEAP_IMAGE */
export function restoreBuffer<B extends ArrayBufferLike>(
  snapshot: Uint8Array,
  newBuffer: (capacityBytes: number) => B,
): B {
  if (!isByteArray(snapshot)) throw badImage("snapshot", snapshot, "a Uint8Array");
  const isWords = snapshot.byteLength % 4 === 0 && snapshot.byteLength >= 4 * HEADER_WORDS;
  if (!isWords)
    throw badImage("snapshot length", snapshot.byteLength, "a multiple of 4, at least 20");
  const words = new Uint32Array(new Uint8Array(snapshot).buffer);
  const [magic, version, capacity = 0, count = 0, sum] = words;
  if (magic !== MAGIC_WORD) throw badImage("snapshot magic", magic, MAGIC_WORD);
  if (version !== VERSION_WORD) throw badImage("snapshot version", version, VERSION_WORD);
  const isCapacity =
    capacity >= MIN_CAPACITY_BYTES && capacity <= MAX_CAPACITY_BYTES && capacity % SLAB_BYTES === 0;
  if (!isCapacity) throw badImage("snapshot capacity", capacity, "a capacity");
  const actual = checksum(words.subarray(HEADER_WORDS));
  if (sum !== actual) throw badImage("snapshot checksum", sum, actual);
  const buffer = newBuffer(capacity);
  layOut(snapshot, words, buffer, count);
  return buffer;
}

function layOut(
  snapshot: Uint8Array,
  words: Uint32Array,
  buffer: ArrayBufferLike,
  count: number,
): void {
  let at = 4 * (HEADER_WORDS + 2 * count);
  const capacity = buffer.byteLength;
  const target = new Uint8Array(buffer);
  for (let index = 0; index < count; index++) {
    const offset = words[HEADER_WORDS + 2 * index] ?? capacity;
    const bytes = words[HEADER_WORDS + 2 * index + 1] ?? 0;
    const fits = offset + bytes <= capacity && at + bytes <= snapshot.byteLength;
    if (!fits) throw badImage(`snapshot extent ${index}`, offset + bytes, `at most ${capacity}`);
    target.set(snapshot.subarray(at, at + bytes), offset);
    at += bytes;
  }
  if (at !== snapshot.byteLength) throw badImage("snapshot length", snapshot.byteLength, at);
}

/** Counts touched pages again, because in a restored heap only what is in use was touched. */
export function recountTouched(views: HeapViews): void {
  const { meta, records } = views;
  let pages = 0;
  for (const run of views.slabSource.runs(views)) {
    const { slab, slabs } = run;
    const used = usedBytes(records, run);
    for (let index = 0; index < slabs; index++) {
      const bytes = Math.max(0, Math.min(SLAB_BYTES, used - index * SLAB_BYTES));
      const touched = roundUp(bytes, PAGE_BYTES) | (index === 0 && bytes > 0 ? MAP_PAGE : 0);
      records[slabRecord.at(slab + index) + slabRecord.TOUCHED] = touched;
      pages += touchedPages(touched);
    }
  }
  meta[superblock.TOUCHED_PAGES] = pages;
}
