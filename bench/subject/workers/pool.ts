import { Worker } from "node:worker_threads";
import { optionsFromEnv, SharedHeap } from "../../../src/index.js";
import { OP_FREE, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../../src/trace/format.js";
import { asset } from "../../base/assets.js";
import type { InspectResult } from "../../base/results.js";
import { readGauge } from "../../rivals/heap.js";
import type { HeapGauge } from "../../rivals/subject.js";
import { OP_WORK, peakOf, type Script, workersOf } from "../../workloads/script.js";
import { atPoint, byteOf, EMPTY, FNV_START, feedHash, toFigures, verifyBytes } from "../check.js";
import { buildInspect } from "../heapMap.js";
import { LATENCY_EVENTS, measureTimer, type Passes, PERCENTILES, type Timed } from "../passes.js";
import { type CheckAnswer, SERIES_POINTS } from "../protocol.js";
import { BUCKETS, curveOf } from "./histogram.js";
import {
  ARGUMENT,
  addWord,
  awaitWord,
  COMMAND,
  COMMAND_COUNT,
  COMMANDS,
  CONTROL_WORDS,
  type Command,
  DONE,
  GO,
  PROGRESS_STRIDE,
  READY,
  type Setup,
  STOP,
  STOP_CUT,
  STOP_FAILED,
  TEXT_BYTES,
} from "./shared.js";
import { IN_CELL, type LeftBlock, PLACE_MASK, type Split, splitScript } from "./split.js";
import { ScriptWorker } from "./worker.js";

/** Returns what each worker's thread needs, the main thread's first. */
export function createSetups(script: Script, split: Split, heap: SharedHeap): Setup[] {
  const workers = split.streams.length;
  const common = {
    workers,
    touch: script.touch,
    heap: heap.buffer,
    control: new SharedArrayBuffer(4 * CONTROL_WORDS),
    cells: new SharedArrayBuffer(4 * split.cellCount),
    progress: new SharedArrayBuffer(4 * PROGRESS_STRIDE * workers),
    slots: split.streams.map(({ slotCount }) => new SharedArrayBuffer(4 * slotCount)),
    bytes: new SharedArrayBuffer(script.words.length >>> 1),
    ends: new SharedArrayBuffer(8 * workers),
    eventCounts: new SharedArrayBuffer(4 * workers),
    text: new SharedArrayBuffer(TEXT_BYTES),
  };
  return split.streams.map((stream, worker) => ({
    ...common,
    worker,
    stream,
    histogram: new SharedArrayBuffer(4 * BUCKETS),
  }));
}

/** Starts a worker's thread, which runs `subject.js`, and waits until it is ready. */
async function startThread(setup: Setup): Promise<Worker> {
  const worker = new Worker(asset("subject.js"), { workerData: setup });
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a worker ended with ${code}`)));
  });
  worker.unref();
  return worker;
}

/**
 * hakmem on a script of several workers, each a thread, over one SharedHeap. This thread is worker
 * 0, and commands the others.
 */
export class WorkerPool implements Passes {
  readonly #script: Script;
  readonly #split: Split;
  readonly #setups: readonly Setup[];
  readonly #control: Int32Array;
  readonly #cells: Int32Array;
  readonly #own: ScriptWorker;
  #deadline = Number.POSITIVE_INFINITY;

  private constructor(script: Script) {
    const workers = workersOf(script);
    this.#script = script;
    this.#split = splitScript(script, workers);
    const heap = SharedHeap.create({ ...optionsFromEnv(process.env), maxWorkers: workers });
    this.#setups = createSetups(script, this.#split, heap);
    const own = this.#setups[0] as Setup;
    this.#control = new Int32Array(own.control);
    this.#cells = new Int32Array(own.cells);
    this.#own = new ScriptWorker(own, heap, () => this.#look());
  }

  static async start(script: Script): Promise<WorkerPool> {
    const pool = new WorkerPool(script);
    for (const setup of pool.#setups.slice(1)) await startThread(setup);
    return pool;
  }

  /** Returns hakmem's statistics. They are exact, because no worker runs between two commands. */
  gauge(): HeapGauge {
    return readGauge(this.#own.heap);
  }

  round(times: number, limitMs: number): Timed {
    const total = { ns: 0, events: 0, isCut: false };
    for (let time = 0; time < times && !total.isCut; time++) {
      const { ns, events, isCut } = this.#timed("run", 0, limitMs - total.ns / 1e6);
      this.#freeLeft();
      total.ns += ns;
      total.events += events;
      total.isCut = isCut;
    }
    return total;
  }

  latency(limitMs: number): { timerNs: number; events: number; curve: [number, number][] } {
    measureTimer();
    const timerNs = measureTimer();
    const counts = this.#setups.map(({ histogram }) => new Uint32Array(histogram));
    const end = performance.now() + limitMs;
    let events = 0;
    // The first run warms the loop up and does not count.
    for (let run = 0; events < LATENCY_EVENTS; run++) {
      const timed = this.#timed("latency", Math.round(timerNs), end - performance.now());
      this.#freeLeft();
      if (run > 0 || timed.isCut) events += timed.events;
      else for (const own of counts) own.fill(0);
      if (timed.isCut) break;
    }
    return { timerNs, events, curve: curveOf(counts, PERCENTILES) };
  }

  /** Checks as check.ts does for one worker: step by step, reading the heap in between. */
  check(limitMs: number): CheckAnswer {
    const start = this.gauge();
    const end = performance.now() + limitMs;
    const eventCount = this.#script.words.length >>> 1;
    const fullest = peakOf(this.#script).event;
    const seriesBytes: number[] = [];
    let map: InspectResult | undefined;
    let isCut = false;
    this.#command("restart");
    for (let point = 1; point <= SERIES_POINTS && !isCut; point++) {
      const to = atPoint(eventCount, point);
      if (map === undefined && fullest < to) {
        this.#command("check", fullest + 1);
        map = buildInspect(this.#own.heap, "");
      }
      this.#command("check", to);
      seriesBytes.push(this.gauge().committedBytes);
      isCut = performance.now() > end;
    }
    const hash = isCut ? null : this.#finishCheck(eventCount);
    const after = this.gauge();
    this.#freeLeft();
    this.#verify();
    const peakBytes = after.peakCommittedBytes;
    const heap = { ...toFigures(start, after), seriesBytes };
    map ??= buildInspect(this.#own.heap, "");
    return { hash, peakBytes, seriesBytes, heap, map };
  }

  /** Reads back the blocks that are left, and hashes all blocks in the script's order. */
  #finishCheck(eventCount: number): number {
    const { words, slotCount } = this.#script;
    const bytes = new Uint8Array((this.#setups[0] as Setup).bytes);
    const sizes = new Int32Array(slotCount).fill(EMPTY);
    let hash: number = FNV_START;
    for (let event = 0; event < eventCount; event++) {
      const word = words[2 * event] as number;
      const op = word >>> OP_SHIFT;
      const slot = word & SLOT_MASK;
      const old = sizes[slot] as number;
      if (op === OP_WORK) continue;
      if (op === OP_FREE || (op === OP_REALLOC && old !== EMPTY)) {
        hash = feedHash(hash, event, old, bytes[event] as number);
      }
      sizes[slot] = op === OP_FREE ? EMPTY : (words[2 * event + 1] as number);
    }
    const u8 = this.#own.heap.u8;
    const read = (block: number, offset: number): number => u8[block + offset] as number;
    for (const left of this.#split.left) {
      const { place, size, written } = left;
      verifyBytes({ read }, this.#blockOf(left), eventCount, place, size, byteOf(written));
      hash = feedHash(hash, eventCount, size, size === 0 ? 0 : byteOf(written));
    }
    return hash >>> 0;
  }

  #blockOf({ worker, place }: LeftBlock): number {
    if ((place & IN_CELL) !== 0) return this.#cells[place & PLACE_MASK] as number;
    const slots = (this.#setups[0] as Setup).slots[worker] as SharedArrayBuffer;
    return new Int32Array(slots)[place] as number;
  }

  /** @throws Error if anything is still live, or the heap is not intact. */
  #verify(): void {
    // A worker collects in its second drain what others sent home in their first.
    this.#command("drain");
    this.#command("drain");
    const { live, inTransit } = this.#own.heap.stats();
    if (live.blocks + inTransit.blocks !== 0) {
      throw new Error(
        `${live.blocks} blocks are live and ${inTransit.blocks} under way at the end`,
      );
    }
    this.#own.heap.verify();
  }

  /** Frees the blocks that are left: each worker those in its slots, this one those in cells. */
  #freeLeft(): void {
    for (const block of this.#cells) if (block !== 0) this.#own.heap.free(block as never);
    this.#cells.fill(0);
    this.#command("free");
  }

  #timed(command: Command, argument: number, limitMs: number): Timed {
    this.#deadline = performance.now() + limitMs;
    try {
      this.#command(command, argument);
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY;
    }
    const { ends, eventCounts } = this.#setups[0] as Setup;
    const last = new BigInt64Array(ends).reduce((a, b) => (a > b ? a : b));
    const events = new Int32Array(eventCounts).reduce((a, b) => a + b, 0);
    const isCut = Atomics.load(this.#control, STOP) !== 0;
    return { ns: Number(last - this.#own.start), events, isCut };
  }

  /** Gives all workers a command, and waits until the last has done it. */
  #command(command: Command, argument = 0): void {
    const control = this.#control;
    for (const word of [READY, GO, DONE, STOP]) Atomics.store(control, word, 0);
    Atomics.store(control, ARGUMENT, argument);
    Atomics.store(control, COMMAND, COMMANDS.indexOf(command));
    addWord(control, COMMAND_COUNT);
    this.#own.obey();
    awaitWord(control, DONE, this.#setups.length, () => this.#look());
    if (Atomics.load(control, STOP) !== STOP_FAILED) return;
    // Text in shared memory cannot be decoded, so it is copied.
    const text = Buffer.from(new Uint8Array((this.#setups[0] as Setup).text));
    throw new Error(text.toString("utf8", 0, Math.max(0, text.indexOf(0))));
  }

  #look(): void {
    if (performance.now() < this.#deadline) return;
    Atomics.compareExchange(this.#control, STOP, 0, STOP_CUT);
  }
}

/** Obeys commands until the thread is ended. */
export async function serveThread(setup: Setup, ready: () => void): Promise<never> {
  const control = new Int32Array(setup.control);
  const worker = ScriptWorker.attach(setup);
  ready();
  for (let count = 1; ; count++) {
    awaitWord(control, COMMAND_COUNT, count);
    worker.obey();
    // A worker that has ended is seen by waits that settle in the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
