/**
 * The loops of native.c on hakmem's shipped bundle; same arguments, same output. BENCH_HEAP=shared
 * runs them on a SharedHeap: a process has one kind, so that V8 compiles them for it alone.
 *
 * The arrays and the heap are module constants, and each call of a loop is short, so that V8
 * compiles the loops as it does a program's hot functions. A long call it compiles by on-stack
 * replacement, whose code does not know the constants, and may never compile again: with calls of
 * 512 events redis took 7.5 ns instead of 4.5 in one process of six. `drive` calls two different
 * functions, so that it inlines neither.
 *
 * No loop that allocates or frees stands in another one: in a nest V8 learns the context of the
 * inner loop too late, loads the heap, its functions and the arrays anew and checks them at every
 * turn. Batches of 64 B took 4.4 ns instead of 2.7.
 */
import { readFileSync } from "node:fs";
import { Heap, type Ptr, SharedHeap } from "../../../dist/index.js";
import { readTrace } from "../../workloads/traceFile.js";

const WINDOW = 8192;
const CHUNK = 128;
const BATCH = 256;
const TINY_HOT_BATCH = 100;
const TINY_HOT_OPS = 1000;
const OPS_PER_CALL = 1024;
const NO_EVENT = 0xc0000000 | 0;

const [mode = "", argument = "", ...rest] = process.argv.slice(2);
const isTrace = mode === "replay" || mode === "floor" || mode === "touch";
const trace = isTrace ? readTrace(argument) : undefined;
const number = isTrace ? 0 : Number(argument);

const heap = process.env.BENCH_HEAP === "shared" ? SharedHeap.create() : Heap.create();
const u8 = heap.u8;
const slots = new Int32Array(trace?.slotCount ?? Math.max(number, BATCH));
const window = new Int32Array(WINDOW);

function replay(base: number): void {
  const end = (base + CHUNK) | 0;
  for (let at = base | 0; at < end; at += 2) {
    const word = window[at] as number;
    if (word >= 0) {
      if (word < 0x40000000) {
        const size = window[at | 1] as number;
        const ptr = heap.malloc(size);
        if (size !== 0) u8[ptr] = at;
        slots[word] = ptr;
      } else {
        const slot = word & 0x3fffffff;
        heap.free(slots[slot] as Ptr);
        slots[slot] = 0;
      }
    } else if (word < NO_EVENT) {
      const slot = word & 0x3fffffff;
      const size = window[at | 1] as number;
      const ptr = heap.realloc(slots[slot] as Ptr, size);
      if (size !== 0) u8[ptr] = at;
      slots[slot] = ptr;
    }
  }
}

let sink = 0;
function floor(base: number): void {
  let hash = 0;
  const end = (base + CHUNK) | 0;
  for (let at = base | 0; at < end; at += 2) {
    const word = window[at] as number;
    if (word >= 0) {
      if (word < 0x40000000) slots[word] = ((window[at | 1] as number) + 16) | 0;
      else {
        const slot = word & 0x3fffffff;
        hash = (hash + (slots[slot] as number)) | 0;
        slots[slot] = 0;
      }
    } else if (word < NO_EVENT) {
      const slot = word & 0x3fffffff;
      hash ^= slots[slot] as number;
      slots[slot] = ((window[at | 1] as number) + 16) | 0;
    }
  }
  sink = hash;
}

function lifo(): void {
  for (let i = 0; i < OPS_PER_CALL; i += 2) {
    const ptr = heap.malloc(number);
    u8[ptr] = i;
    heap.free(ptr);
  }
}

function allocate(count: number): void {
  for (let k = 0; k < count; k++) {
    const ptr = heap.malloc(number);
    u8[ptr] = k;
    slots[k] = ptr;
  }
}

function freeOldestFirst(): void {
  for (let k = 0; k < BATCH; k++) heap.free(slots[k] as Ptr);
}

function freeNewestFirst(): void {
  for (let k = TINY_HOT_BATCH - 1; k >= 0; k--) heap.free(slots[k] as Ptr);
}

function batch(): void {
  for (let i = 0; i < OPS_PER_CALL; i += 2 * BATCH) {
    allocate(BATCH);
    freeOldestFirst();
  }
}

function tinyhot(): void {
  for (let i = 0; i < TINY_HOT_OPS; i += 2 * TINY_HOT_BATCH) {
    allocate(TINY_HOT_BATCH);
    freeNewestFirst();
  }
}

const mask = number - 1;
const seed = new Int32Array([42]);
function random(): void {
  let r = seed[0] as number;
  for (let i = 0; i < OPS_PER_CALL; i++) {
    r ^= r << 13;
    r ^= r >>> 17;
    r ^= r << 5;
    const slot = (r >>> 12) & mask;
    const old = slots[slot] as Ptr;
    if (old !== 0) {
      heap.free(old);
      slots[slot] = 0;
    } else {
      const ptr = heap.malloc(16 + ((r & 0xfff) % 1009));
      u8[ptr] = r;
      slots[slot] = ptr;
    }
  }
  seed[0] = r;
}

function freeAll(): void {
  for (let slot = 0; slot < slots.length; slot++) {
    heap.free(slots[slot] as Ptr);
    slots[slot] = 0;
  }
}

type Loop = (base: number) => void;

/** Calls a loop so often; a trace's loops go through the window, chunk by chunk. Returns ns. */
function drive(loop: Loop, calls: number): number {
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call++) loop((call * CHUNK) & (WINDOW - 1));
  return Number(process.hrtime.bigint() - start);
}

/** Runs a loop over all events, a window at a time: ns an event. */
function runWindows(words: Int32Array, loop: Loop): number {
  let total = 0;
  for (let at = 0; at < words.length; at += WINDOW) {
    const part = words.subarray(at, at + WINDOW);
    window.set(part);
    window.fill(NO_EVENT, part.length);
    total += drive(loop, WINDOW / CHUNK);
  }
  return total / (words.length / 2);
}

/** Resident bytes of the mapping that holds the heap; the system may have joined others to it. */
function residentBytes(): number {
  const kib = heap.stats().capacityBytes / 1024;
  const entries = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-)/);
  const own = entries.find((entry) => Number(/Size: +(\d+)/.exec(entry)?.[1]) >= kib);
  return Number(/Rss: +(\d+)/.exec(own ?? "")?.[1] ?? Number.NaN) * 1024;
}

/** Replays with every byte written: the figures of memory, ours and the operating system's. */
function touch(words: Int32Array): void {
  const before = residentBytes();
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i] as number;
    const size = words[i + 1] as number;
    const slot = word & 0x3fffffff;
    if (word >>> 30 === 1) {
      heap.free(slots[slot] as Ptr);
      slots[slot] = 0;
      continue;
    }
    const ptr = word >= 0 ? heap.malloc(size) : heap.realloc(slots[slot] as Ptr, size);
    u8.fill(1, ptr, ptr + size);
    slots[slot] = ptr;
  }
  console.log(`${heap.stats().peakCommittedBytes} ${residentBytes() - before}`);
}

let probed = 0;
function add(): void {
  let [a, b, c, d, e] = [1, 2, 3, 4, 5];
  for (let i = 0; i < 20_000; i++) {
    a = (a + 1) | 0;
    b = (b + i) | 0;
    c = (c ^ i) | 0;
    d = (d + 3) | 0;
    e = (e ^ a) | 0;
  }
  probed = a ^ b ^ c ^ d ^ e;
}

/** What bench/measure/quiet.ts says: the fewer units of this core are left, the longer it takes. */
function probe(): number {
  const start = process.hrtime.bigint();
  add();
  return Number(process.hrtime.bigint() - start);
}

let before = 0;
function printRound(ns: number): void {
  const after = probe();
  console.log(`${ns.toFixed(4)} ${Math.max(before, after)}`);
  before = after;
}

function runTrace(words: Int32Array, rounds: number): void {
  runWindows(words, floor);
  slots.fill(0);
  const loop = mode === "floor" ? floor : replay;
  for (let round = 0; round < rounds; round++) {
    printRound(runWindows(words, loop));
    if (mode === "floor") slots.fill(0);
    else freeAll();
  }
}

function runLoop(loop: Loop, ops: number, rounds: number): void {
  const perCall = loop === tinyhot ? TINY_HOT_OPS : OPS_PER_CALL;
  const calls = Math.ceil(ops / perCall);
  window.fill(NO_EVENT);
  drive(floor, calls);
  for (let round = 0; round < rounds; round++) {
    printRound(drive(loop, calls) / (calls * perCall));
    if (loop === random) freeAll();
  }
}

/** A loop that lost a block, or broke the heap, measures nothing. */
function expectEmpty(): void {
  heap.drain();
  heap.verify();
  const { blocks } = heap.stats().live;
  if (blocks !== 0) throw new Error(`${blocks} blocks are left`);
}

for (let run = 0; run < 100; run++) probe();
const loops: Record<string, Loop> = { lifo, batch, tinyhot, random };
const loop = loops[mode];
if (trace !== undefined && mode === "touch") touch(trace.words);
else if (trace !== undefined) runTrace(trace.words, Number(rest[0]));
else if (loop !== undefined) runLoop(loop, Number(rest[0]), Number(rest[1]));
else {
  console.error("usage: ours MODE ARGUMENTS (see the head of native.c)");
  process.exitCode = 2;
}
if (mode !== "floor" && mode !== "touch" && process.exitCode === undefined) expectEmpty();
if (sink === Number.MAX_VALUE) console.log(sink, probed);
