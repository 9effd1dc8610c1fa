import { staticAssert } from "../base/assert.js";
import type { ClassIndex, Header } from "../base/types.js";

/*
 * The header byte: one for each granule of the heap, at `headers[ptr >>> 4]`. It is the truth;
 * every list and count is a cache of it.
 *
 *    7 6 5 4 3 2 1 0
 *   +---+-----------+    state 0  class 0: no block starts here; class c: queued on the SLL
 *   |st |   class   |    state 1  free: in its slab, to be taken by a refill
 *   +---+-----------+    state 2  cached: in the front cache
 *                        state 3  live: handed out
 *
 * Queued has its own state because a link of the SLL lies in a freed block's payload, where a stale
 * view can overwrite it: a drain must tell a queued block from a cached one by the header alone.
 */
export const GRANULE_SHIFT = 4;
export const GRANULE_BYTES = 16;

export const STATE_MASK = 0xc0;
export const CLASS_MASK = 0x3f;

export const NO_BLOCK = 0x00;
export const QUEUED = 0x00;
export const FREE = 0x40;
export const CACHED = 0x80;
export const LIVE = 0xc0;

/** What separates a live header from the cached header of the same class. */
export const LIVE_TO_CACHED = LIVE - CACHED;

export function headerClass(header: number): ClassIndex {
  return (header & CLASS_MASK) as ClassIndex;
}

export function headerState(header: number): number {
  return header & STATE_MASK;
}

export function toHeader(state: number, classIndex: number): Header {
  return (state | classIndex) as Header;
}

export function isLive(header: number | undefined): boolean {
  return header !== undefined && header > LIVE;
}

staticAssert(GRANULE_BYTES === 1 << GRANULE_SHIFT, "a granule is 1 << GRANULE_SHIFT bytes");
staticAssert(LIVE > CACHED && CACHED > FREE && FREE > QUEUED, "live is the highest state");
staticAssert((STATE_MASK | CLASS_MASK) === 0xff, "state and class fill the byte");
