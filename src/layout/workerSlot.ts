import type { WordIndex, WorkerIndex } from "../base/types.js";

/*
 * A worker's slot: one cache line for each worker of a shared heap, after the shared superblock.
 * All access is by Atomics.
 *
 *   0 STATE   1 MAIL   2 SETTLED   3 ARMED   4 TICKET   5 PROBED   6 RENEWED   7 free
 *   8 ..15 LIVES
 */
export const START = 192;
export const INTS = 16;
export const SHIFT = 4;

/** The slot's generation and status: see slotState.ts. */
export const STATE = 0;
/** A bit for each group of the worker's dirty words in which one may be set. */
export const MAIL = 1;
/**
 * The generation that has made nobody's what earlier ones of the slot left. The slot's worker holds
 * what has its mark, and spans of which it is the owner, only if this is its own generation.
 */
export const SETTLED = 2;
/** The generation << 8 | the waits on its life word that no probe has used: heap/liveness.ts. */
export const ARMED = 3;
/** Its place among the workers that wait for memory; 0 is none. */
export const TICKET = 4;
/** When the worker was asked last whether it lives: `Date.now()` in 32 bits. */
export const PROBED = 5;
/** When the worker was in its event loop last; 0 if its engine cannot tell whether it lives. */
export const RENEWED = 6;
/** The worker's agent waits on one of these for as long as it lives: by generation, in turn. */
export const LIVES = 8;
export const LIVES_INTS = 8;

/** Returns the index of a worker's slot. */
export function at(worker: WorkerIndex): WordIndex {
  return START + (worker << SHIFT);
}

/** Returns the index of the life word of an attachment, which is named by its slot's state. */
export function lifeAt(worker: WorkerIndex, state: number): WordIndex {
  return at(worker) + LIVES + ((state >>> 8) & (LIVES_INTS - 1));
}
