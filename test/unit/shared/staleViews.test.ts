import { expect, test } from "vitest";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { runs } from "../../support/tier.js";
import { at } from "../help.js";
import { workersOf } from "./help.js";

/*
 * As test/unit/front/staleViews.test.ts, where workers share a heap: what one of them writes to a
 * block that it has freed may name a block that another one caches.
 */

const OPTIONS = { fastCap: 8, sllDrainInterval: 0 };

function drainCaches(heaps: readonly SharedHeap[]): void {
  // What one sends another collects.
  for (let turn = 0; turn < 3; turn++) for (const heap of heaps) heap.drain();
}

test.each([64, 9000, 20000])("malloc takes no %i B of another worker's cache", (size) => {
  const [a, b] = workersOf(2, OPTIONS) as [SharedHeap, SharedHeap];
  const own = [a.malloc(size), a.malloc(size)];
  const other = b.malloc(size);
  for (const ptr of own) a.free(ptr);
  b.free(other);
  a.i32[at(own, 1) >> 2] = other;
  const taken = [a.malloc(size), a.malloc(size), a.malloc(size)];
  expect(taken).not.toContain(other);
  expect(b.malloc(size)).toBe(other);
  expect(a.stats().mends).toBe(1);
  a.verify();
});

test.each([64, 9000, 20000])("a drain takes no %i B of another worker's cache", (size) => {
  const [a, b] = workersOf(2, OPTIONS) as [SharedHeap, SharedHeap];
  const own = [a.malloc(size), a.malloc(size)];
  const other = b.malloc(size);
  for (const ptr of own) a.free(ptr);
  b.free(other);
  a.i32[at(own, 1) >> 2] = other;
  a.drain();
  a.verify();
  b.verify();
  expect(b.malloc(size)).toBe(other);
});

test("no block is lost when a chain through another worker's block has the right length", () => {
  const [a, b] = workersOf(2, OPTIONS) as [SharedHeap, SharedHeap];
  const own = [a.malloc(9000), a.malloc(9000)];
  const other = b.malloc(9000);
  for (const ptr of own) a.free(ptr);
  b.free(other);
  a.i32[at(own, 1) >> 2] = other;
  b.i32[other >> 2] = 0;
  const taken = [a.malloc(9000), a.malloc(9000)];
  for (const ptr of taken) a.free(ptr);
  drainCaches([a, b]);
  a.verify();
  const { cached, live, slabs } = a.stats();
  expect([cached.blocks, live.blocks, slabs.inUse]).toEqual([0, 0, 0]);
});

test("another worker's chain that the SLL links is not popped", () => {
  const [a, b] = workersOf(2, { ...OPTIONS, fastCap: 2 }) as [SharedHeap, SharedHeap];
  const own = Array.from({ length: 6 }, () => a.malloc(64));
  const others = [b.malloc(64), b.malloc(64)];
  for (const ptr of own) a.free(ptr);
  for (const ptr of others) b.free(ptr);
  // Two chains are on the SLL: the head of the newer one has the link.
  a.i32[(at(own, 3) >> 2) + 1] = at(others, 1);
  const taken = Array.from({ length: 6 }, () => a.malloc(64));
  for (const ptr of others) expect(taken).not.toContain(ptr);
  expect(a.stats().mends).toBe(1);
  a.verify();
});

/** Workers that allocate, free each other's blocks, leave, and write to what they freed. */
class Crowd {
  readonly heaps: SharedHeap[];
  private readonly live = new Map<Ptr, number>();
  private readonly freed: Ptr[] = [];
  private seed: number;

  constructor(seed: number) {
    this.seed = seed;
    const pick = <T>(values: readonly T[]): T => values[this.below(values.length)] as T;
    this.heaps = workersOf(3, {
      capacity: 2 ** 20,
      fastCap: pick([1, 2, 3, 8]),
      sllDrainInterval: pick([0, 1, 8, 50]),
      safeFree: pick([true, false, false]),
    });
  }

  below(limit: number): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) | 0;
    return Math.floor(((this.seed >>> 0) / 2 ** 32) * limit);
  }

  allocate(worker: number): void {
    const heap = at(this.heaps, worker);
    const ptr = heap.tryMalloc(at([64, 64, 100, 3000, 20000], this.below(5)));
    if (ptr === 0) return;
    const bytes = heap.bytes(ptr);
    for (const other of this.live.keys()) {
      const isApart = other + heap.usableSize(other) <= ptr || ptr + bytes.length <= other;
      if (!isApart) throw new Error(`${ptr} overlaps ${other}`);
    }
    const value = 1 + this.below(255);
    bytes.fill(value);
    this.live.set(ptr, value);
  }

  free(worker: number): void {
    const ptr = [...this.live.keys()][this.below(this.live.size)];
    if (ptr === undefined) return;
    this.check(ptr);
    at(this.heaps, worker).free(ptr);
    this.live.delete(ptr);
    this.freed.push(ptr);
  }

  writeStale(): void {
    if (this.freed.length === 0) return;
    const recent = (): Ptr =>
      at(this.freed, this.freed.length - 1 - this.below(Math.min(20, this.freed.length)));
    const heap = at(this.heaps, 0);
    const place = recent() + 4 * this.below(2);
    for (const ptr of this.live.keys()) {
      if (ptr <= place && place < ptr + heap.usableSize(ptr)) return;
    }
    heap.i32[place >> 2] = this.below(4) > 0 ? recent() : this.below(2 ** 21);
  }

  /** Another worker comes in its place. */
  leave(worker: number): void {
    const { buffer } = at(this.heaps, worker);
    at(this.heaps, worker).detach();
    this.heaps[worker] = SharedHeap.attach(buffer);
  }

  check(ptr: Ptr): void {
    const value = this.live.get(ptr);
    const isWhole = at(this.heaps, 0)
      .bytes(ptr)
      .every((byte) => byte === value);
    if (!isWhole) throw new Error(`block ${ptr} was overwritten`);
  }

  finish(): void {
    for (const ptr of this.live.keys()) this.check(ptr);
    drainCaches(this.heaps);
    const first = at(this.heaps, 0);
    first.verify();
    expect(first.stats().cached.blocks).toBe(0);
    expect(first.stats().live.blocks).toBe(this.live.size);
    for (const ptr of this.live.keys()) first.free(ptr);
    drainCaches(this.heaps);
    first.verify();
    expect(first.stats().slabs.inUse).toBe(0);
  }
}

test("whatever is written to freed blocks, no block overlaps, is overwritten or lost", () => {
  for (let seed = 1; seed <= runs(30, 150); seed++) {
    const crowd = new Crowd(seed);
    try {
      for (let step = 0; step < 400; step++) {
        const worker = crowd.below(3);
        const kind = crowd.below(40);
        if (kind < 16) crowd.allocate(worker);
        else if (kind < 28) crowd.free(worker);
        else if (kind < 37) crowd.writeStale();
        else if (kind < 39) at(crowd.heaps, worker).drain();
        else crowd.leave(worker);
      }
      crowd.finish();
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
