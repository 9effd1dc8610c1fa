/**
 * A process of loops, which answers as a subject's process does (bench/subject/protocol.ts):
 * `ringProcess MODE KIND WORKERS`.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { probe, warmProbe } from "../../subject/probe.js";
import type { CheckAnswer, Request, RoundAnswer } from "../../subject/protocol.js";
import {
  ARGUMENT,
  addWord,
  awaitWord,
  COMMAND_COUNT,
  CONTROL_WORDS,
  DONE,
} from "../../subject/workers/shared.js";
import { createMemory } from "./ringMemory.js";
import {
  FREE_ALL,
  type MemoryKind,
  type Mode,
  RING_WORDS,
  type RingSetup,
  RUN_OPERATIONS,
} from "./ringShared.js";

const [mode = "", kind = "", workersText = "1"] = process.argv.slice(2);
const workers = mode === "pipe" ? 2 : Number(workersText);
const { buffer, heap } = await createMemory(kind as MemoryKind, workers);
const control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS));
const CHECK_RUNS = 64;

/** Starts the workers, and waits until they are ready: their start is no part of a warm-up. */
async function startWorkers(): Promise<void> {
  const ring = new SharedArrayBuffer(4 * RING_WORDS);
  for (let index = 0; index < workers; index++) {
    const workerData: RingSetup = {
      mode: mode as Mode,
      kind: kind as MemoryKind,
      index,
      buffer,
      control: control.buffer,
      ring,
    };
    const worker = new Worker(new URL("./ringWorker.js", import.meta.url), { workerData });
    await once(worker, "message");
    worker.unref();
  }
}

/** Has all workers do something, and waits for the last of them. */
function command(argument: number, limitMs: number): void {
  const end = performance.now() + limitMs;
  Atomics.store(control, DONE, 0);
  Atomics.store(control, ARGUMENT, argument);
  addWord(control, COMMAND_COUNT);
  awaitWord(control, DONE, workers, () => {
    if (performance.now() > end) throw new Error("a worker failed, or took too long");
  });
}

function round(times: number, limitMs: number): RoundAnswer {
  const before = probe();
  const start = process.hrtime.bigint();
  command(times, limitMs);
  const ns = Number(process.hrtime.bigint() - start);
  // Each block of a pipe counts once.
  const events = times * RUN_OPERATIONS * (mode === "pipe" ? 1 : workers);
  return {
    ns,
    events,
    isCut: false,
    probeNs: Math.max(before, probe()),
    cpuUserUs: 0,
    cpuSystemUs: 0,
    collections: 0,
    collectionMs: 0,
    slabsOpened: 0,
    refills: 0,
    drains: 0,
  };
}

/** @throws Error when a block was lost, or an invariant does not hold. */
function check(limitMs: number): CheckAnswer {
  command(CHECK_RUNS, limitMs);
  // What one worker sends home with the first, another collects with the second.
  command(FREE_ALL, limitMs);
  command(FREE_ALL, limitMs);
  if (heap !== undefined) {
    heap.drain();
    heap.verify();
    const { live, inTransit } = heap.stats();
    if (live.blocks + inTransit.blocks !== 0) {
      throw new Error(`${live.blocks} blocks are live and ${inTransit.blocks} in transit`);
    }
  }
  return { hash: null, peakBytes: 0, seriesBytes: [], heap: null };
}

function answer(request: Request): RoundAnswer | CheckAnswer {
  if (request.pass === "round") return round(request.times, request.limitMs);
  if (request.pass === "check") return check(request.limitMs);
  throw new Error(`no ${request.pass} pass in a process of loops`);
}

await startWorkers();
warmProbe();
for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(answer(JSON.parse(line) as Request)));
  } catch (error) {
    console.log(JSON.stringify({ error: (error as Error).message }));
    process.exit(1);
  }
}
