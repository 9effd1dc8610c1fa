import { corrupted } from "../base/errors.js";
import { unlinkPartial } from "../central/slabs.js";
import { MAP_PAGE, touchSlab } from "../central/touch.js";
import { CACHED, GRANULE_SHIFT, headerClass, toHeader } from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  blocksPerSlab,
  CARVED,
  CLASS_REFILL,
  classRecord,
  FREE_COUNT,
  PAGE_BYTES,
  slabRecord,
  slabToPtr,
} from "../layout/metadata.js";
import { BLOCK_BYTES } from "../layout/sizeClasses.js";

/**
 * Fills an empty magazine with blocks of one slab, the lowest address on top. Free blocks come
 * before uncarved ones, so that no page is touched while another has room.
 */
export function refillFromSlab(image: Image, live: number, slab: number): void {
  const { meta, records } = image;
  const classIndex = headerClass(live);
  const wanted = meta[classRecord(classIndex) + CLASS_REFILL] as number;
  const record = slabRecord(slab);
  const bottom = meta[live] as number;
  const capacity = blocksPerSlab(classIndex);
  const carved = records[record + CARVED] as number;
  if (carved < 0 || carved > capacity) {
    throw corrupted("carved", slabToPtr(slab), carved, `at most ${capacity}`);
  }
  const taken =
    (records[record + FREE_COUNT] as number) > 0
      ? image.slabSource.takeBlocks(image, slab, classIndex, wanted, bottom)
      : carve(image, slab, classIndex, wanted, bottom);
  meta[live] = bottom + taken;
  const exhausted =
    (records[record + FREE_COUNT] as number) === 0 &&
    (records[record + CARVED] as number) === capacity;
  if (exhausted) unlinkPartial(image, slab, classIndex);
}

/** Gives headers to the next blocks of a slab, up to the end of a page. */
function carve(
  image: Image,
  slab: number,
  classIndex: number,
  wanted: number,
  bottom: number,
): number {
  const { headers, meta, records } = image;
  const record = slabRecord(slab);
  const blockBytes = BLOCK_BYTES[classIndex] as number;
  const carved = records[record + CARVED] as number;
  const offset = carved * blockBytes;
  const pageEnd = (offset + blockBytes + PAGE_BYTES - 1) & -PAGE_BYTES;
  const onPage = ((pageEnd - offset) / blockBytes) | 0;
  const count = Math.min(wanted, onPage, blocksPerSlab(classIndex) - carved);
  const cachedHeader = toHeader(CACHED, classIndex);
  let ptr = slabToPtr(slab) + offset;
  for (let slot = bottom + count; slot > bottom; slot--) {
    headers[ptr >>> GRANULE_SHIFT] = cachedHeader;
    meta[slot] = ptr;
    ptr += blockBytes;
  }
  records[record + CARVED] = carved + count;
  touchSlab(image, slab, offset + count * blockBytes, MAP_PAGE);
  return count;
}
