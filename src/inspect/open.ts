import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import { arena } from "../central/arena.js";
import { type HeapOptions, OPTION_TABLE } from "../config/options.js";
import { chainCap, refillCount } from "../front/chains.js";
import * as classRecord from "../layout/classRecord.js";
import { FINGERPRINT } from "../layout/fingerprint.js";
import { FORMAT_VERSION, FORMATTING, MAGIC_VALUE } from "../layout/format.js";
import { firstSlabOf, metadataOffset } from "../layout/metadata.js";
import { sharedLayout } from "../layout/sharedMetadata.js";
import { CLASS_COUNT } from "../layout/sizeClasses.js";
import { MAX_WORKERS } from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import { SLAB_SHIFT } from "../layout/units.js";
import { type HeapViews, viewImage } from "../layout/views.js";
import * as workerSlot from "../layout/workerSlot.js";
import { verifyImage } from "./verify.js";

/** Returns the error for bytes that are not an intact image or snapshot. */
export function badImage(field: string, found: unknown, expected: unknown): HeapError {
  const difference = `${field} is ${describe(found)}, expected ${describe(expected)}`;
  const message = `not a heap image: ${difference}`;
  return new HeapError("ERR_BAD_HEAP_IMAGE", message, { field, found, expected });
}

function check(field: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw badImage(field, found, expected);
}

/** Checks that the image was made with this layout and these size classes. */
function checkFormat(meta: Int32Array): void {
  check("version", meta[superblock.VERSION], FORMAT_VERSION);
  check("fingerprint", meta[superblock.FINGERPRINT], FINGERPRINT);
}

/**
 * Checks an image, field by field and then by every invariant.
 * @throws {HeapError} ERR_BAD_HEAP_IMAGE
 */
export function checkImage(
  buffer: ArrayBufferLike,
  capacityBytes: number,
): { views: HeapViews; options: HeapOptions } {
  const meta = new Int32Array(buffer, metadataOffset(capacityBytes), classRecord.START);
  check("magic", meta[superblock.MAGIC], MAGIC_VALUE);
  checkFormat(meta);
  check("capacityBytes", meta[superblock.CAPACITY_BYTES], capacityBytes);
  if (meta[superblock.CLOSED] !== 0) check("closed", meta[superblock.CLOSED], 1);
  check("workers", meta[superblock.WORKERS], 0);
  const options = readOptions(meta);
  const slab = firstSlabOf(capacityBytes);
  check("option capacity", options.capacity, capacityBytes);
  check("firstSlab", meta[superblock.FIRST_SLAB], slab);
  check("endSlab", meta[superblock.END_SLAB], capacityBytes >>> SLAB_SHIFT);
  const views = viewImage(buffer, capacityBytes, arena);
  checkClasses(views.meta, options);
  verifyAsImage(views);
  return { views, options };
}

/** Checks the superblock of a shared heap, which other workers may change meanwhile. */
export function readSharedSuperblock(
  buffer: ArrayBufferLike,
  capacityBytes: number,
): { options: HeapOptions; workers: number } {
  const meta = new Int32Array(buffer, metadataOffset(capacityBytes), workerSlot.START);
  const magic = sync.load(meta, superblock.MAGIC);
  if (magic === FORMATTING) throw badImage("magic", "that of a heap being formatted", "a heap's");
  check("magic", magic, MAGIC_VALUE);
  checkFormat(meta);
  check("capacityBytes", meta[superblock.CAPACITY_BYTES], capacityBytes);
  const workers = meta[superblock.WORKERS];
  const isShared = workers >= 1 && workers <= MAX_WORKERS;
  if (!isShared) throw badImage("workers", workers, `1 to ${MAX_WORKERS}, as a shared heap has`);
  const options = readOptions(meta);
  check("option capacity", options.capacity, capacityBytes);
  const { firstSlab } = sharedLayout(capacityBytes, workers);
  check("firstSlab", meta[superblock.FIRST_SLAB], firstSlab);
  check("endSlab", meta[superblock.END_SLAB], capacityBytes >>> SLAB_SHIFT);
  return { options, workers };
}

function checkClasses(meta: Int32Array, options: HeapOptions): void {
  for (let classIndex = 1; classIndex <= CLASS_COUNT; classIndex++) {
    const classAt = classRecord.at(classIndex);
    check("classCap", meta[classAt + classRecord.CAP], chainCap(classIndex, options.fastCap));
    check("classRefill", meta[classAt + classRecord.REFILL], refillCount(classIndex, options));
  }
}

function readOptions(meta: Int32Array): HeapOptions {
  const options: Record<string, number | boolean> = {};
  OPTION_TABLE.forEach((row, index) => {
    const value = meta[superblock.OPTIONS + index];
    const isInRange = value >= row.min && value <= row.max;
    if (!isInRange) throw badImage(`option ${row.name}`, value, `${row.min} to ${row.max}`);
    options[row.name] = row.type === "switch" ? value === 1 : value;
  });
  return options as unknown as HeapOptions;
}

function verifyAsImage(views: HeapViews): void {
  try {
    verifyImage(views);
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    const { invariant, address, found, expected } = error.details;
    const details = { field: invariant, address, found, expected };
    throw new HeapError("ERR_BAD_HEAP_IMAGE", `not a heap image: ${error.message}`, details);
  }
}
