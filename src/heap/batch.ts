import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";
import { tagOf } from "../base/tag.js";
import { NULL, type Ptr } from "../base/types.js";
import type { Door } from "../front/door.js";
import { liveHeaderOf } from "../front/lookup.js";
import { notLive } from "../front/misuse.js";
import { GRANULE_SHIFT, LIVE_TO_CACHED } from "../layout/header.js";
import type { HeapViews } from "../layout/views.js";

/** What holds ptrs: an `Int32Array`, a `Uint32Array`, a `Float64Array` or an array. */
export interface PtrArray {
  readonly length: number;
  [index: number]: number;
}

const PTR_ARRAYS: readonly unknown[] = ["Int32Array", "Uint32Array", "Float64Array"];

/** Checks that `array` can hold `count` ptrs. @throws {HeapError} ERR_INVALID_ARGUMENT */
export function checkCount(count: unknown, array: PtrArray, mayGrow: boolean): void {
  const isTyped = ArrayBuffer.isView(array) && PTR_ARRAYS.includes(tagOf(array));
  if (!isTyped && !Array.isArray(array)) {
    const accepted = "an array, an Int32Array, a Uint32Array or a Float64Array";
    const message = `ptrs are ${describe(array)}; they take ${accepted}`;
    throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: array });
  }
  const canGrow = mayGrow && !isTyped && Object.isExtensible(array);
  const max = canGrow ? 2 ** 31 - 1 : mayGrow && Object.isFrozen(array) ? 0 : array.length;
  const isCount = Number.isInteger(count) && (count as number) >= 0 && (count as number) <= max;
  if (isCount) return;
  const message = `count is ${describe(count)}; it takes an integer from 0 to ${max}`;
  throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: count, max });
}

/** Allocates `count` blocks, or none and throws, also if `out` cannot be written to. */
export function mallocBatch(door: Door, size: number, count: number, out: PtrArray): void {
  let taken = 0;
  let ptr = NULL;
  try {
    for (; taken < count; taken++) {
      ptr = door.malloc(size);
      out[taken] = ptr;
      ptr = NULL;
    }
  } catch (error) {
    door.free(ptr);
    while (taken > 0) {
      door.free(out[--taken] as Ptr);
      out[taken] = NULL;
    }
    throw error;
  }
}

/** A batch is read into `spare`, which is empty while a batch is freed. */
const NO_PTRS = new Int32Array(0);
const spare: [Int32Array] = [NO_PTRS];

/**
 * Reads each ptr once, so that what is checked is what is freed: the array may change meanwhile, or
 * run code of the program.
 * @throws ERR_INVALID_POINTER for what is no ptr of any heap.
 */
function readPtrs(views: HeapViews, ptrs: PtrArray, count: number): Int32Array {
  const last = spare[0];
  const taken = count > last.length ? new Int32Array(count) : last;
  spare[0] = NO_PTRS;
  for (let index = 0; index < count; index++) {
    const ptr = ptrs[index];
    if (typeof ptr !== "number" || (ptr | 0) !== ptr) throw notLive(views, ptr);
    taken[index] = ptr;
  }
  return taken;
}

/**
 * Frees the blocks of the first `count` ptrs (0 is skipped), or none and throws. The check marks
 * each block as cached, so that the second of two equal ptrs is refused.
 */
export function freeBatch(views: HeapViews, door: Door, ptrs: PtrArray, count: number): void {
  const { headers } = views;
  const taken = readPtrs(views, ptrs, count);
  let checked = 0;
  try {
    for (; checked < count; checked++) {
      const ptr = taken[checked];
      if (ptr === 0) continue;
      headers[ptr >>> GRANULE_SHIFT] = liveHeaderOf(views, ptr) - LIVE_TO_CACHED;
    }
  } finally {
    while (checked > 0) {
      const granule = taken[--checked] >>> GRANULE_SHIFT;
      if (granule !== 0) headers[granule] = headers[granule] + LIVE_TO_CACHED;
    }
  }
  for (let index = 0; index < count; index++) door.free(taken[index] as Ptr);
  spare[0] = taken;
}

/**
 * Frees as `freeBatch` does, for a worker that may die at any instruction: it marks no header
 * before the block is freed. `seen` has a bit for each granule, all 0.
 */
export function freeEach(
  views: HeapViews,
  door: Door,
  ptrs: PtrArray,
  count: number,
  seen: Uint32Array,
): void {
  const taken = readPtrs(views, ptrs, count);
  let checked = 0;
  try {
    for (; checked < count; checked++) {
      const ptr = taken[checked];
      if (ptr === 0) continue;
      liveHeaderOf(views, ptr);
      const word = ptr >>> (GRANULE_SHIFT + 5);
      const bit = 1 << ((ptr >>> GRANULE_SHIFT) & 31);
      if ((seen[word] & bit) !== 0) throw freedTwice(ptr);
      seen[word] = seen[word] | bit;
    }
  } finally {
    for (let index = 0; index < checked; index++) {
      seen[taken[index] >>> (GRANULE_SHIFT + 5)] = 0;
    }
  }
  for (let index = 0; index < count; index++) door.free(taken[index] as Ptr);
  spare[0] = taken;
}

function freedTwice(ptr: number): HeapError {
  const message = `ptr ${ptr} is in the batch twice; expected each live ptr once`;
  return new HeapError("ERR_DOUBLE_FREE", message, { ptr, reason: "freed" });
}
