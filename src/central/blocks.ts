import { corrupted } from "../base/errors.js";
import { MAX_FAST_CAP } from "../config/options.js";
import { CACHED, FREE, GRANULE_SHIFT, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  blocksPerSlab,
  CARVED,
  CURSOR,
  counterIndex,
  DRAINED,
  FREE_COUNT,
  ptrToSlab,
  slabRecord,
  slabToPtr,
} from "../layout/metadata.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";
import { linkPartial, retireSlab } from "./slabs.js";

/** Takes up to `wanted` free blocks, in address order from the cursor on. */
export function takeBlocks(
  image: Image,
  slab: number,
  classIndex: number,
  wanted: number,
  bottom: number,
): number {
  const { headers, meta, records } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const free = records[record + FREE_COUNT] as number;
  const count = wanted < free ? wanted : free;
  const start = slabToPtr(slab);
  const end = start + (records[record + CARVED] as number) * blockBytes;
  const freeHeader = toHeader(FREE, classIndex);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = start + (records[record + CURSOR] as number);
  let wraps = 0;
  let slot = bottom + count;
  while (slot > bottom) {
    if (ptr >= end) {
      if (++wraps === 2) throw corrupted("freeCount", start, free, "so many free blocks");
      ptr = start;
    }
    if (headers[ptr >>> GRANULE_SHIFT] === freeHeader) {
      headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
      meta[slot--] = ptr;
    }
    ptr += blockBytes;
  }
  records[record + CURSOR] = ptr - start;
  records[record + FREE_COUNT] = free - count;
  return count;
}

/** Returns the blocks in the slots above `bottom` up to `top` to their slabs. */
export function returnBlocks(image: Image, classIndex: number, bottom: number, top: number): void {
  const { counters, headers, meta, records } = image;
  const freeHeader = toHeader(FREE, classIndex);
  const capacity = blocksPerSlab(classIndex);
  if (top - bottom > MAX_FAST_CAP)
    throw corrupted("cached", 0, top - bottom, "a magazine's entries");
  for (let slot = bottom + 1; slot <= top; slot++) {
    const ptr = meta[slot] as number;
    const slab = ptrToSlab(ptr);
    const record = slabRecord(slab);
    const free = (records[record + FREE_COUNT] as number) + 1;
    const carved = records[record + CARVED] as number;
    headers[ptr >>> GRANULE_SHIFT] = freeHeader;
    records[record + FREE_COUNT] = free;
    if (free === 1 && carved === capacity) linkPartial(image, slab, classIndex);
    if (free === carved) retireSlab(image, slab, classIndex);
  }
  const drained = counterIndex(classIndex, DRAINED);
  counters[drained] = (counters[drained] as number) + (top - bottom);
}
