import { sync } from "../../../src/base/sync.js";
import { hideLife } from "../../../src/heap/liveness.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import {
  type Heap,
  type Recovered,
  SharedHeap,
  type SharedHeapOptions,
} from "../../../src/index.js";
import type { SharedViews } from "../../../src/layout/sharedViews.js";
import { generationOf } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";

export function sharedHeap(options: Partial<SharedHeapOptions> = {}): SharedHeap {
  return SharedHeap.create({ capacity: 4 * 2 ** 20, maxWorkers: 4, fastCap: 30, ...options });
}

/** Returns so many workers of one heap. */
export function workersOf(count: number, options: Partial<SharedHeapOptions> = {}): SharedHeap[] {
  const first = sharedHeap(options);
  const rest = Array.from({ length: count - 1 }, () => SharedHeap.attach(first.buffer));
  return [first, ...rest];
}

/** Returns the views of a worker, as the allocator has them. */
export function sharedViewsOf(heap: SharedHeap): SharedViews {
  return (heap as unknown as { shared: SharedViews }).shared;
}

/** For helpers that use what both kinds of heap have. */
export function asHeap(heap: SharedHeap): Heap {
  return heap as unknown as Heap;
}

/** Recovers a worker whose handle the test no longer uses, as if it were dead. */
export function bury(by: SharedHeap, workerId: number, freeLive = false): Recovered {
  return recoverWorker(sharedViewsOf(by), workerId, freeLive);
}

/** Returns a slot's state, and how many waits its worker is said to have. */
export function slotOf(heap: SharedHeap, worker: number): { state: number; waits: number } {
  const { words } = sharedViewsOf(heap);
  const state = Atomics.load(words, workerSlot.at(worker) + workerSlot.STATE);
  return { state, waits: Atomics.load(words, workerSlot.at(worker) + workerSlot.ARMED) & 0xff };
}

/** Makes a worker seem dead: nobody waits where its slot says that somebody does. */
export function fallSilent(heap: SharedHeap, waits = 30): void {
  const { words } = sharedViewsOf(heap);
  const { state } = slotOf(heap, heap.workerId);
  hideLife(words, heap.workerId, state, Infinity);
  words[workerSlot.at(heap.workerId) + workerSlot.ARMED] = generationOf(state) | waits;
}

type Operation = (view: unknown, index: number, ...values: number[]) => unknown;

/** What a test puts in the place of an operation of `sync`. */
const seam = sync as unknown as Record<string, Operation>;

/** Runs `run` once, before or after the first operation of this name for which `when` holds. */
export function onSync(
  name: "compareExchange" | "load" | "notify",
  when: (index: number, ...values: number[]) => boolean,
  run: () => void,
  isAfter = false,
): void {
  const real = seam[name] as Operation;
  seam[name] = (view, index, ...values) => {
    if (!when(index, ...values)) return real(view, index, ...values);
    seam[name] = real;
    if (!isAfter) run();
    const result = real(view, index, ...values);
    if (isAfter) run();
    return result;
  };
}

/** Tells a question whether a worker lives, which takes one wait of a life word. */
export function isQuestion(_: number, count?: number): boolean {
  return count === 1;
}

class Killed extends Error {}

const OPERATIONS = ["load", "store", "add", "or", "and", "exchange", "compareExchange", "notify"];

/**
 * Stops an action before one of its operations, as if the agent were killed. Returns whether it was
 * stopped.
 */
export function isKilledAt(operation: number, action: () => void): boolean {
  const real = { ...seam };
  let done = 0;
  for (const name of OPERATIONS) {
    seam[name] = (...args) => {
      if (done++ >= operation) throw new Killed();
      return (real[name] as Operation)(...args);
    };
  }
  try {
    action();
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return true;
  } finally {
    Object.assign(sync, real);
  }
}

/** Ends the waits of what was killed. */
export function endWaits(heap: SharedHeap, worker: number): void {
  hideLife(sharedViewsOf(heap).words, worker, slotOf(heap, worker).state, Infinity);
}

/** Returns the bytes of slabs that are in no block. */
export function tailBytes(heap: SharedHeap): number {
  return heap.stats().classes.reduce((sum, own) => sum + own.slabs * (65536 % own.blockBytes), 0);
}

/** Drains every worker until nothing is on its way. */
export function drainAllOf(heaps: readonly SharedHeap[]): void {
  for (let round = 0; round < 2; round++) for (const heap of heaps) heap.drain();
}
