import { expect, it } from "vitest";
import type { Recovered, SharedHeap } from "../../../src/index.js";
import { isWorkers, SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { bury, drainAllOf, isKilledAt, sharedViewsOf, slotOf, workersOf } from "./help.js";

/** Returns what a recovery and those within it list. */
function listedBy(what: Recovered | undefined): number[] {
  if (what === undefined) return [];
  return [...what.live, ...what.others.flatMap(({ live }) => live)];
}

it.each([
  { dead: 1, first: 2 },
  { dead: 2, first: 1 },
])("lists blocks of $dead once, although both its recoverers die", ({ dead, first }) => {
  let operation = 0;
  // The blocks are so many that some of these deaths are between two of them.
  for (let isOver = false; !isOver; operation += 5) {
    const heaps = workersOf(4, { capacity: 2 ** 20 }) as [
      SharedHeap,
      SharedHeap,
      SharedHeap,
      SharedHeap,
    ];
    const [a, , , second] = heaps;
    const { words } = sharedViewsOf(a);
    const sizes = [...Array.from({ length: 10 }, () => 64), 100000];
    const ptrs = sizes.map((size) => (heaps[dead] as SharedHeap).malloc(size));
    const { state } = slotOf(a, dead);
    words[workerSlot.at(dead) + workerSlot.STATE] = (state & ~0xff) | SLOT_RECOVERING | first;
    let what: Recovered | undefined;
    isOver = !isKilledAt(operation, () => {
      what = bury(second, first);
    });
    const listed = [...listedBy(what), ...listedBy(bury(a, second.workerId))];
    // If the second died before it began, the first is still to be recovered.
    if (isWorkers(slotOf(a, first).state)) listed.push(...listedBy(bury(a, first)));
    expect(listed.sort((x, y) => x - y)).toEqual([...ptrs].sort((x, y) => x - y));
    for (const ptr of ptrs) a.free(ptr);
    drainAllOf([a]);
    a.verify();
    expect(a.stats().slabs.inUse).toBe(0);
    expect(a.stats().workers.map(({ workerId }) => workerId)).toEqual([0]);
  }
  expect(operation).toBeGreaterThan(50);
});

it.each([64, 100_000])("frees %i bytes once, whose holder died as it handed them over", (size) => {
  let operation = 0;
  for (let isOver = false; !isOver; operation++) {
    const [a, from, to] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
    const ptr = from.malloc(size);
    isOver = !isKilledAt(operation, () => from.handOver(ptr, to.workerId));
    // The one that was to get them has died too, and is recovered first.
    const lists = [to, from].map(({ workerId }) => bury(a, workerId, true));
    expect(lists.flatMap(listedBy)).toEqual([ptr]);
    a.drain();
    a.verify();
    expect(a.stats().live.blocks).toBe(0);
  }
  expect(operation).toBeGreaterThan(3);
});
