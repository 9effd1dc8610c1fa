import { staticAssert } from "../base/assert.js";
import { SPAN_TAIL } from "./slabKind.js";
import { MAX_WORKERS } from "./slotState.js";

/*
 * The state of a slab of a shared heap: one word, changed by compare-exchange, so a slab always has
 * exactly one owner or none. 0 means that the slab is in the arena.
 *
 *   17   16     15 ..  8 7 ..   0
 *   +----+------+-------+--------+    kind     see slabKind.ts
 *   |BUSY|MARKED| kind  | owner  |    owner    worker + 1, or ABANDONED; 0 in the tails of a span
 *   +----+------+-------+--------+
 */
export const OWNER_MASK = 0xff;
export const ABANDONED = 0xff;
export const KIND_SHIFT = 8;
/** Set while a block of the slab is, or was, handed over. */
export const MARKED = 0x10000;
/** Set while a span's owner makes, frees or resizes it: a span without it is live. */
export const BUSY = 0x20000;
/** The state of every slab of a span but the first. Whoever owns the first slab owns these. */
export const TAIL_STATE = 0x3e00;

staticAssert(TAIL_STATE === SPAN_TAIL << KIND_SHIFT, "the state of a tail");
staticAssert(MAX_WORKERS < ABANDONED, "no worker's owner number is ABANDONED");
