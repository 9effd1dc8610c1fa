import { openSlab } from "../central/slabs.js";
import { takeSpan } from "../central/spans.js";
import {
  CLASS_MASK,
  GRANULE_BYTES,
  GRANULE_SHIFT,
  LIVE,
  LIVE_TO_CACHED,
} from "../layout/header.js";
import type { Image } from "../layout/image.js";
import {
  CLASS_CAP,
  CLASS_RECORD_INTS,
  CLASS_RECORDS,
  CLASS_REFILL,
  CLASS_SWAPS,
  CLOSED,
  COUNTERS_PER_CLASS,
  DRAIN_INTERVAL,
  END_SLAB,
  FIRST_SLAB,
  FRONT_MISSES,
  MAGAZINE_MASK,
  NO_TAKE_TOP,
  PARTIAL_HEAD,
  REFILLS,
  RUN,
  SLAB_RECORD_SHIFT,
  SLAB_RECORDS,
  SLAB_SHIFT,
  SLL_BLOCKS,
  SLL_HEAD,
  topToCount,
} from "../layout/metadata.js";
import { CLASS_MAX_BYTES, SPAN_CLASS } from "../layout/sizeClasses.js";
import { closed, exhausted, invalidSize, notLive } from "./misuse.js";
import { refillFromSlab } from "./refill.js";
import { drainAll, drainSll, openMagazines, popSll, takeSpare } from "./sll.js";

/*
 * Where the hot paths go when they miss. Each is one long body on purpose, as `realloc` is: above
 * 460 bytes of bytecode V8 does not inline a function. Cut into small ones they were inlined into
 * the program's loops, used up its inlining budget, and made it deoptimise whenever one of their
 * rare branches ran for the first time: a trace ran at 5.5 or 7.5 ns an event, by luck.
 */

/**
 * `malloc` when no block is cached, in this order: the magazine that `free` fills, the class's SLL,
 * a slab of the class with free or uncarved blocks, a new slab, what the other classes cache.
 *
 * @returns the live block; 0 when memory is exhausted.
 * @throws ERR_INVALID_SIZE
 */
export function mallocSlow(image: Image, size: number): number {
  const { counters, headers, meta, slabSource } = image;
  if (image.gate[CLOSED] !== 0) throw closed(image);
  const largest = ((meta[END_SLAB] as number) - (meta[FIRST_SLAB] as number)) << SLAB_SHIFT;
  if (typeof size !== "number" || size >>> 0 !== size || size > largest)
    throw invalidSize(image, size);
  if (size > CLASS_MAX_BYTES) {
    const bytes = (size + GRANULE_BYTES - 1) & -GRANULE_BYTES;
    if ((meta[SLL_BLOCKS] as number) > 0) drainSll(image);
    const span = takeSpan(image, bytes);
    if (span !== 0) return span;
    drainAll(image);
    return takeSpan(image, bytes);
  }
  const live = image.liveHeaders[(size + GRANULE_BYTES - 1) >>> GRANULE_SHIFT] as number;
  const classIndex = live & CLASS_MASK;
  const owner = CLASS_RECORDS + classIndex * CLASS_RECORD_INTS;
  if (meta[live] === NO_TAKE_TOP) openMagazines(image, live);
  let top = meta[live] as number;
  const putTop = meta[live - LIVE_TO_CACHED] as number;
  let slab = meta[owner + PARTIAL_HEAD] as number;
  if (meta[top] !== 0) {
    // A caller that came here without a look at the magazine.
  } else if (meta[putTop] !== 0 && (slab === 0 || !isScarce(meta, owner, putTop))) {
    meta[live - LIVE_TO_CACHED] = top;
    top = putTop;
  } else {
    const counter = classIndex * COUNTERS_PER_CLASS;
    counters[counter + FRONT_MISSES] = (counters[counter + FRONT_MISSES] as number) + 1;
    if ((meta[owner + SLL_HEAD] as number) !== 0) {
      popSll(meta, live, owner);
    } else {
      if (slab === 0 && (meta[SLL_BLOCKS] as number) > 0) {
        drainSll(image);
        slab = meta[owner + PARTIAL_HEAD] as number;
      }
      if (slab === 0) slab = slabSource.reclaim(image, classIndex);
      if (slab === 0) slab = openSlab(image, classIndex);
      if (slab === 0) {
        drainAll(image);
        slab = meta[owner + PARTIAL_HEAD] as number;
        if (slab === 0) slab = openSlab(image, classIndex);
        if (slab === 0) return 0;
      }
      counters[counter + REFILLS] = (counters[counter + REFILLS] as number) + 1;
      refillFromSlab(image, live, slab);
    }
    top = meta[live] as number;
  }
  const ptr = meta[top] as number;
  meta[live] = top - 1;
  headers[ptr >>> GRANULE_SHIFT] = live;
  return ptr;
}

/** Every so many exchanges of magazines that hold few blocks, the class gets more. */
const SCARCE_SWAPS = 16;
const SCARCE_BLOCKS = 16;

/**
 * Whether a class that is busy with few blocks should get more: an exchange of magazines costs a
 * call, so a class that makes one every few blocks pays as much for it as for the blocks.
 */
function isScarce(meta: Int32Array, owner: number, putTop: number): boolean {
  const wanted = meta[owner + CLASS_REFILL] as number;
  const mask = meta[MAGAZINE_MASK] as number;
  const blocks = topToCount(putTop, mask, meta[owner + CLASS_CAP] as number);
  if (blocks >= SCARCE_BLOCKS || blocks >= wanted) return false;
  const swaps = ((meta[owner + CLASS_SWAPS] as number) + 1) % SCARCE_SWAPS;
  meta[owner + CLASS_SWAPS] = swaps;
  return swaps === 0;
}

/**
 * `free` of a span, with a full magazine, or of no live ptr. A full magazine goes on the SLL, which
 * is drained when due.
 *
 * @throws ERR_INVALID_POINTER, ERR_DOUBLE_FREE
 */
export function freeSlow(image: Image, ptr: number): void {
  const { headers, meta, slabSource } = image;
  if (image.gate[CLOSED] !== 0) throw closed(image);
  if (ptr === 0) return;
  if (typeof ptr !== "number" || (ptr & -GRANULE_BYTES) !== ptr) throw notLive(image, ptr);
  const live = headers[ptr >>> GRANULE_SHIFT] as number;
  if (!(live > LIVE)) throw notLive(image, ptr);
  const classIndex = live & CLASS_MASK;
  if (classIndex === SPAN_CLASS) {
    const slab = ptr >>> SLAB_SHIFT;
    const record = SLAB_RECORDS + (slab << SLAB_RECORD_SHIFT);
    slabSource.reserve(image, slab);
    slabSource.give(image, slab, image.records[record + RUN] as number);
    return;
  }
  if (slabSource.freeForeign(image, ptr, live)) return;
  const cached = live - LIVE_TO_CACHED;
  const mask = meta[MAGAZINE_MASK] as number;
  if (meta[live] === NO_TAKE_TOP) openMagazines(image, live);
  let top = meta[cached] as number;
  // There is room for a caller that came here without a look at the magazine.
  if (((top + 1) & mask) === 0) {
    const owner = CLASS_RECORDS + classIndex * CLASS_RECORD_INTS;
    const cap = meta[owner + CLASS_CAP] as number;
    const full = top - mask;
    const spare = takeSpare(image);
    meta[full] = meta[owner + SLL_HEAD] as number;
    meta[owner + SLL_HEAD] = full;
    const blocks = (meta[SLL_BLOCKS] as number) + cap;
    const interval = meta[DRAIN_INTERVAL] as number;
    meta[SLL_BLOCKS] = blocks;
    top = spare + mask - cap;
    meta[cached] = top;
    if (interval !== 0 && blocks >= interval) drainSll(image);
  }
  headers[ptr >>> GRANULE_SHIFT] = cached;
  meta[cached] = top + 1;
  meta[top + 1] = ptr;
}

/** Small enough to be inlined: the callers' code for exhaustion is one call that never ran. */
export function mallocOrThrow(image: Image, size: number): number {
  const ptr = mallocSlow(image, size);
  if (ptr === 0) throw exhausted(image, size);
  return ptr;
}
