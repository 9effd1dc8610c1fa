import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap, HeapError, type Ptr } from "../../src/index.js";
import { runs } from "../support/tier.js";
import { SLAB_BYTES } from "./world.js";

/*
 * Runs of more than 32 slabs share bins by length. Heaps of a few MiB never have such runs, so the
 * model does not see them; here spans are owned slab by slab, and their bytes stay untouched.
 */
const CAPACITY_BYTES = 256 * 2 ** 20;
const FIRST: number = Heap.create({ capacity: CAPACITY_BYTES }).stats().metadataBytes / SLAB_BYTES;
const SLABS: number = CAPACITY_BYTES / SLAB_BYTES;

/** A heap of its own for each sequence: after a reset nothing is wilderness any more. */
class SpanShadow {
  readonly heap: Heap = Heap.create({ capacity: CAPACITY_BYTES });
  readonly owners: Int32Array = new Int32Array(SLABS);
  readonly spans: [ptr: Ptr, slabs: number][] = [];

  claim(ptr: Ptr, slabs: number): void {
    const start = ptr / SLAB_BYTES;
    expect(Number.isInteger(start) && start >= FIRST && start + slabs <= SLABS).toBe(true);
    for (let slab = start; slab < start + slabs; slab++) {
      if (this.owners[slab] !== 0) throw new Error(`slab ${slab} is handed out twice`);
      this.owners[slab] = start;
    }
    this.spans.push([ptr, slabs]);
  }

  release(place: number): [ptr: Ptr, slabs: number] {
    const span = this.spans[place];
    const last = this.spans.pop();
    if (span === undefined || last === undefined) throw new Error("no span there");
    if (last !== span) this.spans[place] = last;
    this.owners.fill(0, span[0] / SLAB_BYTES, span[0] / SLAB_BYTES + span[1]);
    return span;
  }

  longestFree(): number {
    let longest = 0;
    for (let slab = FIRST, run = 0; slab < SLABS; slab++) {
      run = this.owners[slab] === 0 ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    return longest;
  }
}

function isExhausted(error: unknown): boolean {
  return error instanceof HeapError && error.code === "ERR_HEAP_EXHAUSTED";
}

function step(shadow: SpanShadow, op: number, slabs: number, pick: number): void {
  const { heap } = shadow;
  const place = pick % Math.max(1, shadow.spans.length);
  if (op < 5 || shadow.spans.length === 0) {
    const ptr = heap.tryMalloc(slabs * SLAB_BYTES - (pick % 9));
    if (ptr === 0) expect(shadow.longestFree()).toBeLessThan(slabs);
    else shadow.claim(ptr, slabs);
    return;
  }
  if (op < 8) {
    heap.free(shadow.release(place)[0]);
    return;
  }
  const [ptr] = shadow.spans[place] as [Ptr, number];
  try {
    const to = heap.realloc(ptr, slabs * SLAB_BYTES);
    shadow.release(place);
    shadow.claim(to, slabs);
  } catch (error) {
    if (!isExhausted(error)) throw error;
    expect(shadow.longestFree()).toBeLessThan(slabs);
  }
}

/** All slabs of spans are in use, all others in the arena; after all frees none is in use. */
function finish(shadow: SpanShadow): void {
  const { heap } = shadow;
  heap.verify();
  const used = shadow.spans.reduce((sum, [, slabs]) => sum + slabs, 0);
  expect(heap.stats().slabs.inUse).toBe(used);
  while (shadow.spans.length > 0) heap.free(shadow.release(0)[0]);
  heap.verify();
  expect(heap.stats().slabs.inUse).toBe(0);
  const whole = heap.tryMalloc((SLABS - FIRST) * SLAB_BYTES);
  expect(whole).toBe(FIRST * SLAB_BYTES);
}

describe("long runs of slabs", () => {
  it("are handed out, cut, merged and grown, none lost", () => {
    const slabs = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 33, max: 40 }) },
      { weight: 2, arbitrary: fc.integer({ min: 2, max: 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: 2, max: 300 }) },
    );
    const steps = fc.array(fc.tuple(fc.nat(9), slabs, fc.nat(0xffff)), {
      maxLength: 400,
      size: "max",
    });
    fc.assert(
      fc.property(steps, (list) => {
        const shadow = new SpanShadow();
        for (const [op, count, pick] of list) step(shadow, op, count, pick);
        finish(shadow);
      }),
      { numRuns: runs(8, 250) },
    );
  });

  it("below the wilderness keep what a request leaves of them", () => {
    const fresh = Heap.create({ capacity: CAPACITY_BYTES });
    const short: Ptr[] = [];
    for (let index = 0; index < 17; index++) {
      short.push(fresh.malloc(33 * SLAB_BYTES));
      fresh.malloc(2 * SLAB_BYTES);
    }
    // The longest run of its bin, and behind more short ones than a fit looks at.
    fresh.free(fresh.malloc(39 * SLAB_BYTES));
    for (const ptr of short) fresh.free(ptr);
    fresh.malloc(34 * SLAB_BYTES);
    fresh.verify();
    expect(fresh.stats().slabs.inUse).toBe(17 * 2 + 34);
  });
});
