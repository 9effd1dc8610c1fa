import type { Touch } from "../../workloads/script.js";
import type { WorkerStream } from "./split.js";

/*
 * What the workers share beside the heap. The main thread is worker 0 and gives commands to all
 * workers, itself included. Between two commands no worker runs, and it may read anything.
 */

/** Words of `control`, each in a cache line of its own. */
export const COMMAND_COUNT = 0;
export const COMMAND = 16;
export const ARGUMENT = 32;
/** The number of workers that are ready to run; whether they may. */
export const READY = 48;
export const GO = 64;
/** The number of workers that have done the command. */
export const DONE = 80;
/** Set to end a run early: see below. */
export const STOP = 96;
/** The number of workers that sleep until one of these words changes. */
const SLEEPERS = 112;
export const CONTROL_WORDS = 128;

export const STOP_CUT = 1;
export const STOP_FAILED = 2;

export type Command = "run" | "latency" | "check" | "restart" | "free" | "drain";
export const COMMANDS: readonly Command[] = ["run", "latency", "check", "restart", "free", "drain"];

/** Bytes of the text that says why a worker failed. */
export const TEXT_BYTES = 512;

/** What a worker is given. It makes the views itself. */
export interface Setup {
  readonly worker: number;
  readonly workers: number;
  readonly touch: Touch;
  readonly stream: WorkerStream;
  readonly heap: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** One word per cell: the block or 0. */
  readonly cells: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
  /** By worker, one word per slot: the block or 0. */
  readonly slots: readonly SharedArrayBuffer[];
  /** By event of the script: the byte that a checking pass read back. */
  readonly bytes: SharedArrayBuffer;
  /** By worker: when it ended, by `process.hrtime.bigint`. */
  readonly ends: SharedArrayBuffer;
  readonly eventCounts: SharedArrayBuffer;
  readonly histogram: SharedArrayBuffer;
  readonly text: SharedArrayBuffer;
}

/** A run was ended early, by the main thread's clock or because a worker failed. */
export class Stopped extends Error {
  override readonly name: string = "Stopped";
}

/** @throws {Stopped} if the run is to end. */
export function checkStop(control: Int32Array): void {
  if (Atomics.load(control, STOP) !== 0) throw new Stopped("ended early");
}

/** How often a worker loads a word before it sleeps: some microseconds. */
const SPINS = 2000;
/** How long a worker sleeps, unless it is woken, before it looks at the clock. */
const PATIENCE_MS = 20;

/** Waits until a word of `control` has a value. */
export function awaitWord(
  control: Int32Array,
  index: number,
  value: number,
  look: () => void = () => {},
): void {
  for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(control, index) === value) return;
  Atomics.add(control, SLEEPERS, 1);
  try {
    for (;;) {
      const now = Atomics.load(control, index);
      if (now === value) return;
      Atomics.wait(control, index, now, PATIENCE_MS);
      look();
    }
  } finally {
    Atomics.sub(control, SLEEPERS, 1);
  }
}

/** Adds 1 to a word of `control`, and wakes the workers that await it. */
export function addWord(control: Int32Array, index: number): void {
  Atomics.add(control, index, 1);
  // Read after the addition, because a worker counts itself before it looks at the word again.
  if (Atomics.load(control, SLEEPERS) !== 0) Atomics.notify(control, index);
}

/** Words between two workers' progress: how far one has come, and how many wait for it. */
export const PROGRESS_STRIDE = 16;

/**
 * How far the workers are in their words. A worker tells it now and then and before it sleeps.
 * Telling it after each event would take more time than the events do.
 */
export class Progress {
  readonly #all: Int32Array;
  readonly #own: number;
  readonly #look: () => void;
  /** By worker, the last progress that this one has seen. */
  readonly known: Int32Array;

  /** `look` is called now and then while this worker waits, and may throw. */
  constructor(setup: Setup, look: () => void) {
    this.#all = new Int32Array(setup.progress);
    this.#own = PROGRESS_STRIDE * setup.worker;
    this.#look = look;
    this.known = new Int32Array(setup.workers);
  }

  /** Prepares a run; called while no worker runs. */
  restart(): void {
    this.known.fill(0);
    Atomics.store(this.#all, this.#own, 0);
  }

  /** Tells that this worker has done its words up to a place. */
  tell(at: number): void {
    Atomics.store(this.#all, this.#own, at);
  }

  /**
   * Wakes the workers that wait for this one. It does so less often than it tells its progress, or
   * two workers would hand over few blocks at a time and the processor would switch for each.
   */
  wake(): void {
    if (Atomics.load(this.#all, this.#own + 1) !== 0) Atomics.notify(this.#all, this.#own);
  }

  /** Waits, at a place in this worker's words, until another has come to a place in its own. */
  await(at: number, other: number, position: number): void {
    const all = this.#all;
    const word = PROGRESS_STRIDE * other;
    const hasCome = (): boolean => {
      const now = Atomics.load(all, word);
      this.known[other] = now;
      return now >= position;
    };
    if (hasCome()) return;
    this.tell(at);
    this.wake();
    for (let spin = 0; spin < SPINS; spin++) if (hasCome()) return;
    Atomics.add(all, word + 1, 1);
    try {
      while (!hasCome()) {
        Atomics.wait(all, word, this.known[other] as number, PATIENCE_MS);
        this.#look();
      }
    } finally {
      Atomics.sub(all, word + 1, 1);
    }
  }
}
