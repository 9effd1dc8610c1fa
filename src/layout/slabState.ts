import { staticAssert } from "../base/assert.js";
import { SPAN_TAIL } from "./slabKind.js";
import { MAX_WORKERS } from "./slotState.js";

/*
 * The state of a slab of a shared heap, one word, changed by compare-exchange: so there is never a
 * doubt whose the slab is. 0 says that it is in the arena.
 *
 *   17   16     15 ..  8 7 ..   0
 *   +----+------+-------+--------+    kind     see slabKind.ts
 *   |BUSY|MARKED| kind  | owner  |    owner    worker + 1, ABANDONED, or 0 of a span's other slabs
 *   +----+------+-------+--------+
 */
export const OWNER_MASK = 0xff;
export const ABANDONED = 0xff;
export const KIND_SHIFT = 8;
/** Set while a block of the slab is, or was, handed over. */
export const MARKED = 0x10000;
/** Set while a span's owner makes, frees or resizes it: a span without it is live. */
export const BUSY = 0x20000;
/** The state of a span's slabs but its first: they go with that one. */
export const TAIL_STATE = 0x3e00;

staticAssert(TAIL_STATE === SPAN_TAIL << KIND_SHIFT, "the state of a tail");
staticAssert(MAX_WORKERS < ABANDONED, "a worker's number is no other owner's");
