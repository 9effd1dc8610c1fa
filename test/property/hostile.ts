import vm from "node:vm";
import fc from "fast-check";
import { Heap, HeapError, type HeapOptions, type Ptr } from "../../src/index.js";
import * as classRecord from "../../src/layout/classRecord.js";
import * as frontCache from "../../src/layout/frontCache.js";
import { CLASS_COUNT } from "../../src/layout/sizeClasses.js";
import * as slabRecord from "../../src/layout/slabRecord.js";
import * as superblock from "../../src/layout/superblock.js";
import { Oracle } from "../support/oracle.js";

/** Pseudo-random integers from a seed; enough for a workload. */
export function randomOf(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** A size: often one of few small ones, now and then up to a span of five slabs. */
function sizeOf(random: (limit: number) => number): number {
  const kind = random(12);
  if (kind < 8) return 16 + 48 * random(4);
  if (kind < 10) return random(3000);
  return kind === 10 ? random(70000) : random(5 * 65536);
}

const OPTIONS: readonly Partial<HeapOptions>[] = [
  {},
  { fastCap: 2, sllDrainInterval: 0, refillCountHot: 3 },
  { fastCap: 16, sllDrainInterval: 1024, frontStats: true },
  { fastCap: 5, sllDrainInterval: 64, safeFree: true, wrapTiny: false },
];

export const CAPACITY_BYTES: number = 2 ** 20;

export interface Worn {
  readonly heap: Heap;
  readonly metadataBytes: number;
}

/** A heap of 1 MiB with a past: live, cached and free blocks, spans, an SLL. */
export function makeWornHeap(seed: number): Worn {
  const random = randomOf(seed);
  const heap = Heap.create({ ...OPTIONS[random(OPTIONS.length)], capacity: CAPACITY_BYTES });
  const { metadataBytes } = heap.stats();
  const live: Ptr[] = [];
  const steps = random(3000);
  for (let step = 0; step < steps; step++) {
    const isFilling = (step >>> 8) % 2 === 0;
    if (live.length === 0 || random(10) < (isFilling ? 8 : 3)) {
      const ptr = heap.tryMalloc(sizeOf(random));
      if (ptr !== 0) live.push(ptr);
    } else {
      const place = random(live.length);
      heap.free(live[place] as Ptr);
      live[place] = live[live.length - 1] as Ptr;
      live.pop();
    }
  }
  const end = random(6);
  if (end === 0) for (const ptr of live) heap.free(ptr);
  if (end <= 1) heap.drain();
  if (end === 2) heap[Symbol.dispose]();
  return { heap, metadataBytes };
}

/** Only errors of the heap may come out of a call; what else does is thrown on. */
export function heapErrorOnly<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof HeapError) return undefined;
    throw error;
  }
}

/** An accepted image is a heap: its blocks and what it hands out keep every promise. */
export function exercise(heap: Heap, seed: number): void {
  heap.verify();
  const oracle = new Oracle(heap);
  for (const { ptr, size, state } of heap.blocks()) {
    if (state === "live") oracle.adopt(ptr, size);
  }
  oracle.conservation();
  const random = randomOf(seed);
  for (let step = 0; step < 1500; step++) {
    const isFilling = (step >>> 8) % 2 === 0;
    const ptr = oracle.ptrs[random(Math.max(1, oracle.count))] as Ptr;
    const size = sizeOf(random);
    const op = random(10);
    if (oracle.count === 0 || op < (isFilling ? 7 : 3)) {
      const block = heap.tryMalloc(size);
      if (block !== 0) oracle.allocated(block, size);
      continue;
    }
    oracle.check(ptr);
    if (op < 9) {
      heap.free(ptr);
      oracle.freed(ptr);
    } else {
      const to = heapErrorOnly(() => heap.realloc(ptr, size));
      if (to !== undefined) oracle.reallocated(ptr, to, size);
    }
  }
  heap.verify();
  oracle.checkAll();
  oracle.conservation();
  heap.drain();
  heap.verify();
}

const script = new vm.Script("run()");

/** Ends a call that does not end by itself, however busy the machine; `where` tells what ran. */
export function terminates(where: () => string, run: () => void, timeoutMs: number = 30_000): void {
  try {
    script.runInContext(vm.createContext({ run }), { timeout: timeoutMs });
  } catch (error) {
    const isEndless = (error as { code?: unknown }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    throw isEndless ? new Error(`no end after ${timeoutMs} ms: ${where()}`) : error;
  }
}

/** An index into the metadata, most often of a word in use; to be taken modulo its length. */
export const metaIndex: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: superblock.BINS + superblock.BINS_INTS - 1 }) },
  { weight: 3, arbitrary: fc.integer({ min: frontCache.ROOMS, max: classRecord.START - 1 }) },
  {
    weight: 3,
    arbitrary: fc
      .nat((CLASS_COUNT + 1) * classRecord.INTS)
      .map((index) => classRecord.START + index),
  },
  { weight: 4, arbitrary: fc.integer({ min: slabRecord.START, max: slabRecord.at(17) - 1 }) },
  { weight: 4, arbitrary: fc.integer({ min: 256, max: 0xffff }) },
);

/** The words of the metadata: from the end of the header map on. */
export function metadataWords(buffer: ArrayBufferLike, metadataBytes: number): Int32Array {
  const start = buffer.byteLength / 16;
  return new Int32Array(buffer, start, (metadataBytes - start) / 4);
}

/** A word to write: small, the neighbour of a limit, a plausible ptr, or anything. */
export const wordValue: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 30, 65535, 65536),
  fc.integer({ min: 0, max: 65535 }).map((granule) => granule * 16),
  fc.integer(),
);
