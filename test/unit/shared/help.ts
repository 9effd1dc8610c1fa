import { hideLife } from "../../../src/heap/liveness.js";
import { recoverWorker } from "../../../src/heap/recover.js";
import {
  type Heap,
  type Recovered,
  SharedHeap,
  type SharedHeapOptions,
} from "../../../src/index.js";
import { type SharedImage, SLOT_ARMED, slotWord } from "../../../src/layout/shared.js";

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

/** Lets a worker seem dead to who asks: nobody waits where its slot says that somebody does. */
export function fallSilent(heap: SharedHeap): void {
  const image = sharedImageOf(heap);
  hideLife(image);
  image.words[slotWord(heap.workerId, SLOT_ARMED)] = 1;
}

/** Bytes of slabs that are no block's. */
export function tailBytes(heap: SharedHeap): number {
  return heap.stats().classes.reduce((sum, own) => sum + own.slabs * (65536 % own.blockBytes), 0);
}

/** Every worker drains until nothing is on its way. */
export function drainAllOf(heaps: readonly SharedHeap[]): void {
  for (let round = 0; round < 2; round++) for (const heap of heaps) heap.drain();
}
