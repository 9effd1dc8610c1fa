import { HeapError } from "../base/errors.js";
import { openSlab, unlinkPartial } from "../central/slabs.js";
import { touchSlab } from "../central/touch.js";
import { CACHED, FREE, GRANULE_SHIFT, headerClass, LIVE_TO_CACHED, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  blocksPerSlab,
  CARVED,
  CLASS_CAP,
  CLASS_REFILL,
  classRecord,
  counterIndex,
  CURSOR,
  FREE_COUNT,
  FRONT_MISSES,
  PAGE_BYTES,
  PARTIAL_HEAD,
  REFILLS,
  SLAB_BYTES,
  SLL_BLOCKS,
  SLL_HEAD,
  slabRecord,
  slabToPtr,
  topToCount,
} from "../layout/metadata.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import { drainSll, popSll } from "./sll.js";

/** Free blocks come before uncarved ones, so that no page is touched while another has room. */
export function refillFromSlab(image: Image, live: number, slab: number): void {
  const { meta } = image;
  const classIndex = headerClass(live);
  const wanted = meta[classRecord(classIndex) + CLASS_REFILL] as number;
  const record = slabRecord(slab);
  const bottom = meta[live] as number;
  const taken =
    (meta[record + FREE_COUNT] as number) > 0
      ? takeFree(image, slab, classIndex, wanted, bottom)
      : carve(image, slab, classIndex, wanted, bottom);
  meta[live] = bottom + taken;
  const exhausted =
    (meta[record + FREE_COUNT] as number) === 0 &&
    (meta[record + CARVED] as number) === blocksPerSlab(classIndex);
  if (exhausted) unlinkPartial(meta, slab, classIndex);
}

/** Takes up to `wanted` free blocks in address order from the cursor on, lowest address on top. */
function takeFree(image: Image, slab: number, classIndex: number, wanted: number, bottom: number): number {
  const { headers, meta } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const free = meta[record + FREE_COUNT] as number;
  const count = wanted < free ? wanted : free;
  const start = slabToPtr(slab);
  const end = start + (meta[record + CARVED] as number) * blockBytes;
  const freeHeader = toHeader(FREE, classIndex);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = start + (meta[record + CURSOR] as number);
  let wraps = 0;
  let entry = bottom + count;
  while (entry > bottom) {
    if (ptr >= end) {
      if (++wraps === 2) throw miscounted(slab, free);
      ptr = start;
    }
    if (headers[ptr >>> GRANULE_SHIFT] === freeHeader) {
      headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
      meta[entry--] = ptr;
    }
    ptr += blockBytes;
  }
  meta[record + CURSOR] = ptr - start;
  meta[record + FREE_COUNT] = free - count;
  return count;
}

/** Gives headers to the next blocks of a slab, of one page so that none is touched early. */
function carve(image: Image, slab: number, classIndex: number, wanted: number, bottom: number): number {
  const { headers, meta } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const carved = meta[record + CARVED] as number;
  const offset = carved * blockBytes;
  const count = Math.min(wanted, blocksPerSlab(classIndex) - carved, CARVE_LIMIT(offset, blockBytes));
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = slabToPtr(slab) + offset;
  for (let entry = bottom + count; entry > bottom; entry--) {
    headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
    meta[entry] = ptr;
    ptr += blockBytes;
  }
  meta[record + CARVED] = carved + count;
  touchSlab(meta, slab, offset + count * blockBytes);
  return count;
}

const MODE = Number((globalThis as any).process?.env.CARVE ?? 1);
function CARVE_LIMIT(offset: number, blockBytes: number): number {
  if (MODE === 0) return 999;
  const pageEnd = (offset + blockBytes + MODE * PAGE_BYTES - 1) & -(MODE * PAGE_BYTES);
  return ((pageEnd - offset) / blockBytes) | 0;
}
void SLAB_BYTES;

function miscounted(slab: number, free: number): HeapError {
  const message = `freeCount of slab ${slab} is ${free}, but so many free blocks are not there`;
  return new HeapError("ERR_HEAP_CORRUPTED", message, { invariant: "freeCount", slab, found: free });
}
