/**
 * A worker of the stress: it allocates, fills, hands over, takes, checks, reallocates and frees, in
 * an order that its seed gives. It may be killed between any two instructions.
 */
import { workerData } from "node:worker_threads";
import type { SharedHeap as Heap, HeapError as Misuse, Ptr } from "../../dist/index.js";
import {
  ACTION,
  ATTACHES,
  busyWord,
  COMPLAINT,
  COMPLAINT_FOUND,
  COMPLAINT_PTR,
  deadFlag,
  EPOCH,
  entryOf,
  FINISH,
  fill,
  findDamage,
  GIVING,
  HELD,
  HOLDER,
  INCARNATION,
  LEAVING,
  OPERATIONS,
  PARKED,
  PHASE,
  RING_SLOTS,
  RUN,
  random,
  ringWord,
  SEAT_CLOSED,
  SEAT_OPEN,
  SEQUENCE,
  type Seat,
  SINCE,
  SIZE,
  STATUS,
  seatWord,
  TRANSIT,
  toHolder,
  WORKER,
} from "./plan.js";

const { module, seats, seat, incarnation, seed, ...shared } = workerData as Seat;
const { SharedHeap, HeapError } = (await import(module)) as {
  SharedHeap: typeof Heap;
  HeapError: typeof Misuse;
};

const control = new Int32Array(shared.control);
const ledger = new Int32Array(shared.ledger);
const bytes = new Uint8Array(shared.heap);
const words = new Int32Array(shared.heap);
const next = random(seed);
const held: Ptr[] = [];
/** Most that one worker holds. */
const MOST = 160;
let sequence = 0;
let attaches = 0;
let heap: Heap;

function below(limit: number): number {
  return Math.floor(next() * limit);
}

function act(action: number): void {
  Atomics.store(control, seatWord(seat, ACTION), action);
}

class Stop extends Error {}

function complain(complaint: number, ptr: number, found: number): never {
  Atomics.store(control, seatWord(seat, COMPLAINT_PTR), ptr);
  Atomics.store(control, seatWord(seat, COMPLAINT_FOUND), found);
  Atomics.store(control, seatWord(seat, COMPLAINT), complaint);
  throw new Stop(`complaint ${complaint} about ${ptr}: ${found}`);
}

function attach(): void {
  heap = SharedHeap.attach(shared.heap);
  Atomics.store(control, seatWord(seat, WORKER), heap.workerId + 1);
  attaches = Atomics.add(control, seatWord(seat, ATTACHES), 1) + 1;
  Atomics.store(control, seatWord(seat, STATUS), SEAT_OPEN);
}

function pickSize(): number {
  const kind = next();
  if (kind < 0.45) return below(256);
  if (kind < 0.75) return below(2048);
  if (kind < 0.93) return below(16_384);
  if (kind < 0.975) return below(65_537);
  return 65_536 + below(200_000);
}

/** Enters a block that was just allocated. Its last holder must have let go of it, or be dead. */
function enter(ptr: Ptr, size: number, since = attaches): void {
  const entry = entryOf(ptr);
  const before = Atomics.exchange(ledger, entry + HOLDER, toHolder(incarnation, HELD));
  const isOver = before === 0 || (before & 3) === LEAVING;
  if (!isOver && Atomics.load(control, deadFlag(seats, before >> 2)) === 0) {
    complain(2, ptr, before);
  }
  ledger[entry + SINCE] = since;
  write(ptr, size);
  held.push(ptr);
}

function write(ptr: Ptr, size: number): void {
  const entry = entryOf(ptr);
  ledger[entry + SIZE] = size;
  ledger[entry + SEQUENCE] = ++sequence;
  fill(bytes, words, ptr, ledger.subarray(entry + SIZE, entry + LENGTH));
}

const LENGTH = SEQUENCE + 1;

function note(ptr: Ptr, state: number, from: number): void {
  const entry = entryOf(ptr) + HOLDER;
  const own = toHolder(incarnation, from);
  const found = Atomics.compareExchange(ledger, entry, own, toHolder(incarnation, state));
  if (found !== own) complain(3, ptr, found);
}

/** Clears an entry after a free, unless the block and its entry are another's by now. */
function leave(ptr: Ptr): void {
  Atomics.compareExchange(ledger, entryOf(ptr) + HOLDER, toHolder(incarnation, LEAVING), 0);
}

function filledAs(ptr: Ptr): { ptr: number; size: number; sequence: number } {
  const entry = entryOf(ptr);
  return { ptr, size: ledger[entry + SIZE] ?? 0, sequence: ledger[entry + SEQUENCE] ?? 0 };
}

function check(ptr: Ptr): void {
  const filled = filledAs(ptr);
  const damage = findDamage(bytes, ptr, filled, filled.size);
  if (damage >= 0) complain(1, ptr, damage);
}

function allocate(): void {
  act(1);
  const size = pickSize();
  const ptr = heap.tryMalloc(size);
  if (ptr !== 0) enter(ptr, size);
  else freeSome();
}

function takeHeld(): Ptr | undefined {
  const place = below(held.length);
  const ptr = held[place];
  const last = held.pop();
  if (last !== undefined && place < held.length) held[place] = last;
  return ptr;
}

function freeOne(): void {
  act(2);
  const ptr = takeHeld();
  if (ptr === undefined) return;
  check(ptr);
  note(ptr, LEAVING, HELD);
  heap.free(ptr);
  leave(ptr);
}

function freeSome(): void {
  for (let count = held.length >> 1; count > 0; count--) freeOne();
}

function reallocate(): void {
  act(3);
  const old = takeHeld();
  if (old === undefined) return;
  check(old);
  const filled = filledAs(old);
  const size = pickSize();
  note(old, LEAVING, HELD);
  let ptr: Ptr;
  try {
    ptr = heap.realloc(old, size);
  } catch (error) {
    if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
    note(old, HELD, LEAVING);
    held.push(old);
    freeSome();
    return;
  }
  const damage = findDamage(bytes, ptr, filled, Math.min(size, filled.size));
  if (damage >= 0) complain(1, ptr, damage);
  // A block that was kept over a detach has no known holder, even if it is resized in its place.
  enter(ptr, size, ptr === old ? ledger[entryOf(old) + SINCE] : attaches);
  if (ptr !== old) leave(old);
}

/** Hands a block over to an open seat, and puts it into the ring that leads there. */
function give(): void {
  act(4);
  const taker = below(seats);
  const ring = ringWord(seats, seat, taker);
  if (taker === seat || held.length === 0) return;
  const busy = busyWord(seats, seat, taker);
  Atomics.store(control, busy, 1);
  const put = Atomics.load(control, ring + 1);
  const hasRoom = put - Atomics.load(control, ring) < RING_SLOTS;
  if (hasRoom && Atomics.load(control, seatWord(taker, STATUS)) === SEAT_OPEN) {
    const ptr = takeHeld();
    if (ptr !== undefined && handOver(ptr, taker)) {
      Atomics.store(control, ring + 2 + (put % RING_SLOTS), ptr);
      Atomics.store(control, ring + 1, put + 1);
    }
  }
  Atomics.store(control, busy, 0);
}

function handOver(ptr: Ptr, taker: number): boolean {
  const worker = Atomics.load(control, seatWord(taker, WORKER)) - 1;
  const theirs = Atomics.load(control, seatWord(taker, INCARNATION));
  note(ptr, GIVING, HELD);
  try {
    heap.handOver(ptr, worker);
  } catch (error) {
    // A block kept over a detach is nobody's, unless its slab was adopted by this worker.
    if (!(error instanceof HeapError) || error.code !== "ERR_INVALID_WORKER") throw error;
    note(ptr, HELD, GIVING);
    held.push(ptr);
    return false;
  }
  Atomics.store(ledger, entryOf(ptr) + HOLDER, toHolder(theirs, TRANSIT));
  return true;
}

function take(): void {
  act(5);
  const giver = below(seats);
  takeFrom(giver);
}

function takeFrom(giver: number): void {
  const ring = ringWord(seats, giver, seat);
  const taken = Atomics.load(control, ring);
  if (taken === Atomics.load(control, ring + 1)) return;
  const ptr = Atomics.load(control, ring + 2 + (taken % RING_SLOTS)) as Ptr;
  if (ptr <= 0) complain(5, ptr, giver);
  note(ptr, HELD, TRANSIT);
  ledger[entryOf(ptr) + SINCE] = attaches;
  held.push(ptr);
  Atomics.store(control, ring, taken + 1);
  check(ptr);
}

/** Closes the seat, waits for hand-overs to end, leaves the heap and comes back. */
function reattach(): void {
  act(5);
  Atomics.store(control, seatWord(seat, STATUS), SEAT_CLOSED);
  for (let giver = 0; giver < seats; giver++) {
    while (Atomics.load(control, busyWord(seats, giver, seat)) !== 0) rest(1);
  }
  for (let giver = 0; giver < seats; giver++) {
    for (let count = 0; count < RING_SLOTS; count++) takeFrom(giver);
  }
  act(7);
  heap.detach();
  Atomics.store(control, seatWord(seat, WORKER), 0);
  attach();
}

function waitForMemory(): void {
  act(8);
  const size = 20_000 + below(40_000);
  try {
    enter(heap.mallocWait(size, { timeout: 2 }), size);
  } catch (error) {
    if (!(error instanceof HeapError) || error.code !== "ERR_HEAP_EXHAUSTED") throw error;
    freeSome();
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function rest(ms: number): void {
  Atomics.wait(sleeper, 0, 0, ms);
}

/** Does what the phase demands, and waits for the next phase. */
function park(phase: number): void {
  if (phase === FINISH) {
    for (let giver = 0; giver < seats; giver++) {
      for (let count = 0; count < RING_SLOTS; count++) takeFrom(giver);
    }
    while (held.length > 0) freeOne();
    heap.drain();
  }
  act(9);
  const epoch = Atomics.load(control, EPOCH);
  Atomics.store(control, seatWord(seat, PARKED), epoch);
  Atomics.wait(control, EPOCH, epoch);
}

function turn(): void {
  const what = next();
  if (held.length >= MOST || what < 0.2) freeOne();
  else if (what < 0.5) allocate();
  else if (what < 0.62) reallocate();
  else if (what < 0.8) give();
  else if (what < 0.985) take();
  else if (what < 0.996) {
    act(6);
    heap.drain();
  } else if (what < 0.998) reattach();
  else waitForMemory();
}

async function main(): Promise<void> {
  act(0);
  attach();
  for (;;) {
    for (let count = 0; count < 50; count++) {
      const phase = Atomics.load(control, PHASE);
      if (phase !== RUN) park(phase);
      else turn();
    }
    Atomics.add(control, seatWord(seat, OPERATIONS), 50);
    act(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof Stop)) {
    Atomics.store(control, seatWord(seat, COMPLAINT), 4);
  }
  throw error;
});
