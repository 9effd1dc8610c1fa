import { HeapError, show } from "../base/errors.js";
import { type HeapOptions, OPTION_TABLE } from "../config/options.js";
import { type Image, viewImage } from "../layout/image.js";
import {
  CAPACITY_BYTES,
  CLASS_CAP,
  CLASS_REFILL,
  classRecord,
  emptyTop,
  END_SLAB,
  FIRST_SLAB,
  FIRST_SPARE,
  firstSlabOf,
  FORMAT_VERSION,
  MAGIC,
  MAGIC_VALUE,
  MAX_CAPACITY_BYTES,
  MIN_CAPACITY_BYTES,
  NO_CACHE_TOP,
  OPTIONS,
  PUT_TOPS,
  SLAB_BYTES,
  SLAB_SHIFT,
  SPARE_NEXT,
  TAKE_TOPS,
  VERSION,
  WILDERNESS,
} from "../layout/metadata.js";
import { BLOCK_BYTES, CLASS_COUNT, FINE_MAX_BYTES } from "../layout/sizeClasses.js";

/** Bytes that one magazine of a class holds at the most, and that one refill takes. */
const MAGAZINE_BYTES = Number((globalThis as any).process?.env.MAGB ?? 65536);
const REFILL_BYTES = Number((globalThis as any).process?.env.REFB ?? 16384);

function blocksWithin(bytes: number, blockBytes: number, limit: number): number {
  return Math.max(1, Math.min(limit, (bytes / blockBytes) | 0));
}

/** Writes the metadata of an empty heap into a zeroed buffer. */
export function formatImage(buffer: ArrayBufferLike, capacityBytes: number, options: HeapOptions): Image {
  const image = viewImage(buffer, capacityBytes);
  const { meta } = image;
  const first = firstSlabOf(capacityBytes);
  OPTION_TABLE.forEach((row, index) => {
    meta[OPTIONS + index] = Number(options[row.name]);
  });
  meta[VERSION] = FORMAT_VERSION;
  meta[CAPACITY_BYTES] = capacityBytes;
  meta[FIRST_SLAB] = first;
  meta[END_SLAB] = capacityBytes >>> SLAB_SHIFT;
  meta[WILDERNESS] = first;
  meta[SPARE_NEXT] = FIRST_SPARE;
  meta.fill(NO_CACHE_TOP, PUT_TOPS, TAKE_TOPS + 64);
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const blockBytes = BLOCK_BYTES[classIndex] as number;
    const cap = Math.max(blockBytes > 32768 ? 2:1, blocksWithin(MAGAZINE_BYTES, blockBytes, options.fastCap));
    const wanted = blockBytes <= FINE_MAX_BYTES ? options.refillCountHot : options.refillCountMid;
    meta[classRecord(classIndex) + CLASS_CAP] = cap;
    meta[classRecord(classIndex) + CLASS_REFILL] = blocksWithin(REFILL_BYTES, blockBytes, Math.min(cap, wanted));
    meta[TAKE_TOPS + classIndex] = emptyTop(2 * classIndex - 1, cap);
    meta[PUT_TOPS + classIndex] = emptyTop(2 * classIndex, cap);
  }
  meta[MAGIC] = MAGIC_VALUE;
  return image;
}

/** The capacity of a heap over a whole buffer: its length in whole slabs. */
export function usableCapacity(buffer: ArrayBufferLike): number {
  const growable =
    (buffer as { resizable?: boolean }).resizable === true ||
    (buffer as { growable?: boolean }).growable === true;
  if (growable) {
    throw new HeapError("ERR_INVALID_ARGUMENT", "the buffer is resizable; a heap takes one of fixed length");
  }
  const capacity = buffer.byteLength - (buffer.byteLength % SLAB_BYTES);
  if (capacity < MIN_CAPACITY_BYTES || capacity > MAX_CAPACITY_BYTES) {
    const message = `the buffer has ${show(buffer.byteLength)} bytes; a heap takes ${MIN_CAPACITY_BYTES} to ${MAX_CAPACITY_BYTES}`;
    throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: buffer.byteLength });
  }
  return capacity;
}
