import { CACHED, CLASS_MASK, FREE, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  CARVED, CLASS_CAP, CLASS_REFILL, classRecord, CURSOR, emptyTop, FREE_COUNT, PAGE_BYTES,
  PARTIAL_HEAD, SLAB_BYTES, SLL_COUNT, slabRecord, slabToOffset,
} from "../layout/metadata.js";
import { openSlab, unlinkPartial } from "../central/slabs.js";
import { touchSlab } from "../central/touch.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import { drainSll } from "./sll.js";

/**
 * Fills an empty front cache from one slab, lowest address on top: how many blocks it took.
 * Free blocks come before uncarved ones, the SLL's before a new slab's.
 */
export function refill(image: Image, liveHeader: number): number {
  const { meta } = image;
  const classIndex = liveHeader & CLASS_MASK;
  const owner = classRecord(classIndex);
  let slab = meta[owner + PARTIAL_HEAD] as number;
  if (slab === 0 && (meta[SLL_COUNT] as number) > 0) {
    drainSll(image);
    slab = meta[owner + PARTIAL_HEAD] as number;
  }
  if (slab === 0) slab = openSlab(meta, classIndex);
  if (slab === 0) return 0;
  const wanted = meta[owner + CLASS_REFILL] as number;
  const record = slabRecord(slab);
  const free = meta[record + FREE_COUNT] as number;
  const bottom = emptyTop(classIndex, meta[owner + CLASS_CAP] as number);
  const taken =
    free > 0
      ? takeFree(image, slab, classIndex, Math.min(wanted, free), bottom)
      : carve(image, slab, classIndex, wanted, bottom);
  meta[liveHeader] = bottom + taken;
  const capacity = blocksPerSlab(classIndex);
  if ((meta[record + FREE_COUNT] as number) === 0 && (meta[record + CARVED] as number) === capacity) {
    unlinkPartial(meta, slab, classIndex);
  }
  return taken;
}

export function blocksPerSlab(classIndex: number): number {
  return (SLAB_BYTES / (BLOCK_BYTES[classIndex] as number)) | 0;
}

/** Takes `count` free blocks (the slab has them) in address order from the cursor on. */
function takeFree(image: Image, slab: number, classIndex: number, count: number, bottom: number): number {
  const { headers, meta } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const start = slabToOffset(slab);
  const end = start + (meta[record + CARVED] as number) * blockBytes;
  const freeHeader = toHeader(FREE, classIndex);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = start + (meta[record + CURSOR] as number);
  let entry = bottom + count;
  while (entry > bottom) {
    if (ptr >= end) ptr = start;
    if (headers[ptr >>> GRANULE_SHIFT] === freeHeader) {
      headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
      meta[entry--] = ptr;
    }
    ptr += blockBytes;
  }
  meta[record + CURSOR] = ptr - start;
  meta[record + FREE_COUNT] = (meta[record + FREE_COUNT] as number) - count;
  return count;
}

/** Gives headers to the next blocks of a slab; within one page, so that no page is touched early. */
function carve(image: Image, slab: number, classIndex: number, wanted: number, bottom: number): number {
  const { headers, meta } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const carved = meta[record + CARVED] as number;
  const count = Math.min(wanted, blocksPerSlab(classIndex) - carved);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = slabToOffset(slab) + carved * blockBytes;
  for (let entry = bottom + count; entry > bottom; entry--) {
    headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
    meta[entry] = ptr;
    ptr += blockBytes;
  }
  meta[record + CARVED] = carved + count;
  touchSlab(meta, slab, (carved + count) * blockBytes);
  return count;
}
void PAGE_BYTES;
