import { staticAssert } from "../base/assert.js";

/*
 * The state of a slot. A generation is one attachment of a worker; each change is one
 * compare-exchange, and only what is attached owns anything.
 *
 *   31 ..                8 7 6 5 ..   0
 *   +---------------------+-+-+--------+    free -> attaching -> active -> free
 *   | generation          |r|h| number |                         active -> recovering -> free
 *   +---------------------+-+-+--------+    free -> held -> free
 */
export const SLOT_FREE = 0;
export const SLOT_ACTIVE = 1;
/** An agent attaches; another that finds no free slot may take it over. */
export const SLOT_ATTACHING = 2;
/** The worker with the given number keeps others from attaching. */
export const SLOT_HELD = 0x40;
/** The worker with the given number recovers this one. */
export const SLOT_RECOVERING = 0x80;

export const MAX_WORKERS = 64;

/** Returns whether a slot with this state is a worker's: alive, dead or being recovered. */
export function isWorkers(state: number): boolean {
  return (state & 0xff) === SLOT_ACTIVE || (state & SLOT_RECOVERING) !== 0;
}

/** Returns the generation of a slot's state, in its place. */
export function generationOf(state: number): number {
  return state & ~0xff;
}

staticAssert(MAX_WORKERS <= SLOT_HELD && SLOT_HELD < SLOT_RECOVERING, "a status and a number");
