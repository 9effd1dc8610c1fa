import { HeapError } from "../base/errors.js";
import { sync } from "../base/sync.js";
import type { WorkerIndex } from "../base/types.js";
import { closed } from "../front/misuse.js";
import type { SharedViews } from "../layout/sharedViews.js";
import {
  generationOf,
  isWorkers,
  MAX_WORKERS,
  SLOT_ACTIVE,
  SLOT_RECOVERING,
} from "../layout/slotState.js";
import * as superblock from "../layout/superblock.js";
import * as workerSlot from "../layout/workerSlot.js";
import { checkFunction, checkObject } from "./checks.js";
import { canProbe, isMute, type Life } from "./liveness.js";
import { type Recovered, recoverAll } from "./recover.js";
import { lifeOf, type Slot } from "./slots.js";
import type { Signal } from "./wait.js";

/*
 * A death is known, never assumed. The event that says a worker has ended may come early, and a
 * browser has none. So a worker is asked whether it lives, again and again with growing pauses.
 */
const LAST_TURN = 2;

/** Returns the pause after a question: 10, 100, and from the turn LAST_TURN on 1000 ms. */
function pauseMs(turn: number): number {
  return 10 ** (Math.min(turn, LAST_TURN) + 1);
}

declare function setTimeout(run: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** What `guard` needs of a worker: the event `exit` of Node's `Worker`, or a Web Worker. */
export type Guarded =
  | {
      once(event: "exit", listener: () => void): unknown;
      /** -1 once the worker has ended. */
      readonly threadId?: number;
    }
  | { postMessage(message: unknown): void; addEventListener(type: string, on: unknown): void };

/**
 * Recovers a worker that had the slot when its state was `state`, if it is dead.
 * @param isTold whether the program says that it has ended: that is believed if the worker's engine
 * can tell nobody.
 * @throws {HeapError} ERR_WORKER_ALIVE
 */
export function recoverIfDead(
  views: SharedViews,
  worker: WorkerIndex,
  state: number,
  freeLive: boolean,
  isTold: boolean,
): Recovered {
  const life = lifeOf(views, worker, state, isTold);
  const isBelieved = isTold && life === "unknown" && isMute(views.words, worker);
  if (life !== "dead" && !isBelieved) throw notDead(worker, state, life);
  return recoverAll(views, worker, freeLive, state);
}

function notDead(worker: WorkerIndex, state: number, life: Life): HeapError {
  const by = state & (MAX_WORKERS - 1);
  const message =
    life === "unknown"
      ? `the engine cannot tell now whether worker ${worker} lives; recoverWhenDead asks again`
      : (state & SLOT_RECOVERING) !== 0
        ? `worker ${worker} is being recovered by worker ${by}, which lives`
        : `worker ${worker} lives; terminate it, or let it detach`;
  return new HeapError("ERR_WORKER_ALIVE", message, { workerId: worker, life });
}

/** Lets Node end although a timer has not run. */
function release(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

/**
 * Asks once whether the worker lives that had the slot when its state was `asked`, and recovers it
 * if it is dead.
 * @returns null if it has left, or another worker has recovered it; undefined if it lives, or if
 * that is not known.
 */
function askOnce(
  views: SharedViews,
  worker: WorkerIndex,
  asked: number,
  freeLive: boolean,
  isTold: boolean,
): Recovered | null | undefined {
  const state = sync.load(views.words, workerSlot.at(worker) + workerSlot.STATE);
  if (generationOf(state) !== generationOf(asked) || !isWorkers(state)) return null;
  if (lifeOf(views, worker, state, isTold) !== "dead") return undefined;
  try {
    return recoverAll(views, worker, freeLive, state);
  } catch (error) {
    // Another worker was faster. If that one dies, this one may recover both.
    if (error instanceof HeapError && error.code === "ERR_WORKER_ALIVE") return undefined;
    throw error;
  }
}

/**
 * Waits until a worker is dead, and recovers it. @returns undefined if it left meanwhile.
 * @throws {HeapError} ERR_WORKER_ALIVE if the engine never can tell; ERR_HEAP_DISPOSED.
 */
export async function recoverWhenDead(
  views: SharedViews,
  worker: WorkerIndex,
  asked: number,
  freeLive: boolean,
  signal: Signal | undefined,
): Promise<Recovered | undefined> {
  if (worker === views.worker) throw notDead(worker, asked, "alive");
  if (!canProbe(views)) throw notDead(worker, asked, "unknown");
  for (let turn = 0; ; turn++) {
    if (signal?.aborted) throw signal.reason;
    if (views.gate[superblock.CLOSED] !== 0) throw closed(views);
    const what = askOnce(views, worker, asked, freeLive, false);
    if (what !== undefined) return what ?? undefined;
    await sleep(pauseMs(turn), signal);
  }
}

/** Resolves after `ms`, or when the signal is aborted. */
function sleep(ms: number, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal?.addEventListener("abort", wake, { once: true });
  });
}

/** How workers are asked whether they live. */
interface Asking {
  readonly freeLive: boolean;
  /** Whether to go on until all that are asked have ended; else only for a second. */
  readonly goesOn: boolean;
  readonly tell: (what: Recovered) => void;
}

/**
 * Asks workers whether they live, by their numbers and the states of their slots, and recovers
 * those that do not: now, and again until `asked` is empty. Of many, when one is found dead it is
 * most likely the one that ended, so the others are asked only once more, after the longest pause.
 * @param isTold whether an event said that the worker has ended.
 */
function askAgain(
  views: SharedViews,
  asked: Map<number, number>,
  asking: Asking,
  isTold: boolean,
  turn: number = 0,
): void {
  if (views.gate[superblock.CLOSED] !== 0) return;
  const errors: unknown[] = [];
  let hasFound = false;
  for (const [worker, state] of asked) {
    let what: Recovered | null | undefined;
    try {
      what = askOnce(views, worker, state, asking.freeLive, isTold);
    } catch {
      // The image is damaged: `recover` says how.
      what = null;
    }
    if (what !== undefined) asked.delete(worker);
    if (!what) continue;
    hasFound = true;
    // This comes at once: if this worker dies meanwhile, nobody else lists what it has recovered.
    tellEach([what, ...what.others], asking.tell, errors);
  }
  const next = hasFound ? Math.max(turn, LAST_TURN) : turn;
  if (asked.size > 0 && (asking.goesOn || next <= LAST_TURN)) {
    const timer = setTimeout(() => askAgain(views, asked, asking, false, next + 1), pauseMs(next));
    // A program that was told of an end waits for what follows it; but not for ever.
    if (!asking.goesOn || next > LAST_TURN) release(timer);
  }
  if (errors.length > 0) throw errors[0];
}

/** Guards a worker: see `SharedHeap.guard`. Returns what ends the guard. */
export function guardWorker(
  views: SharedViews,
  worker: Guarded,
  named: Slot | undefined,
  freeLive: boolean,
  tell: (what: Recovered) => void,
): () => void {
  checkObject("worker", worker);
  const isWeb = !("once" in worker) && "addEventListener" in worker && "postMessage" in worker;
  if (!isWeb) checkFunction("worker.once", (worker as { once: unknown }).once);
  else if (named === undefined) {
    const message = "a Web Worker has no event exit; its guard takes workerId";
    throw new HeapError("ERR_INVALID_ARGUMENT", message, { got: undefined });
  }
  const asked = new Map<number, number>();
  const goesOn = named !== undefined;
  let isEnded = false;
  const ask = (isTold: boolean): void => {
    if (isEnded) return;
    const slots = named === undefined ? activeSlots(views) : [named];
    for (const { worker: other, state } of slots) asked.set(other, state);
    askAgain(views, asked, { freeLive, goesOn, tell }, isTold);
  };
  if ("once" in worker) {
    worker.once("exit", () => ask(goesOn));
    if (worker.threadId === -1) ask(goesOn);
  } else {
    ask(false);
  }
  return () => {
    isEnded = true;
    asked.clear();
  };
}

function activeSlots({ layout, words }: SharedViews): Slot[] {
  const slots: Slot[] = [];
  for (let worker = 0; worker < layout.workers; worker++) {
    const state = sync.load(words, workerSlot.at(worker) + workerSlot.STATE);
    if ((state & 0xff) === SLOT_ACTIVE) slots.push({ worker, state });
  }
  return slots;
}

/** Tells of each recovery, and notes what `tell` throws. */
function tellEach(
  found: readonly Recovered[],
  tell: (what: Recovered) => void,
  errors: unknown[],
): void {
  for (const what of found) {
    try {
      tell(what);
    } catch (error) {
      errors.push(error);
    }
  }
}
