/*
 * The tight loops of `npm run bench:shared`: blocks of one size go from one worker to another
 * through a ring of ptrs, and the same loops run without the other worker. The workloads of
 * bench/workloads run event by event, which costs more than a free does. Here only the allocator's
 * work is left.
 */

/**
 * What the workers of a process do: one allocates what the other frees; one does both; or each
 * replaces blocks of its own at random.
 */
export type Mode = "pipe" | "pair" | "churn";

/** Where blocks come from. `none` counts, so that only the ring's own cost is measured. */
export type MemoryKind = "heap" | "heaps" | "peer" | "none";

/** What a worker is given. Its commands are words of bench/subject/workers/shared.ts. */
export interface RingSetup {
  readonly mode: Mode;
  readonly kind: MemoryKind;
  readonly index: number;
  /** The heap, or the peer's memory. */
  readonly buffer: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly ring: SharedArrayBuffer;
}

/** Operations of a worker in one run: a multiple of each batch. */
export const RUN_OPERATIONS = 16_384;

/** The argument of a command that frees all blocks. Any other is a number of runs. */
export const FREE_ALL = 0;

export const BLOCK_BYTES = 64;

/* Words of the ring: head, tail and sleepers have cache lines of their own. */
export const HEAD = 0;
export const TAIL = 32;
export const SLEEP = 64;
export const DATA = 96;
/** Ptrs that a ring holds. */
export const RING = 65_536;
export const RING_WORDS: number = DATA + RING;
