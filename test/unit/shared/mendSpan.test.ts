import { describe, expect, it } from "vitest";
import {
  countTails,
  loadState,
  ownerOf,
  ownState,
  reserveSpan,
} from "../../../src/central/states.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import { SPAN_CLASS } from "../../../src/layout/sizeClasses.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import { BUSY, TAIL_STATE } from "../../../src/layout/slabState.js";
import { SLOT_FREE } from "../../../src/layout/slotState.js";
import { ptrToSlab } from "../../../src/layout/units.js";
import { at, thrown } from "../help.js";
import { bury, onSync, sharedViewsOf, slotOf, workersOf } from "./help.js";

/** A worker that dies with a reserved span of three slabs, and the one that recovers it. */
interface Death {
  readonly by: SharedHeap;
  readonly dead: SharedHeap;
  readonly span: Ptr;
  readonly slab: number;
}

function reservedSpan(bytes = 180_000): Death {
  const [by, dead] = workersOf(2) as [SharedHeap, SharedHeap];
  const span = dead.malloc(bytes);
  const slab = ptrToSlab(span);
  const { layout, words } = sharedViewsOf(dead);
  Atomics.or(words, layout.states + slab, BUSY);
  expect(countTails(sharedViewsOf(by), slab)).toBe(2);
  return { by, dead, span, slab };
}

function setTails({ dead, slab }: Death, count: number): void {
  const { layout, words } = sharedViewsOf(dead);
  for (let tail = 1; tail <= count; tail++) {
    Atomics.store(words, layout.states + slab + tail, TAIL_STATE);
  }
}

function setField({ dead, slab }: Death, name: number, value: number): void {
  sharedViewsOf(dead).records[slabRecord.at(slab) + name] = value;
}

/** Checks what a recovery makes of the span, and that all memory comes back once it is freed. */
function expectMended(death: Death, slabs: number, bytes: number): void {
  const { by, dead, span, slab } = death;
  const pooled = by.stats().slabs;
  const { live, reclaimedSlabs } = bury(by, dead.workerId);
  expect([...live]).toEqual([span]);
  expect(reclaimedSlabs).toBe(0);
  expect(loadState(sharedViewsOf(by), slab) & BUSY).toBe(0);
  expect(countTails(sharedViewsOf(by), slab)).toBe(slabs - 1);
  expect(by.usableSize(span)).toBe(bytes);
  by.verify();
  expect(by.stats().slabs.inUse).toBe(slabs);
  by.free(span);
  expect(by.stats().slabs.inUse).toBe(0);
  expect(by.stats().slabs.pooled).toBeGreaterThanOrEqual(pooled.pooled + slabs);
  expect(slotOf(by, dead.workerId).state & 0xff).toBe(SLOT_FREE);
}

describe("a worker dies while it resizes a span", () => {
  it("before it has changed anything: it is as before", () => {
    expectMended(reservedSpan(), 3, 180_000);
  });

  it.each([1, 2, 4])("after it has claimed %i slabs more: they go back", (more) => {
    const death = reservedSpan();
    setTails(death, 2 + more);
    expectMended(death, 3, 180_000);
  });

  it("after it has noted the new slabs, and not the bytes: it has all bytes", () => {
    const death = reservedSpan();
    setTails(death, 4);
    setField(death, slabRecord.RUN, 5);
    expectMended(death, 5, 5 * 65536);
  });

  it("after it has noted both", () => {
    const death = reservedSpan();
    setTails(death, 3);
    setField(death, slabRecord.RUN, 4);
    setField(death, slabRecord.SPAN_BYTES, 200_000);
    expectMended(death, 4, 200_000);
  });

  it.each([1, 2])("after it has noted that %i slabs are left: the others go back", (left) => {
    const death = reservedSpan();
    setField(death, slabRecord.RUN, left);
    setField(death, slabRecord.SPAN_BYTES, left * 65536 - 16);
    expectMended(death, left, left * 65536 - 16);
  });
});

describe("a worker dies while it makes or frees a span", () => {
  it.each([0, 1, 2, 5])("with %i tails: all slabs go to the arena", (tails) => {
    const death = reservedSpan(70_000 + 65536);
    const { by, dead, span, slab } = death;
    const { layout, words, headers } = sharedViewsOf(dead);
    for (let tail = 1; tail <= 2; tail++) Atomics.store(words, layout.states + slab + tail, 0);
    setTails(death, tails);
    headers[span >>> 4] = 0;
    const { live, reclaimedSlabs } = bury(by, dead.workerId);
    expect([...live]).toEqual([]);
    expect(reclaimedSlabs).toBe(tails + 1);
    const states = Array.from({ length: tails + 2 }, (_, index) =>
      ownerOf(loadState(sharedViewsOf(by), slab + index)),
    );
    expect(states.every((owner) => owner === 0)).toBe(true);
    by.verify();
    expect(by.stats().slabs.inUse).toBe(0);
    expect(at(by.stats().workers, 0).slabs).toBe(0);
  });
});

describe("a span that is handed over", () => {
  it("is refused, and stays as it is, if another worker reserves it meanwhile", () => {
    const [a, b] = workersOf(2) as [SharedHeap, SharedHeap];
    const span = a.malloc(180_000);
    const { headers, layout, words } = sharedViewsOf(a);
    const stateAt = layout.states + ptrToSlab(span);
    const before = headers.slice();
    onSync(
      "compareExchange",
      (index) => index === stateAt,
      () => reserveSpan(sharedViewsOf(b), ptrToSlab(span)),
    );
    thrown(() => a.handOver(span, 1), "ERR_INVALID_WORKER");
    expect(Atomics.load(words, stateAt)).toBe(ownState(sharedViewsOf(b), SPAN_CLASS) | BUSY);
    expect(Buffer.compare(headers, before)).toBe(0);
  });
});
