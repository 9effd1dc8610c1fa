import { staticAssert } from "../base/assert.js";
import type { ClassIndex, Header } from "../base/types.js";

/*
 * The header byte: one for each granule of the heap, at `headers[ptr >>> 4]`. It is the truth;
 * every list and count is a cache of it that can be rebuilt by reading the map.
 *
 *    7 6 5 4 3 2 1 0
 *   +---+-----------+    state 0  no block starts here, and the class is 0 too. In a shared heap,
 *   |st |   class   |             with a class: in transit, because a worker that does not own the
 *   +---+-----------+             slab has freed the block
 *                        state 1  free: in its slab, for a refill to take
 *                        state 2  cached: in the front cache or on the SLL
 *                        state 3  live: handed out
 */
export const GRANULE_SHIFT = 4;
export const GRANULE_BYTES = 16;

export const STATE_MASK = 0xc0;
export const CLASS_MASK = 0x3f;

export const NO_BLOCK = 0x00;
export const IN_TRANSIT = 0x00;
export const FREE = 0x40;
export const CACHED = 0x80;
export const LIVE = 0xc0;

/** The difference between the live and the cached header of one class. */
export const LIVE_TO_CACHED: number = LIVE - CACHED;

export function headerClass(header: Header): ClassIndex {
  return header & CLASS_MASK;
}

export function headerState(header: Header): number {
  return header & STATE_MASK;
}

export function toHeader(state: number, classIndex: ClassIndex): Header {
  return state | classIndex;
}

staticAssert(GRANULE_BYTES === 1 << GRANULE_SHIFT, "a granule is 1 << GRANULE_SHIFT bytes");
staticAssert(LIVE > CACHED && CACHED > FREE && FREE > CLASS_MASK, "live is the highest state");
staticAssert((STATE_MASK | CLASS_MASK) === 0xff, "state and class fill the byte");
