import fc from "fast-check";
import * as C from "./control.js";
import type { Scenario } from "./scenarios.js";

const SLOTS = 8;

/**
 * Returns the operations that programs are drawn from. Programs for threads have no waits and no
 * batches of `malloc`: a thread dies by an exception, which a batch catches to free its blocks.
 */
export function steps(onThreads: boolean): fc.Arbitrary<C.Op> {
  const slot = fc.nat(SLOTS - 1);
  const size = fc.constantFrom(60, 2000, 20000, 30000, 65536, 70000);
  const sized = fc.tuple(slot, size);
  const of = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  const waits = sized.map(([at, bytes]) => C.mallocWait(at, bytes));
  return fc.oneof(
    of(
      4,
      sized.map(([at, bytes]) => C.malloc(at, bytes)),
    ),
    of(4, slot.map(C.free)),
    of(
      1,
      sized.map(([at, bytes]) => C.realloc(at, bytes)),
    ),
    of(
      onThreads ? 0 : 1,
      sized.map(([at, bytes]) => C.mallocBatch(at, bytes)),
    ),
    of(1, slot.map(C.freeBatch)),
    of(2, fc.constantFrom(C.drain, C.attach, C.detach)),
    of(
      1,
      fc.tuple(slot, fc.nat(3)).map(([at, to]) => C.handOver(at, to)),
    ),
    of(1, fc.nat(3).map(C.recover)),
    of(onThreads ? 0 : 1, waits),
  );
}

function showOps(ops: readonly (readonly [number, C.Op])[]): string {
  return ops.map(([me, op]) => `${me}:${C.showOp(op)}`).join(" ");
}

/** Draws programs of 2 to `most` threads with up to `length` operations each, and their seeds. */
export function programs(
  step: fc.Arbitrary<C.Op>,
  most: number,
  length: number,
): fc.Arbitrary<{ scenario: Scenario; seed: number }> {
  const drawn = fc.record({
    before: fc.array(fc.tuple(fc.nat(most - 1), step), { maxLength: 8 }),
    threads: fc.array(fc.array(step, { minLength: 1, maxLength: length }), {
      minLength: 2,
      maxLength: most,
    }),
    slabs: fc.integer({ min: 5, max: 8 }),
    interval: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(2 ** 28),
  });
  return drawn.map(({ before, seed, ...rest }) => {
    // Nobody is dead before the run, and a wait would never end.
    const then = before.filter(([, [kind]]) => kind !== C.MALLOC_WAIT && kind !== C.RECOVER);
    const all = Array.from({ length: most }, (_, me): [number, C.Op] => [me, C.attach]);
    const name = `before: ${showOps(then)}`;
    return { scenario: { name, workers: 5, preamble: [...all, ...then], ...rest }, seed };
  });
}
