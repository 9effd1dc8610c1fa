import { SharedHeap } from "../../../src/index.js";
import { subjectOf } from "../../rivals/heap.js";
import type { Loop } from "../loops.js";
import { WorkerChecker } from "./checker.js";
import { bucketOf } from "./histogram.js";
import { createWorkerLoop, type Desk, enter, lengthOf } from "./loop.js";
import {
  ARGUMENT,
  addWord,
  awaitWord,
  COMMAND,
  COMMANDS,
  type Command,
  checkStop,
  DONE,
  GO,
  Progress,
  READY,
  type Setup,
  STOP,
  STOP_FAILED,
  Stopped,
} from "./shared.js";

/** Words of one call of the loop; see `drive` in passes.ts. */
const CHUNK_WORDS = 128;
/** Words between two looks at the clock, and between two wake-ups of others. */
const CLOCK_WORDS = 8192;
const WAKE_WORDS = 1024;

function drive(loop: Loop, progress: Progress, from: number, to: number): number {
  let at = from;
  while (at < to) {
    at = loop(at, Math.min(at + CHUNK_WORDS, to));
    progress.tell(at);
  }
  return at;
}

const idle: Loop = (_, to) => to;

/** One of the workers that share a script. It obeys the main thread's commands. */
export class ScriptWorker {
  #desk: Desk;
  readonly #control: Int32Array;
  readonly #look: () => void;
  #loop: Loop;
  readonly #checker: WorkerChecker;
  readonly #histogram: Uint32Array;
  readonly #ends: BigInt64Array;
  readonly #eventCounts: Int32Array;

  /** When the main thread started the run. */
  start = 0n;

  /** `look` is called now and then, and may end the run. */
  constructor(setup: Setup, heap: SharedHeap, look: () => void) {
    const control = new Int32Array(setup.control);
    this.#control = control;
    this.#look = () => {
      look();
      checkStop(control);
    };
    const cells = new Int32Array(setup.cells);
    const progress = new Progress(setup, this.#look);
    const slots = new Int32Array(setup.slots[setup.worker] as SharedArrayBuffer);
    this.#desk = { setup, heap, subject: subjectOf(heap), cells, progress, slots };
    this.#loop = createWorkerLoop(this.#desk);
    this.#checker = new WorkerChecker(this.#desk, () => this.#succeed());
    this.#histogram = new Uint32Array(setup.histogram);
    this.#ends = new BigInt64Array(setup.ends);
    this.#eventCounts = new Int32Array(setup.eventCounts);
  }

  static attach(setup: Setup): ScriptWorker {
    return new ScriptWorker(setup, SharedHeap.attach(setup.heap), () => {});
  }

  /** The heap that the present worker, or its successor, is attached to. */
  get heap(): SharedHeap {
    return this.#desk.heap;
  }

  /** Ends this worker. Its successor keeps the thread and all blocks. */
  #succeed(): Desk {
    const { heap, setup } = this.#desk;
    heap.detach();
    const next = SharedHeap.attach(setup.heap);
    this.#desk = { ...this.#desk, heap: next, subject: subjectOf(next) };
    this.#loop = createWorkerLoop(this.#desk);
    return this.#desk;
  }

  /** Obeys the command that was given. The main thread reads what went wrong. */
  obey(): void {
    const { heap, slots, setup } = this.#desk;
    const control = this.#control;
    try {
      switch (COMMANDS[Atomics.load(control, COMMAND)] as Command) {
        case "run":
          this.#timed(() => this.#run());
          break;
        case "latency":
          this.#timed(() => this.#runEvents(Atomics.load(control, ARGUMENT)));
          break;
        case "check":
          this.#checker.runTo(Atomics.load(control, ARGUMENT));
          break;
        case "restart":
          this.#checker.restart(this.#desk);
          break;
        case "free":
          freeAll(this.#desk, slots);
          break;
        case "drain":
          heap.drain();
      }
    } catch (error) {
      if (!(error instanceof Stopped)) fail(setup, control, error as Error);
    }
    addWord(control, DONE);
  }

  #timed(work: () => number): void {
    const { progress, setup } = this.#desk;
    const control = this.#control;
    drive(idle, progress, 0, CHUNK_WORDS);
    progress.restart();
    addWord(control, READY);
    if (setup.worker !== 0) awaitWord(control, GO, 1);
    else {
      awaitWord(control, READY, setup.workers);
      this.start = process.hrtime.bigint();
      addWord(control, GO);
    }
    const at = work();
    this.#ends[setup.worker] = process.hrtime.bigint();
    this.#eventCounts[setup.worker] = this.#eventsUntil(at);
  }

  #run(): number {
    const { progress } = this.#desk;
    return this.#stepwise((from, to) => drive(this.#loop, progress, from, to));
  }

  /** Times every event by itself, without the wait for its turn. */
  #runEvents(timerNs: number): number {
    return this.#stepwise((from, to) => {
      let at = from;
      while (at < to) {
        enter(this.#desk, at);
        const start = performance.now();
        const next = this.#loop(at, at + 1);
        const ns = Math.round((performance.now() - start) * 1e6) - timerNs;
        const bucket = bucketOf(Math.max(1, ns));
        this.#histogram[bucket] = (this.#histogram[bucket] as number) + 1;
        at = next;
        this.#desk.progress.tell(at);
      }
      return at;
    });
  }

  /** Runs through the stream, and returns how far it came. */
  #stepwise(run: Loop): number {
    const { setup, progress } = this.#desk;
    const { ends, words } = setup.stream;
    const { length } = words;
    let at = 0;
    let lives = 0;
    let nextLook = CLOCK_WORDS;
    try {
      while (at < length) {
        if (ends[lives] === at) {
          this.#succeed();
          lives++;
        }
        at = run(at, Math.min(at + WAKE_WORDS, ends[lives] ?? length, length));
        progress.wake();
        if (at < nextLook) continue;
        nextLook = at + CLOCK_WORDS;
        this.#look();
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    return at;
  }

  #eventsUntil(end: number): number {
    const { words, events } = this.#desk.setup.stream;
    if (end >= words.length) return events.length;
    let count = 0;
    for (let at = 0; at < end; count++) at += lengthOf(words[at] as number);
    return count;
  }
}

/** Frees what a worker's slots still hold. */
function freeAll({ subject }: Desk, slots: Int32Array): void {
  for (let slot = 0; slot < slots.length; slot++) {
    const block = slots[slot] as number;
    if (block === 0) continue;
    subject.free(block);
    slots[slot] = 0;
  }
}

/** Ends the run for all workers, and says why. */
function fail(setup: Setup, control: Int32Array, error: Error): void {
  if (Atomics.exchange(control, STOP, STOP_FAILED) === STOP_FAILED) return;
  const text = new Uint8Array(setup.text);
  const message = new TextEncoder().encode(error.message).subarray(0, text.length - 1);
  text.set(message);
  text[message.length] = 0;
}
