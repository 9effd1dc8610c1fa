/**
 * `local heap|shared MODE ARGUMENT ROUNDS`: malloc and free of own blocks, ns an operation, a line
 * a round. The loops are those of bench/native/ours.ts; each process has one kind of heap, so that
 * they are compiled for it alone.
 */
import { Heap, type Ptr, SharedHeap } from "../../dist/index.js";
import { readTrace } from "../../src/cli/traceFile.js";

const WINDOW = 8192;
const CHUNK = 128;
const BATCH = 256;
const OPS_PER_CALL = 1024;
const NO_EVENT = 0xc0000000 | 0;
const ROUND_MS = 50;

const [kind, mode = "", argument = "", roundsText = "10"] = process.argv.slice(2);
const trace = mode === "trace" ? readTrace(argument) : undefined;
const number = trace === undefined ? Number(argument) : 0;

const heap = kind === "shared" ? SharedHeap.create() : Heap.create();
const u8 = heap.u8;
const slots = new Int32Array(trace?.slotCount ?? Math.max(number, BATCH));
const window = new Int32Array(WINDOW);

function replay(base: number): void {
  for (let i = 0; i < CHUNK; i += 2) {
    const word = window[base + i] as number;
    if (word >= 0) {
      if (word < 0x40000000) {
        const size = window[base + i + 1] as number;
        const ptr = heap.malloc(size);
        if (size !== 0) u8[ptr] = i;
        slots[word] = ptr;
      } else {
        const slot = word & 0x3fffffff;
        heap.free(slots[slot] as Ptr);
        slots[slot] = 0;
      }
    } else if (word < NO_EVENT) {
      const slot = word & 0x3fffffff;
      const size = window[base + i + 1] as number;
      const ptr = heap.realloc(slots[slot] as Ptr, size);
      if (size !== 0) u8[ptr] = i;
      slots[slot] = ptr;
    }
  }
}

let sink = 0;
/** Called in turn with a loop, so that `drive` inlines neither. */
function floor(base: number): void {
  let hash = 0;
  for (let i = 0; i < CHUNK; i += 2) hash = (hash + (window[base + i] as number)) | 0;
  sink = hash;
}

function lifo(): void {
  for (let i = 0; i < OPS_PER_CALL; i += 2) {
    const ptr = heap.malloc(number);
    u8[ptr] = i;
    heap.free(ptr);
  }
}

function batch(): void {
  for (let i = 0; i < OPS_PER_CALL; i += 2 * BATCH) {
    for (let k = 0; k < BATCH; k++) {
      const ptr = heap.malloc(number);
      u8[ptr] = k;
      slots[k] = ptr;
    }
    for (let k = 0; k < BATCH; k++) heap.free(slots[k] as Ptr);
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

/** Calls a loop so often; a trace's loops go through the window, chunk by chunk. Returns ms. */
function drive(loop: Loop, calls: number): number {
  const start = performance.now();
  for (let call = 0; call < calls; call++) loop((call * CHUNK) & (WINDOW - 1));
  return performance.now() - start;
}

/** Replays a trace until a round's time is over: ns an event. */
function replayRound(words: Int32Array): number {
  let total = 0;
  let events = 0;
  while (total < ROUND_MS) {
    for (let at = 0; at < words.length; at += WINDOW) {
      const part = words.subarray(at, at + WINDOW);
      window.set(part);
      window.fill(NO_EVENT, part.length);
      total += drive(replay, WINDOW / CHUNK);
    }
    events += words.length / 2;
    freeAll();
  }
  return (total * 1e6) / events;
}

function loopRound(loop: Loop): number {
  let total = 0;
  let calls = 0;
  for (; total < ROUND_MS; calls += 1000) total += drive(loop, 1000);
  return (total * 1e6) / (calls * OPS_PER_CALL);
}

const loop = { lifo, batch, random }[mode];
drive(floor, 2000);
for (let round = 0; round < Number(roundsText); round++) {
  if (trace !== undefined) console.log(replayRound(trace.words).toFixed(4));
  else if (loop !== undefined) console.log(loopRound(loop).toFixed(4));
  else throw new Error("usage: local heap|shared trace|lifo|batch|random ARGUMENT ROUNDS");
}
if (mode !== "batch") freeAll();
heap.drain();
heap.verify();
if (heap.stats().live.blocks !== 0) throw new Error(`${kind} ${mode}: blocks are left`);
if (sink === Number.MAX_VALUE) console.log(sink);
