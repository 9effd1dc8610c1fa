/**
 * One worker of a process of loops: it repeats its step until it has done as many operations as it
 * is told to. The functions, views and arrays are module constants, and each step is a short call:
 * bench/subject/passes.ts says why.
 */
import { parentPort, workerData } from "node:worker_threads";
import { createTight, type TightLoop } from "../../subject/tight.js";
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
const malloc = memory.subject.malloc;
const free = memory.subject.free;
const write = memory.subject.write;
const BATCH = memory.batch;
const LIMIT = memory.limit;
const MASK = RING - 1;
const CHURN_SLOTS = 256;
/** Looks at the ring before a worker sleeps: the other end is at work. */
const SPINS = 20_000;

/** Where this worker is in the ring. */
const state = new Int32Array(1);
const AT = 0;

function produce(): number {
  const tail = state[AT] as number;
  if (((tail + BATCH - Atomics.load(ring, HEAD)) | 0) > LIMIT) return 0;
  for (let k = 0; k < BATCH; k++) {
    const ptr = malloc(BLOCK_BYTES);
    write(ptr, 0, k);
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

/** The loops of one worker are those of every subject. */
function createLoop(): TightLoop {
  if (mode === "pair") {
    const tight = { loop: "oldest-first", bytes: BLOCK_BYTES, batch: BATCH } as const;
    return createTight(memory.subject, tight);
  }
  const seed = 42 + index;
  return createTight(memory.subject, { loop: "random", slots: CHURN_SLOTS, seed });
}

const loop = createLoop();
/** An operation of a pair is a block that comes and goes: two events. */
const OPERATIONS = mode === "pair" ? loop.callEvents >>> 1 : loop.callEvents;

function repeatLoop(): number {
  loop.call();
  return OPERATIONS;
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

parentPort?.postMessage("ready");
const step = mode !== "pipe" ? repeatLoop : index === 0 ? produce : consume;
for (let count = 1; ; count++) {
  awaitWord(control, COMMAND_COUNT, count);
  const runs = Atomics.load(control, ARGUMENT);
  if (runs === FREE_ALL) {
    loop.freeLeft();
    memory.drain();
  } else {
    repeat(() => 1, 1);
    repeat(step, runs * RUN_OPERATIONS);
  }
  addWord(control, DONE);
  // The waits by which a heap sees that a worker lives end in the event loop.
  await new Promise<void>((resolve) => setImmediate(resolve));
}
