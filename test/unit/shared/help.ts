import { sync } from "../../../src/base/sync.js";
import { hideLife } from "../../../src/heap/liveness.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import {
  type Heap,
  type Recovered,
  SharedHeap,
  type SharedHeapOptions,
} from "../../../src/index.js";
import {
  generationOf,
  type SharedImage,
  SLOT_ARMED,
  SLOT_STATE,
  slotWord,
} from "../../../src/layout/shared.js";

export function sharedHeap(options: Partial<SharedHeapOptions> = {}): SharedHeap {
  return SharedHeap.create({ capacity: 4 * 2 ** 20, maxWorkers: 4, fastCap: 30, ...options });
}

/** So many workers of one heap. */
export function workersOf(count: number, options: Partial<SharedHeapOptions> = {}): SharedHeap[] {
  const first = sharedHeap(options);
  const rest = Array.from({ length: count - 1 }, () => SharedHeap.attach(first.buffer));
  return [first, ...rest];
}

/** The image of a worker, as the allocator sees it. */
export function sharedImageOf(heap: SharedHeap): SharedImage {
  return (heap as unknown as { shared: SharedImage }).shared;
}

/** For helpers that use what both kinds of heap have. */
export function asHeap(heap: SharedHeap): Heap {
  return heap as unknown as Heap;
}

/** Recovers a worker whose handle the test has left: it is as if it were dead. */
export function bury(by: SharedHeap, workerId: number, freeLive = false): Recovered {
  return recoverWorker(sharedImageOf(by), workerId, freeLive);
}

/** A slot's state, and how often its worker is said to wait. */
export function slotOf(heap: SharedHeap, worker: number): { state: number; waits: number } {
  const { words } = sharedImageOf(heap);
  const state = Atomics.load(words, slotWord(worker, SLOT_STATE));
  return { state, waits: Atomics.load(words, slotWord(worker, SLOT_ARMED)) & 0xff };
}

/** Lets a worker seem dead to who asks: nobody waits where its slot says that somebody does. */
export function fallSilent(heap: SharedHeap, waits = 1): void {
  const { words } = sharedImageOf(heap);
  const { state } = slotOf(heap, heap.workerId);
  hideLife(words, heap.workerId, state);
  words[slotWord(heap.workerId, SLOT_ARMED)] = generationOf(state) | waits;
}

/** Runs `run` once, before the first call of this operation for which `when` holds. */
export function beforeSync(
  name: "load" | "store" | "compareExchange" | "notify" | "waitAsync",
  when: (index: number, args: readonly number[]) => boolean,
  run: () => void,
): void {
  const seam = sync as unknown as Record<string, (...args: unknown[]) => unknown>;
  const real = seam[name] as (...args: unknown[]) => unknown;
  seam[name] = (view, index, ...args) => {
    if (when(index as number, args as number[])) {
      seam[name] = real;
      run();
    }
    return real(view, index, ...args);
  };
}

/** Bytes of slabs that are no block's. */
export function tailBytes(heap: SharedHeap): number {
  return heap.stats().classes.reduce((sum, own) => sum + own.slabs * (65536 % own.blockBytes), 0);
}

/** Every worker drains until nothing is on its way. */
export function drainAllOf(heaps: readonly SharedHeap[]): void {
  for (let round = 0; round < 2; round++) for (const heap of heaps) heap.drain();
}
