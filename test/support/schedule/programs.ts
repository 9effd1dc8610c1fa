import fc from "fast-check";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import { SLAB_BYTES } from "../../../src/layout/units.js";
import * as C from "./control.js";
import type { Scenario } from "./scenarios.js";

const SLOTS = 8;
/** The slot of the block that fills a long heap's front. */
const FRONT_SLOT = C.SLOT_COUNT - 1;
/** The last worker number that blocks are handed over to. */
const LAST_WORKER = 7;

/**
 * Sizes whose blocks collide: a mark of one class lies where headers of another lie, two of them
 * have more blocks than a fine summary has bits for, and a batch of the large ones fills an outbox.
 */
const SIZES: readonly number[] = [
  32, 48, 60, 64, 80, 96, 128, 240, 1200, 2000, 8192, 20000, 30000, 49152, 65536, 70000, 140000,
];
const MANY_SIZES: readonly number[] = [32, 48, 64, 80, 96, 240, 1024, 8192, 30000];
/** Most blocks that a thread allocates or frees at once, where each may be sent by itself. */
export const FEW = 40;
/** Slabs of a heap whose workers share slabs of two dirty words, and of two that share a bit. */
const LONG_SLABS = 35;
const LARGE_SLABS = 1059;
/** The most slabs that the workers of a program share. */
const MOST_USABLE = 6;

/**
 * Returns the operations that programs are drawn from.
 * @param most the most blocks that are allocated or freed at once
 * @param readings how often the whole heap is read, of 45
 */
export function steps(most: number = FEW, readings: number = 2): fc.Arbitrary<C.Op> {
  const slot = fc.nat(SLOTS - 1);
  const size = fc.constantFrom(...SIZES);
  const worker = fc.oneof(
    { weight: 3, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.nat(LAST_WORKER) },
  );
  const list = fc.nat(C.LIST_COUNT - 1);
  const count = fc.oneof(fc.integer({ min: 1, max: FEW }), fc.integer({ min: 1, max: most }));
  const many = fc.tuple(list, count, fc.constantFrom(...MANY_SIZES));
  const sized = fc.tuple(slot, size);
  const of = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  const ofSize = (make: (at: number, bytes: number) => C.Op) =>
    sized.map(([at, bytes]) => make(at, bytes));
  return fc.oneof(
    of(8, ofSize(C.malloc)),
    of(8, slot.map(C.free)),
    of(5, ofSize(C.realloc)),
    of(2, ofSize(C.mallocBatch)),
    of(2, slot.map(C.freeBatch)),
    of(4, fc.constantFrom(C.drain, C.attach, C.detach)),
    of(
      3,
      fc.tuple(slot, worker).map(([at, to]) => C.handOver(at, to)),
    ),
    of(
      2,
      worker.map((dead) => C.recover(dead)),
    ),
    of(1, slot.map(C.forgetOwn)),
    of(
      2,
      many.map(([to, blocks, bytes]) => C.mallocMany(to, blocks, bytes)),
    ),
    of(
      2,
      fc.tuple(list, count, fc.nat(1)).map(([from, blocks, end]) => C.freeMany(from, blocks, end)),
    ),
    of(2, ofSize(C.mallocWait)),
    of(2, ofSize(C.calloc)),
    of(
      2,
      fc.tuple(sized, fc.nat(16)).map(([[at, bytes], shift]) => C.alignedAlloc(at, bytes, shift)),
    ),
    of(1, fc.constantFrom(C.reset, C.runLater)),
    of(
      1,
      fc.oneof(worker, fc.constant(C.ANY_WORKER)).map((dead) => C.guard(dead)),
    ),
    of(readings, fc.constantFrom(C.stats, C.verify, C.snapshot)),
  );
}

function showOps(ops: readonly (readonly [number, C.Op])[]): string {
  return ops.map(([me, op]) => `${me}:${C.showOp(op)}`).join(" ");
}

interface Heap {
  readonly fastCap: number;
  readonly interval: number;
  readonly workers: number;
  readonly slabs: number;
}

/** Draws what a heap is like: its options, its slots, and how many slabs it has. */
function heaps(): fc.Arbitrary<Heap> {
  const of = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  const drawn = fc.record({
    fastCap: fc.oneof(of(6, fc.integer({ min: 1, max: 4 })), of(1, fc.constant(64))),
    interval: fc.oneof(of(6, fc.integer({ min: 1, max: 8 })), of(1, fc.constantFrom(0, 1024))),
    workers: fc.integer({ min: 2, max: 8 }),
    usable: fc.integer({ min: 3, max: MOST_USABLE }),
    isLong: fc.nat(15).map((number) => number === 0),
  });
  return drawn.map(({ isLong, usable, workers, ...rest }) => {
    if (isLong) return { ...rest, workers, slabs: LONG_SLABS };
    const { firstSlab } = sharedLayout(8 * SLAB_BYTES, workers);
    return { ...rest, workers, slabs: firstSlab + usable };
  });
}

/**
 * Draws heaps with room for large blocks and for slabs full of small ones, whose outboxes are sent
 * late.
 */
export function roomyHeaps(): fc.Arbitrary<Heap> {
  const drawn = fc.record({
    fastCap: fc.constantFrom(1, 2, 64),
    interval: fc.constantFrom(0, 64, 1024, 4096),
    workers: fc.integer({ min: 3, max: 8 }),
    isLong: fc.boolean(),
  });
  return drawn.map(({ isLong, workers, ...rest }) => {
    const { firstSlab } = sharedLayout(20 * SLAB_BYTES, workers);
    return { ...rest, workers, slabs: isLong ? LONG_SLABS : firstSlab + 2 * MOST_USABLE };
  });
}

/** Heaps whose mail has a bit for each two dirty words. */
export function largeHeaps(): fc.Arbitrary<Heap> {
  return heaps().map((heap) => ({ ...heap, slabs: LARGE_SLABS }));
}

/** Takes the first slabs of a long heap, so that its workers share the last ones. */
function fillFront({ slabs, workers }: Heap): [number, C.Op][] {
  if (slabs < LONG_SLABS) return [];
  const { firstSlab } = sharedLayout(slabs * SLAB_BYTES, workers);
  return [[0, C.malloc(FRONT_SLOT, (slabs - firstSlab - MOST_USABLE) * SLAB_BYTES)]];
}

/** Draws programs of 2 to `most` threads with up to `length` operations each, and their seeds. */
export function programs(
  step: fc.Arbitrary<C.Op>,
  most: number,
  length: number,
  heap: fc.Arbitrary<Heap> = heaps(),
): fc.Arbitrary<{ scenario: Scenario; seed: number }> {
  const drawn = fc.record({
    before: fc.array(fc.tuple(fc.nat(most - 1), step), { maxLength: 8 }),
    threads: fc.array(fc.array(step, { minLength: 1, maxLength: length }), {
      minLength: 2,
      maxLength: most,
    }),
    heap,
    seed: fc.nat(2 ** 28),
  });
  return drawn.map(({ before, heap, seed, threads }) => {
    // Nobody is dead before the run, and a wait would never end.
    const then = before.filter(([, [kind]]) => kind !== C.MALLOC_WAIT && !C.ASKING.has(kind));
    const attached = Math.min(most, heap.workers);
    const preamble: [number, C.Op][] = [
      ...Array.from({ length: attached }, (_, me): [number, C.Op] => [me, C.attach]),
      ...fillFront(heap),
      ...then,
    ];
    return { scenario: { name: `before: ${showOps(then)}`, ...heap, preamble, threads }, seed };
  });
}
