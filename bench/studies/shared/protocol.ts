/** What a process hands to its workers, and where the words are through which they agree. */

export type Mode =
  | "pair"
  | "produce"
  | "consume"
  | "ring-produce"
  | "ring-consume"
  | "peer-pair"
  | "peer-produce"
  | "peer-consume"
  | "churn"
  | "larson"
  | "mstress"
  | "rptest"
  | "cache-scratch"
  | "cache-thrash";

export interface WorkerData {
  readonly mode: Mode;
  readonly index: number;
  readonly workers: number;
  /** The heap, or the peer's memory. */
  readonly buffer: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly rings: SharedArrayBuffer;
  /** Ptrs that all workers see: slots of larson, the array of mstress. */
  readonly slots: SharedArrayBuffer;
}

/** Words of `control`. */
export const READY = 0;
export const GO = 16;
export const STOP = 32;
export const STOPPED = 48;
export const PROGRESS = 64;
export const CONTROL_INTS = 64 + 64 * 32;

/** A worker's count of operations has a cache line of its own, and a line to spare. */
export function progressWord(worker: number): number {
  return PROGRESS + 32 * worker;
}

/** Where a worker says that it sleeps: 16 words from its progress. */
export function sleepWord(worker: number): number {
  return progressWord(worker) + 16;
}

/** Words of a ring of ptrs from one worker to one other. */
export const HEAD = 0;
export const TAIL = 32;
export const DATA = 64;
export const RING = 65_536;
export const RING_INTS: number = DATA + RING;

/** Ptrs that one store to a ring publishes. The peer searches all live blocks: few help it. */
export const BATCH = 256;
export const PEER_BATCH = 64;
export const PEER_LIMIT = 256;

export const BLOCK_BYTES = 64;

export const CAPACITY: number = 2 ** 29;
/** Those of a case, and the one that starts them. */
export const MAX_WORKERS = 17;

/** Blocks of rptest that a worker may have on their way to the next. */
export const PIPE_LIMIT = 1000;

export const LARSON_SLOTS = 1000;
export const SHARED_BLOCKS = 1000;
/** The slots of larson, then the array of mstress. */
export const SHARED_BASE: number = 64 * LARSON_SLOTS;
export const SLOT_INTS: number = SHARED_BASE + SHARED_BLOCKS;
