/**
 * One worker of a benchmark: it attaches, waits for the others, and repeats its mode's step until
 * it is told to stop. Then it frees what it holds, drains and detaches.
 *
 * The heap, its views and the arrays are module constants, and each step is a short call: see
 * bench/studies/native/ours.ts for why.
 */
import { workerData } from "node:worker_threads";
import { type Ptr, SharedHeap } from "../../../dist/index.js";
import { loadPeer } from "./peerSteps.js";
import {
  BATCH,
  BLOCK_BYTES,
  DATA,
  GO,
  HEAD,
  LARSON_SLOTS,
  PIPE_LIMIT,
  progressWord,
  READY,
  RING,
  RING_INTS,
  SHARED_BASE,
  SHARED_BLOCKS,
  STOP,
  STOPPED,
  sleepWord,
  TAIL,
  type WorkerData,
} from "./protocol.js";

const { mode, index, workers, buffer, control, rings, slots } = workerData as WorkerData;
const words = new Int32Array(control);
const shared = new Int32Array(slots);
/** The ring that this worker writes to, and the one that it reads. */
const isPipe = mode.endsWith("produce") || mode.endsWith("consume");
const from = isPipe ? 0 : (index + workers - 1) % workers;
const output = new Int32Array(rings, isPipe ? 0 : 4 * RING_INTS * index, RING_INTS);
const input = new Int32Array(rings, 4 * RING_INTS * from, RING_INTS);
const isPeer = mode.startsWith("peer-");
const isRingOnly = mode.startsWith("ring-");

const heap = isPeer
  ? SharedHeap.create({ capacity: 1 << 22, maxWorkers: 1 })
  : SharedHeap.attach(buffer);
const u8 = heap.u8;
const i32 = heap.i32;
const MASK = RING - 1;
const PIECE = 32;
const LIFETIME = 500_000;
const CHURN_SLOTS = 256;

/** What a step keeps from call to call. */
const own = new Int32Array(4096);
const state = new Int32Array([0x9e3779b9 ^ Math.imul(index + 1, 0x85ebca6b), 0, 0, 0]);
const SEED = 0;
const COUNT = 1;
/** Operations so far, also of this thread's workers before. */
const DONE = 3;

/** A number below 2^31 from a xorshift generator. */
function draw(): number {
  let r = state[SEED] as number;
  r ^= r << 13;
  r ^= r >>> 17;
  r ^= r << 5;
  state[SEED] = r;
  return r >>> 1;
}

function pair(): number {
  for (let k = 0; k < BATCH; k++) {
    const ptr = heap.malloc(BLOCK_BYTES);
    u8[ptr] = k;
    own[k] = ptr;
  }
  for (let k = 0; k < BATCH; k++) heap.free(own[k] as Ptr);
  return BATCH;
}

function produce(): number {
  const tail = state[COUNT] as number;
  if (tail + BATCH - Atomics.load(output, HEAD) > RING) return 0;
  for (let k = 0; k < BATCH; k++) {
    const ptr = heap.malloc(BLOCK_BYTES);
    u8[ptr] = k;
    output[DATA + ((tail + k) & MASK)] = ptr;
  }
  state[COUNT] = tail + BATCH;
  Atomics.store(output, TAIL, tail + BATCH);
  return BATCH;
}

function consume(): number {
  const head = state[COUNT] as number;
  if (Atomics.load(input, TAIL) - head < BATCH) return 0;
  for (let k = 0; k < BATCH; k++) heap.free(input[DATA + ((head + k) & MASK)] as Ptr);
  state[COUNT] = head + BATCH;
  Atomics.store(input, HEAD, head + BATCH);
  return BATCH;
}

function produceNothing(): number {
  const tail = state[COUNT] as number;
  if (tail + BATCH - Atomics.load(output, HEAD) > RING) return 0;
  for (let k = 0; k < BATCH; k++) output[DATA + ((tail + k) & MASK)] = tail + k;
  state[COUNT] = tail + BATCH;
  Atomics.store(output, TAIL, tail + BATCH);
  return BATCH;
}

function consumeNothing(): number {
  const head = state[COUNT] as number;
  if (Atomics.load(input, TAIL) - head < BATCH) return 0;
  let sum = 0;
  for (let k = 0; k < BATCH; k++) sum = (sum + (input[DATA + ((head + k) & MASK)] as number)) | 0;
  own[0] = sum;
  state[COUNT] = head + BATCH;
  Atomics.store(input, HEAD, head + BATCH);
  return BATCH;
}

function churn(): number {
  for (let i = 0; i < 1024; i++) {
    const r = draw();
    const slot = (r >>> 12) & (CHURN_SLOTS - 1);
    const old = own[slot] as Ptr;
    if (old !== 0) {
      heap.free(old);
      own[slot] = 0;
    } else {
      const ptr = heap.malloc(16 + ((r & 0xfff) % 1009));
      u8[ptr] = r;
      own[slot] = ptr;
    }
  }
  return 1024;
}

/**
 * The heap of modes whose workers end, at each end another: their blocks are the successor's then.
 * It keeps the thread and takes the slot of who left: what a thread costs is not an allocator's.
 */
const life = { heap };

/** Whether the worker of this thread is to end before the next step: after so much work. */
function isDue(): boolean {
  const lifetime = mode === "mstress" ? 1 : LIFETIME;
  if ((mode !== "mstress" && mode !== "larson") || (state[COUNT] as number) < lifetime)
    return false;
  state[COUNT] = 0;
  return true;
}

async function succeed(): Promise<void> {
  life.heap.detach();
  life.heap = SharedHeap.attach(buffer);
  // The waits by which the predecessor was seen alive end in the event loop.
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Replaces blocks of this thread's range of slots. */
function larson(): number {
  const base = index * LARSON_SLOTS;
  for (let i = 0; i < 500; i++) {
    const slot = base + (draw() % LARSON_SLOTS);
    life.heap.free(shared[slot] as Ptr);
    const ptr = life.heap.malloc(8 + (draw() % 993));
    u8[ptr] = i;
    u8[ptr + 1] = i;
    shared[slot] = ptr;
  }
  state[COUNT] = (state[COUNT] as number) + 500;
  return 500;
}

const COOKIE = 0x5ca1ab1e;
const BRIEF = 1000;
const KEPT = 500;
const MAX_OWN = BRIEF + SHARED_BLOCKS;

function allocateMarked(powers: number): number {
  const count = (2 << (draw() % powers)) * (draw() % 100 === 0 ? 100 : 1);
  const ptr = life.heap.malloc(4 * count);
  for (let i = 0, at = ptr >> 2; i < count; i++) i32[at + i] = (count - i) ^ COOKIE;
  return ptr;
}

function freeMarked(ptr: number): void {
  const at = ptr >> 2;
  const count = (i32[at] as number) ^ COOKIE;
  for (let i = 0; i < count; i++) {
    if (((i32[at + i] as number) ^ COOKIE) !== count - i) {
      throw new Error(`block ${ptr} of ${4 * count} bytes: word ${i} was overwritten`);
    }
  }
  life.heap.free(ptr as Ptr);
}

function takeAny(count: number): number {
  const at = draw() % count;
  const ptr = own[at] as number;
  own[at] = own[count - 1] as number;
  return ptr;
}

/** A round of mstress: what is brief is at the start of `own`, what is kept behind it. */
function mstress(): number {
  let brief = 0;
  let kept = 0;
  let ops = 0;
  for (let left = BRIEF; left > 0 || kept < KEPT; ops++) {
    if (kept === KEPT || (left > 0 && (draw() & 1) === 0)) {
      own[brief++] = allocateMarked(5);
      left--;
    } else {
      own[MAX_OWN + kept++] = allocateMarked(7);
    }
    if (brief > 0 && draw() % 100 < 66) freeMarked(takeAny(brief--));
    if (brief > 0 && draw() % 100 < 25) {
      const place = SHARED_BASE + (draw() % SHARED_BLOCKS);
      const received = Atomics.exchange(shared, place, takeAny(brief--));
      if (received !== 0) own[brief++] = received;
    }
  }
  while (brief > 0) freeMarked(own[--brief] as number);
  while (kept > 0) freeMarked(own[MAX_OWN + --kept] as number);
  state[COUNT] = 1;
  return ops;
}

const PIPE_SLOTS = 1000;
const STEPS = 100;

function drawFalling(): number {
  return 8 + Math.floor((1 - Math.sqrt(1 - draw() / 0x80000000)) * 15_993);
}

function receive(): number {
  const tail = Atomics.load(input, TAIL);
  let head = Atomics.load(input, HEAD);
  const count = tail - head;
  for (; head !== tail; head++) heap.free(input[DATA + (head & MASK)] as Ptr);
  Atomics.store(input, HEAD, head);
  return count;
}

/** A loop of rptest. With too much on its way the batch stays here: none may wait in a circle. */
function rptest(): number {
  const loop = state[COUNT] as number;
  state[COUNT] = loop + 1;
  let ops = 0;
  for (let step = 0; step < STEPS; step++) {
    const slot = ((loop * STEPS + step) * 7) % PIPE_SLOTS;
    if (own[slot] === 0) continue;
    heap.free(own[slot] as Ptr);
    own[slot] = 0;
    ops++;
  }
  for (let step = 0; step < STEPS; step++) {
    const slot = ((loop * STEPS + step) * 11) % PIPE_SLOTS;
    if (own[slot] !== 0) continue;
    const ptr = heap.malloc(drawFalling());
    u8[ptr] = step;
    own[slot] = ptr;
    ops++;
  }
  if (loop % 2 === 1) {
    const tail = Atomics.load(output, TAIL);
    if (tail + STEPS - Atomics.load(output, HEAD) <= PIPE_LIMIT) {
      for (let k = 0; k < STEPS; k++)
        output[DATA + ((tail + k) & MASK)] = heap.malloc(drawFalling());
      Atomics.store(output, TAIL, tail + STEPS);
      ops += STEPS;
    }
  }
  return ops + receive();
}

/** A block of 8 bytes, written 100 times and freed. */
function thrash(): number {
  for (let i = 0; i < PIECE; i++) {
    const ptr = heap.malloc(8);
    for (let k = 0; k < 100; k++) u8[ptr] = (u8[ptr] as number) + 1;
    heap.free(ptr);
  }
  return PIECE;
}

function freeRing(ring: Int32Array): void {
  const tail = Atomics.load(ring, TAIL);
  for (let head = Atomics.load(ring, HEAD); head !== tail; head++) {
    heap.free(ring[DATA + (head & MASK)] as Ptr);
  }
}

/** Frees what this worker holds. All have stopped. */
function freeOwn(): void {
  if (mode === "consume" || mode === "rptest") freeRing(input);
  if (mode === "churn" || mode === "rptest") for (const ptr of own) heap.free(ptr as Ptr);
  if (mode === "larson") {
    for (let k = 0; k < LARSON_SLOTS; k++) life.heap.free(shared[index * LARSON_SLOTS + k] as Ptr);
  }
  if (mode !== "mstress") return;
  for (let at = 0; at < SHARED_BLOCKS; at++) {
    const ptr = Atomics.exchange(shared, SHARED_BASE + at, 0);
    if (ptr !== 0) freeMarked(ptr);
  }
}

async function chooseStep(): Promise<() => number> {
  if (isPeer) return loadPeer(mode, buffer, isPipe ? output : own);
  if (isRingOnly) return mode === "ring-produce" ? produceNothing : consumeNothing;
  if (mode === "cache-scratch") heap.free(shared[index] as Ptr);
  const steps: Record<string, () => number> = {
    pair,
    produce,
    consume,
    churn,
    larson,
    mstress,
    rptest,
    "cache-scratch": thrash,
    "cache-thrash": thrash,
  };
  return steps[mode] as () => number;
}

/** Spins first, for a pipe's other end is at work; beyond the cores it must yield. */
const SPINS = isPipe ? 20_000 : 100;
const otherSleep = sleepWord(isPipe ? 1 - index : index);

function sleep(): void {
  const own = sleepWord(index);
  Atomics.store(words, own, 1);
  Atomics.wait(words, own, 1, 1);
  Atomics.store(words, own, 0);
}

/** Runs until it is told to stop, or its worker is to end. */
function run(step: () => number): void {
  const progress = progressWord(index);
  let idle = 0;
  let ops = state[DONE] as number;
  while (Atomics.load(words, STOP) === 0 && !isDue()) {
    const done = step();
    if (done === 0) {
      if (++idle > SPINS) sleep();
      continue;
    }
    idle = 0;
    ops = (ops + done) | 0;
    Atomics.store(words, progress, ops);
    if (Atomics.load(words, otherSleep) !== 0) Atomics.notify(words, otherSleep);
  }
  state[DONE] = ops;
}

const step = await chooseStep();
Atomics.add(words, READY, 1);
Atomics.notify(words, READY);
Atomics.wait(words, GO, 0);
run(step);
while (Atomics.load(words, STOP) === 0) {
  await succeed();
  run(step);
}
Atomics.add(words, STOPPED, 1);
Atomics.notify(words, STOPPED);
for (;;) {
  const stopped = Atomics.load(words, STOPPED);
  if (stopped >= workers) break;
  Atomics.wait(words, STOPPED, stopped, 100);
}
if (!isPeer && !isRingOnly) freeOwn();
life.heap.drain();
life.heap.detach();
