import { staticAssert } from "../base/assert.js";
import { CLASS_COUNT, SPAN_CLASS } from "./sizeClasses.js";

/*
 * What a slab is, in one number: IN_ARENA, the size class of its blocks (1 to CLASS_COUNT),
 * SPAN_CLASS if it is a span's first slab, or SPAN_TAIL. In a slab record, SPAN_TAIL is written to
 * the last slab of a span only. In a slab state it stands in every slab of a span but the first.
 */
export const IN_ARENA = 0;
export const SPAN_TAIL = 62;

staticAssert(CLASS_COUNT < SPAN_TAIL && SPAN_TAIL < SPAN_CLASS, "slab kinds do not meet");
