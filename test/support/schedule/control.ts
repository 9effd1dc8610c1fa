/*
 * The control buffer of the deterministic scheduler: whose turn it is, the schedule, the threads'
 * operations, and what happened. Only the thread that has the turn accesses it, except for the turn
 * itself. Plain accesses are enough, because passing the turn synchronises.
 */
export const TURN = 0;
export const STEP = 1;
export const CURSOR = 2;
export const DONE = 3;
/** Size of a failure's text in bytes. */
export const FAILED = 4;
/** The thread that dies, and before which of its steps; -1 is none. */
export const VICTIM = 5;
export const VICTIM_STEP = 6;
export const DEAD = 7;
export const STEP_LIMIT = 8;
export const SWITCH_COUNT = 9;
export const THREADS = 10;
/** Counts configurations of the heap; a thread makes new views when it has changed. */
export const CONFIG = 11;
export const SLABS = 12;
export const FAST_CAP = 13;
export const MAX_WORKERS = 14;
export const INTERVAL = 15;
/** How often a thread was told that a block was freed twice. */
export const TOLD = 18;
/** The block that was in slot 0 when the run began. */
export const FIRST_PTR = 23;
/** Whether views are watched, and how: bits of WATCH_WRITES, WATCH_LOG and WATCH_HEADERS. */
export const WATCH = 16;
/** The threads that wait, as bits. */
export const WAITING = 17;
/** More than MAX_LOG when the log had no room for all accesses. */
export const LOG_COUNT = 19;
/** 1 if the places in the sources of the accesses that have LOG_WANTED are written down. */
export const EXPLAIN = 20;
/** Like HASH, but equal for runs that differ only in the order of independent operations. */
export const CLASS = 22;
/** One word per thread. */
export const SLEEPING = 24;
export const WORKER_OF = 32;
/** Stands for the worker of a thread that is attaching. */
export const ATTACHING = -2;
export const OWN_STEPS = 40;
export const OPS_COUNT = 48;
/** Hash of all operations of a run: which, where, and with which result. */
export const HASH = 56;
/** 1 if waits last until they are woken, and never time out. */
export const PATIENT = 57;
/** The thread that dies besides VICTIM, and before which of its steps; -1 is none. */
export const SECOND_VICTIM = 58;
export const SECOND_VICTIM_STEP = 59;

/** Where the threads keep ptrs. */
export const SLOT_TABLE = 64;
export const SLOT_COUNT = 48;
/** Counts runs. */
export const EPOCH = 112;
/** Blocks without a pattern that recoveries have listed. */
export const UNFILLED = 113;
/** 1 if an operation of the run frees what another frees at the same moment. */
export const UNORDERED = 114;
/** How many operations of the run may ask a worker whether it lives. */
export const ASKS = 115;
/** What each thread does: an operation's kind; 0 is nothing. */
export const IN_OP = 128;
/** How often each thread has attached or begun to detach. */
export const ATTACHMENTS = 136;
/** Whether each thread recovers another: 0, 1, or 2 if it frees what it lists. */
export const RECOVERING = 144;
/** Blocks that threads have forgotten: their number, then ptr and holder of each. */
export const FORGOTTEN = 256;
export const MAX_FORGOTTEN = 64;
/**
 * Waits of `Atomics.waitAsync`: for each thread the words' addresses, and how many waits each has.
 * A thread that dies has none.
 */
export const ASYNC_WAITS = 512;
export const ASYNC_WORDS = 16;
/** The thread's clock in ms, the word it waits for, its steps at the first death of a run. */
export const CLOCKS = 1100;
export const WAIT_ADDRESS = 1108;
export const OWN_AT_DEATH = 1116;
/** Blocks in a thread's hand: ptr if it was taken from a slot, ~ptr if it was allocated. */
export const IN_HAND = 1152;
export const MAX_IN_HAND = 6;
export const OPS = 1200;
export const MAX_OPS = 64;
export const OP_INTS = 3;
export const TRACE = 2048;
export const MAX_STEPS = 65536;
export const TEXT = TRACE + MAX_STEPS;
export const TEXT_BYTES = 16384;
/** Pairs: a step, and the thread that has the turn from there on. */
export const SWITCHES: number = TEXT + TEXT_BYTES / 4;
export const MAX_SWITCHES = 8192;
export const LOG: number = SWITCHES + 2 * MAX_SWITCHES;
/** Words of a logged access: thread and kind, address, bytes. */
export const LOG_INTS = 3;
export const MAX_LOG = 60_000;
/** Lists of blocks: in each a word that says whether a thread uses it, their number, ptrs. */
export const LISTS: number = LOG + LOG_INTS * MAX_LOG;
export const LIST_COUNT = 4;
export const MAX_LISTED = 4096;
export const LIST_INTS: number = 2 + MAX_LISTED;
/** Blocks that the run's recoveries have listed: their number, then their ptrs. */
export const RECOVERED: number = LISTS + LIST_COUNT * LIST_INTS;
export const MAX_RECOVERED = 16384;
/** What is known of each granule: see notes.ts. */
export const GRANULES: number = RECOVERED + 1 + MAX_RECOVERED;
/** The most slabs of a heap. */
export const MAX_SLABS = 1152;
export const CONTROL_INTS: number = GRANULES + (MAX_SLABS << 12);

/** The turn at the end of a run, when thread 0 checks. */
export const MAIN = 15;

/** A step's trace: the thread, and the threads that could not have the turn. */
export const TRACE_DONE_SHIFT = 4;
/** The first step of a thread. */
export const TRACE_FIRST = 0x100;
/** The thread ended or began to wait here; then the thread that has the turn unless scheduled. */
export const TRACE_LEFT = 0x10000;
export const TRACE_TO_SHIFT = 20;

/** Views are watched: a thread may die before each plain write. */
export const WATCH_WRITES = 1;
/** Views are watched: all accesses are logged. */
export const WATCH_LOG = 2;
/** Views are watched: plain accesses to headers are logged steps, where the turn may change. */
export const WATCH_HEADERS = 4;

/** Kinds of logged events. */
export const PLAIN_READ = 0;
export const PLAIN_WRITE = 1;
export const SYNC_READ = 2;
/** An operation that reads and writes, and one that only writes. */
export const SYNC_WRITE = 3;
export const SYNC_STORE = 4;
/** A wait or a notify enters and leaves the list of those that wait at an address. */
export const WAITERS = 5;
/** The engine says that a thread is dead; the address is its number. */
export const DEATH_SEEN = 6;
/** Marks an entry of the log whose place in the sources is wanted; it survives a run. */
export const LOG_WANTED = 0x1000;

export const MALLOC = 1;
export const FREE = 2;
export const REALLOC = 3;
export const DRAIN = 4;
export const DETACH = 5;
export const ATTACH = 6;
export const HAND_OVER = 7;
export const RECOVER = 8;
export const MALLOC_BATCH = 9;
export const FREE_BATCH = 10;
export const MALLOC_WAIT = 11;
export const FORGET = 12;
export const FREE_UNORDERED = 13;
export const HAND_OVER_UNORDERED = 14;
export const FORGET_OWN = 15;
export const MALLOC_MANY = 16;
export const FREE_MANY = 17;

export const FREE_RACED = 40;
export const DRAIN_RACED = 41;
export const CALLOC = 18;
export const ALIGNED_ALLOC = 19;
export const RESET = 20;
export const STATS = 21;
export const VERIFY = 22;
export const SNAPSHOT = 23;
export const GUARD = 24;
export const RUN_LATER = 25;

/** Operations that free what another may free at the same moment. */
export const UNORDERED_KINDS: ReadonlySet<number> = new Set([
  FREE_UNORDERED,
  HAND_OVER_UNORDERED,
  FREE_RACED,
]);
/** Operations that may ask workers whether they live. */
export const ASKING: ReadonlySet<number> = new Set([RECOVER, GUARD, RUN_LATER]);

/** Operations that change nothing. */
export const READING: ReadonlySet<number> = new Set([STATS, VERIFY, SNAPSHOT]);

export const ALLOCATING: ReadonlySet<number> = new Set([
  CALLOC,
  ALIGNED_ALLOC,
  MALLOC,
  REALLOC,
  MALLOC_BATCH,
  MALLOC_WAIT,
  MALLOC_MANY,
]);

/** Blocks of a batch, in consecutive slots. */
export const BATCH = 3;

/** A dead worker's next step throws this. */
export const KILL: object = { name: "KILL" };

/** Operations of the seam. */
export const LOAD = 1;
export const STORE = 2;
export const ADD = 3;
export const OR = 4;
export const AND = 5;
export const EXCHANGE = 6;
export const COMPARE_EXCHANGE = 7;
export const NOTIFY = 8;
export const WAIT = 9;
/** What becomes of a step: the thread was woken, or dies before it. */
export const WOKEN = 10;
export const DIE = 11;
/** A read of the clock. */
export const CLOCK = 12;

/** Time that passes while a thread has lost the turn at a read of the clock. */
export const PAUSE_MS = 30;

/** Added to addresses in the control buffer. */
export const CONTROL_ADDRESS = 0x40000000;

/** Checks that a thread which changes something is not within an operation that only reads. */
export function checkReading(control: Int32Array, me: number): void {
  const kind = control[IN_OP + me] as number;
  if (READING.has(kind)) throw new Error(`${NAMES[kind]} has changed the heap`);
}

/** Adds a step to the run's hash, by which runs are compared. */
export function hashStep(
  control: Int32Array,
  me: number,
  op: number,
  address: number,
  result: number,
): void {
  if (op !== LOAD) checkReading(control, me);
  let hash = control[HASH] ^ (me | (op << 4) | (address << 8));
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ result;
  control[HASH] = Math.imul(hash ^ (hash >>> 13), 0x297a2d39);
}

/** An operation and two numbers, each a slot, a size, a worker, or a list with a count. */
export type Op = readonly [kind: number, a: number, b: number];

export const malloc = (slot: number, size: number): Op => [MALLOC, slot, size];
export const free = (slot: number): Op => [FREE, slot, 0];
export const realloc = (slot: number, size: number): Op => [REALLOC, slot, size];
export const drain: Op = [DRAIN, 0, 0];
export const detach: Op = [DETACH, 0, 0];
export const attach: Op = [ATTACH, 0, 0];
export const handOver = (slot: number, worker: number): Op => [HAND_OVER, slot, worker];
export const recover = (worker: number, freeLive = 0): Op => [RECOVER, worker, freeLive];

export const mallocBatch = (slot: number, size: number): Op => [MALLOC_BATCH, slot, size];
export const freeBatch = (slot: number): Op => [FREE_BATCH, slot, 0];
export const mallocWait = (slot: number, size: number): Op => [MALLOC_WAIT, slot, size];
/** Drops the block from its slot, so that it dies with its worker. */
export const forget = (slot: number): Op => [FORGET, slot, 0];

/** Frees a block that another thread frees at the same moment: one of the two must be refused. */
export const freeUnordered = (slot: number): Op => [FREE_UNORDERED, slot, 0];
/** Frees the block of slot 0, as others do at the same moment; notes if it is told so. */
export const freeRaced: Op = [FREE_RACED, 0, 0];
/** Drains, and notes if it is told that a block was freed twice. */
export const drainRaced: Op = [DRAIN_RACED, 0, 0];
/** Hands over a block that another may free at the same moment; the later of them is refused. */
export const handOverUnordered = (slot: number, worker: number): Op => [
  HAND_OVER_UNORDERED,
  slot,
  worker,
];
/** Drops the block if the thread's worker holds it, else leaves it there. */
export const forgetOwn = (slot: number): Op => [FORGET_OWN, slot, 0];

export const calloc = (slot: number, size: number): Op => [CALLOC, slot, size];

const SLOT_BITS = 8;

export function slotOf(a: number): number {
  return a & ((1 << SLOT_BITS) - 1);
}

export function alignmentOf(a: number): number {
  return 1 << (a >>> SLOT_BITS);
}

/** Allocates at a multiple of 2 ** `shift` bytes. */
export const alignedAlloc = (slot: number, size: number, shift: number): Op => [
  ALIGNED_ALLOC,
  slot | (shift << SLOT_BITS),
  size,
];

export const reset: Op = [RESET, 0, 0];
export const stats: Op = [STATS, 0, 0];
export const verify: Op = [VERIFY, 0, 0];
export const snapshot: Op = [SNAPSHOT, 0, 0];

/** Stands for all workers in `guard`. */
export const ANY_WORKER = 64;

/** Guards a worker of which an event says that it has ended, which may not be true. */
export const guard = (worker: number, freeLive = 0): Op => [GUARD, worker, freeLive];
/** Runs what the thread's event loop has to do by now, such as a guard's next question. */
export const runLater: Op = [RUN_LATER, 0, 0];

const LIST_BITS = 2;

export function listOf(a: number): number {
  return a & (LIST_COUNT - 1);
}

export function countOf(a: number): number {
  return a >>> LIST_BITS;
}

/** Allocates up to `count` blocks into a list, unless another thread uses the list. */
export const mallocMany = (list: number, count: number, size: number): Op => [
  MALLOC_MANY,
  list | (count << LIST_BITS),
  size,
];
/** Frees up to `count` blocks of a list: the last, or with `isOldest` the first. */
export const freeMany = (list: number, count: number, isOldest = 0): Op => [
  FREE_MANY,
  list | (count << LIST_BITS),
  isOldest,
];

const NAMES = [
  "",
  "malloc",
  "free",
  "realloc",
  "drain",
  "detach",
  "attach",
  "handOver",
  "recover",
  "mallocBatch",
  "freeBatch",
  "mallocWait",
  "forget",
  "freeUnordered",
  "handOverUnordered",
  "forgetOwn",
  "mallocMany",
  "freeMany",
  "calloc",
  "alignedAlloc",
  "reset",
  "stats",
  "verify",
  "snapshot",
  "guard",
  "runLater",
];

export function showOp([kind, a, b]: Op): string {
  const name =
    kind === FREE_RACED ? "freeRaced" : kind === DRAIN_RACED ? "drainRaced" : NAMES[kind];
  const isMany = kind === MALLOC_MANY || kind === FREE_MANY;
  const isAligned = kind === ALIGNED_ALLOC;
  const aligned = isAligned ? `${slotOf(a)},${alignmentOf(a)}` : a;
  const first = isMany ? `${listOf(a)},${countOf(a)}` : aligned;
  return `${name}(${first},${b})`;
}
