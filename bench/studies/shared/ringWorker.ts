/**
 * One worker of a process of loops: it repeats its step until it has done as many operations as it
 * is told to. The functions, views and arrays are module constants, and each step is a short call:
 * see bench/subject for why.
 */
import { workerData } from "node:worker_threads";
import { ARGUMENT, addWord, awaitWord, COMMAND_COUNT, DONE } from "../../subject/workers/shared.js";
import { openMemory } from "./ringMemory.js";
import {
  BLOCK_BYTES,
  DATA,
  FREE_ALL,
  HEAD,
  RING,
  RING_WORDS,
  type RingSetup,
  RUN_OPERATIONS,
  SLEEP,
  TAIL,
} from "./ringShared.js";

const setup = workerData as RingSetup;
const { mode, index } = setup;
const control = new Int32Array(setup.control);
const ring = new Int32Array(setup.ring, 0, RING_WORDS);
const memory = await openMemory(setup.kind, setup.buffer);
const u8 = memory.u8;
const malloc = memory.malloc;
const free = memory.free;
const BATCH = memory.batch;
const LIMIT = memory.limit;
const MASK = RING - 1;
const CHURN_SLOTS = 256;
const CHURN_STEP = 1024;
/** Looks at the ring before a worker sleeps: the other end is at work. */
const SPINS = 20_000;

/** Blocks that this worker holds; and what a step keeps from call to call. */
const own = new Int32Array(CHURN_SLOTS);
const state = new Int32Array([0, 0x9e3779b9 ^ Math.imul(index + 1, 0x85ebca6b)]);
const AT = 0;
const SEED = 1;

function pair(): number {
  for (let k = 0; k < BATCH; k++) {
    const ptr = malloc(BLOCK_BYTES);
    u8[ptr] = k;
    own[k] = ptr;
  }
  for (let k = 0; k < BATCH; k++) free(own[k] as number);
  return BATCH;
}

function produce(): number {
  const tail = state[AT] as number;
  if (((tail + BATCH - Atomics.load(ring, HEAD)) | 0) > LIMIT) return 0;
  for (let k = 0; k < BATCH; k++) {
    const ptr = malloc(BLOCK_BYTES);
    u8[ptr] = k;
    ring[DATA + ((tail + k) & MASK)] = ptr;
  }
  state[AT] = tail + BATCH;
  Atomics.store(ring, TAIL, state[AT] as number);
  return BATCH;
}

function consume(): number {
  const head = state[AT] as number;
  if (((Atomics.load(ring, TAIL) - head) | 0) < BATCH) return 0;
  for (let k = 0; k < BATCH; k++) free(ring[DATA + ((head + k) & MASK)] as number);
  state[AT] = head + BATCH;
  Atomics.store(ring, HEAD, state[AT] as number);
  return BATCH;
}

/** Fills a slot, or empties it, at random: blocks of 16 to 1024 bytes. */
function churn(): number {
  let r = state[SEED] as number;
  for (let i = 0; i < CHURN_STEP; i++) {
    r ^= r << 13;
    r ^= r >>> 17;
    r ^= r << 5;
    const slot = (r >>> 12) & (CHURN_SLOTS - 1);
    const old = own[slot] as number;
    if (old !== 0) {
      free(old);
      own[slot] = 0;
    } else {
      const ptr = malloc(16 + ((r & 0xfff) % 1009));
      u8[ptr] = r;
      own[slot] = ptr;
    }
  }
  state[SEED] = r;
  return CHURN_STEP;
}

function freeAll(): void {
  if (mode === "churn") for (const ptr of own) if (ptr !== 0) free(ptr);
  own.fill(0);
  memory.drain();
}

function wait(): void {
  Atomics.store(ring, SLEEP + index, 1);
  Atomics.wait(ring, SLEEP + index, 1, 1);
  Atomics.store(ring, SLEEP + index, 0);
}

/** Repeats a step. It is called with two steps, so that V8 inlines neither. */
function repeat(step: () => number, operations: number): void {
  const other = SLEEP + 1 - index;
  let idle = 0;
  for (let done = 0; done < operations; ) {
    const count = step();
    if (count === 0) {
      if (++idle > SPINS) wait();
      continue;
    }
    idle = 0;
    done += count;
    if (mode === "pipe" && Atomics.load(ring, other) !== 0) Atomics.notify(ring, other);
  }
}

const step = mode === "pipe" ? (index === 0 ? produce : consume) : mode === "pair" ? pair : churn;
for (let count = 1; ; count++) {
  awaitWord(control, COMMAND_COUNT, count);
  const runs = Atomics.load(control, ARGUMENT);
  if (runs === FREE_ALL) freeAll();
  else {
    repeat(() => 1, 1);
    repeat(step, runs * RUN_OPERATIONS);
  }
  addWord(control, DONE);
  // The waits by which a heap sees that a worker lives end in the event loop.
  await new Promise<void>((resolve) => setImmediate(resolve));
}
