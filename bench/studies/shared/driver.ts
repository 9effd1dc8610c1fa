/**
 * A process of one case: `driver CASE WORKERS ROUNDS [START]`. It starts the workers, reads how far
 * they got every ROUND_MS, and checks the heap when they are done. START is a time (Date.now()) at
 * which several such processes begin together. Prints JSON.
 */
import { Worker } from "node:worker_threads";
import { SharedHeap } from "../../../dist/index.js";
import { openPeer } from "./peerSteps.js";
import {
  CAPACITY,
  CONTROL_INTS,
  GO,
  LARSON_SLOTS,
  MAX_WORKERS,
  type Mode,
  progressWord,
  READY,
  RING_INTS,
  SLOT_INTS,
  STOP,
  type WorkerData,
} from "./protocol.js";

const ROUND_MS = 60;
/** A worker: threads beyond the cores take turns to be optimised. */
const WARM_UP_MS = 200;

export interface Outcome {
  /** Millions of operations a second, a round each. */
  readonly rates: number[];
  readonly peakBytes: number;
}

const [name = "", workersText = "1", roundsText = "6", start = "0"] = process.argv.slice(2);
const isPipe = name.endsWith("xmalloc") || name === "ring";
const workers = isPipe ? 2 : Number(workersText);
const prefix = name.startsWith("peer-") ? "peer-" : name === "ring" ? "ring-" : "";
const control = new SharedArrayBuffer(4 * CONTROL_INTS);
const words = new Int32Array(control);
const slots = new SharedArrayBuffer(4 * SLOT_INTS);
const heap = SharedHeap.create({ capacity: CAPACITY, maxWorkers: MAX_WORKERS });

function modeOf(index: number): Mode {
  if (!isPipe) return name as Mode;
  return `${prefix}${index === 0 ? "produce" : "consume"}` as Mode;
}

/** The first blocks of larson and cache-scratch are this worker's. */
function allocateFirst(): void {
  const shared = new Int32Array(slots);
  if (name === "larson") {
    for (let slot = 0; slot < workers * LARSON_SLOTS; slot++) {
      shared[slot] = heap.malloc(8 + ((slot * 7919) % 993));
    }
  }
  if (name === "cache-scratch") {
    for (let worker = 0; worker < workers; worker++) shared[worker] = heap.malloc(8);
  }
}

async function begin(): Promise<Promise<void>[]> {
  let buffer = heap.buffer;
  if (prefix === "peer-") {
    buffer = new SharedArrayBuffer(2 ** 20);
    await openPeer(buffer, true);
  }
  const rings = new SharedArrayBuffer(4 * RING_INTS * workers);
  const ends = Array.from({ length: workers }, (_, index) => {
    const workerData: WorkerData = {
      mode: modeOf(index),
      index,
      workers,
      buffer,
      control,
      rings,
      slots,
    };
    const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    return new Promise<void>((resolve, reject) => {
      worker.once("error", reject);
      worker.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
    });
  });
  const all = Promise.all(ends);
  while (Atomics.load(words, READY) < workers) await Promise.race([all, sleep(5)]);
  return ends;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How far they got: of a pipe only its end counts. */
function readProgress(before: Int32Array): number {
  let sum = 0;
  for (let worker = isPipe ? 1 : 0; worker < workers; worker++) {
    const now = Atomics.load(words, progressWord(worker));
    sum += (now - (before[worker] as number)) >>> 0;
    before[worker] = now;
  }
  return sum;
}

async function measure(rounds: number): Promise<number[]> {
  const before = new Int32Array(workers);
  const rates: number[] = [];
  await sleep(Math.max(0, Number(start) - Date.now()));
  Atomics.store(words, GO, 1);
  Atomics.notify(words, GO);
  await sleep(WARM_UP_MS * Math.max(2, workers));
  readProgress(before);
  for (let last = performance.now(); rates.length < rounds; ) {
    await sleep(ROUND_MS);
    const now = performance.now();
    rates.push(readProgress(before) / (now - last) / 1000);
    last = now;
  }
  return rates;
}

/** @throws when a block was lost, or an invariant does not hold. */
function check(): void {
  heap.drain();
  heap.verify();
  const { live, inTransit, abandonedSlabs, workers: attached } = heap.stats();
  const left = { live: live.blocks, inTransit: inTransit.blocks, abandonedSlabs };
  if (Object.values(left).some((count) => count !== 0) || attached.length !== 1) {
    throw new Error(`${name}: after all was freed: ${JSON.stringify(left)}`);
  }
}

allocateFirst();
const ends = await begin();
const all = Promise.all(ends);
const rates = (await Promise.race([all, measure(Number(roundsText))])) as number[];
if (rates[0] === undefined) throw new Error(`${name}: the workers ended before they were told to`);
Atomics.store(words, STOP, 1);
Atomics.notify(words, STOP);
await all;
check();
const outcome: Outcome = { rates, peakBytes: heap.stats().peakCommittedBytes };
console.log(JSON.stringify(outcome));
