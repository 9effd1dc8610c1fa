/*
 * What the main thread and the workers of a stress share beside the heap: a control buffer of
 * words, and a ledger with four words for each granule of the heap. The heap knows none of it.
 *
 * A seat is a place for a worker thread; an incarnation is one thread that sat there. The ledger's
 * first word of a block says which thread has it: incarnation << 2 and one of the states below. The
 * ledger's notes and the heap's calls are ordered so that a thread may die between any two of them:
 * worker.ts has that order, and check.ts makes use of it.
 */

export const HELD = 0;
/** About to be freed, or moved by a realloc: the block may be live, free, or another's by now. */
export const LEAVING = 1;
/** About to be handed over: the giver's or the taker's. */
export const GIVING = 2;
/** In a ring, or about to be put there. The incarnation is the taker's. */
export const TRANSIT = 3;

export const SEAT_CLOSED = 0;
export const SEAT_OPEN = 1;

// Words of the control buffer.
export const PHASE = 0;
export const EPOCH = 1;
const SEATS = 16;
const SEAT_WORDS = 16;

// Words of a seat.
/** Whether others may hand blocks over to it. */
export const STATUS = 0;
/** The id of its worker plus 1. */
export const WORKER = 1;
/** The epoch for which it is parked. */
export const PARKED = 2;
export const INCARNATION = 3;
/** The worker's action: an index into `ACTIONS`. */
export const ACTION = 4;
export const OPERATIONS = 5;
/** The worker's complaint: an index into `COMPLAINTS`, a ptr, and what it found there. */
export const COMPLAINT = 6;
export const COMPLAINT_PTR = 7;
export const COMPLAINT_FOUND = 8;
export const ATTACHES = 9;

/** Phases, which the workers read at each turn. */
export const RUN = 0;
export const PARK = 1;
/** Takes what is in the rings, frees all, drains, parks. */
export const FINISH = 2;

export const ACTIONS: readonly string[] = [
  "starts",
  "allocates",
  "frees",
  "reallocates",
  "hands over",
  "takes from a ring",
  "drains",
  "detaches and attaches",
  "waits for memory",
  "is parked",
  "rests in its event loop",
];

export const COMPLAINTS: readonly string[] = [
  "",
  "a byte of a block is not what was written to it",
  "malloc gave a block that another has",
  "the block's ledger entry is not this worker's",
  "an error was thrown",
  "the ring holds no ptr",
];

export const RING_SLOTS = 16;
const RING_WORDS = 32;

/** Data that a worker is started with. */
export interface Seat {
  readonly module: string;
  readonly heap: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly ledger: SharedArrayBuffer;
  readonly seats: number;
  readonly seat: number;
  readonly incarnation: number;
  readonly seed: number;
}

export function controlWords(seats: number, incarnations: number): number {
  return deadFlag(seats, incarnations);
}

export function seatWord(seat: number, name: number): number {
  return SEATS + seat * SEAT_WORDS + name;
}

/** 1 while the giver hands a block over to the taker. */
export function busyWord(seats: number, giver: number, taker: number): number {
  return SEATS + seats * SEAT_WORDS + giver * seats + taker;
}

/** A ring: the number of ptrs taken, the number put, then the ptrs. */
export function ringWord(seats: number, giver: number, taker: number): number {
  return SEATS + seats * (SEAT_WORDS + seats) + (giver * seats + taker) * RING_WORDS;
}

/** A dead incarnation whose recovery may miss no block that it got since it attached last. */
export const DEAD = 1;
/** A dead incarnation that was detaching or attaching: the heap knows no owner of what it held. */
export const DEAD_MOVING = 2;
/** A dead incarnation whose recovery was complete before the recoverer that died told of it. */
export const DEAD_UNHEARD = 3;

/** Returns a dead incarnation's word: one of those above, and how often it had attached. */
export function toDeath(kind: number, attaches: number): number {
  return (attaches << 2) | kind;
}

/** Returns the index of the word that is 0 until the incarnation is dead. */
export function deadFlag(seats: number, incarnation: number): number {
  return ringWord(seats, seats, 0) + incarnation;
}

export const LEDGER_WORDS = 4;
export const HOLDER = 0;
export const SIZE = 1;
export const SEQUENCE = 2;
/** Which attachment of its holder's thread has had the block: their number when it got it. */
export const SINCE = 3;

export function entryOf(ptr: number): number {
  return (ptr >>> 4) * LEDGER_WORDS;
}

export function toHolder(incarnation: number, state: number): number {
  return (incarnation << 2) | state;
}

function firstWord(ptr: number, size: number, sequence: number): number {
  return Math.imul(ptr ^ Math.imul(size, 0x85ebca6b), 0xc2b2ae35) ^ Math.imul(sequence, 0x27d4eb2f);
}

const STEP = 0x9e3779b1 | 0;

/** Fills a block with a pattern of its ptr, size and number. */
export function fill(bytes: Uint8Array, words: Int32Array, ptr: number, entry: Int32Array): void {
  const [size = 0, sequence = 0] = entry;
  let word = firstWord(ptr, size, sequence);
  const end = (ptr + size) & ~3;
  for (let at = ptr; at < end; at += 4, word = (word + STEP) | 0) words[at >>> 2] = word;
  for (let at = end; at < ptr + size; at++) bytes[at] = word >>> ((at & 3) << 3);
}

/** Returns the first of a filled block's `length` bytes that is not its own, or -1. */
export function findDamage(
  bytes: Uint8Array,
  at: number,
  filled: { readonly ptr: number; readonly size: number; readonly sequence: number },
  length: number,
): number {
  const view = new Int32Array(bytes.buffer, at, (length + 3) >>> 2);
  let word = firstWord(filled.ptr, filled.size, filled.sequence);
  const whole = length >>> 2;
  for (let index = 0; index < whole; index++, word = (word + STEP) | 0) {
    if (view[index] !== word) return at + 4 * index;
  }
  for (let byte = at + 4 * whole; byte < at + length; byte++) {
    if (bytes[byte] !== ((word >>> ((byte & 3) << 3)) & 0xff)) return byte;
  }
  return -1;
}

/** Returns a source of numbers from 0 to below 1, all from one seed. */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
