import { expect, it } from "vitest";
import type { SharedHeap } from "../../../src/index.js";
import { SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { fallSilent, sharedViewsOf, slotOf, workersOf } from "./help.js";

it("a dead recoverer is found dead for each of those that it was recovering", () => {
  const heaps = workersOf(4) as [SharedHeap, SharedHeap, SharedHeap, SharedHeap];
  const [a, , , by] = heaps;
  const { words } = sharedViewsOf(a);
  const ptrs = [1, 2].map((worker) => (heaps[worker] as SharedHeap).malloc(64));
  for (const worker of [1, 2]) {
    const { state } = slotOf(a, worker);
    words[workerSlot.at(worker) + workerSlot.STATE] =
      (state & ~0xff) | SLOT_RECOVERING | by.workerId;
  }
  // One question is left for it, and no pause is due.
  fallSilent(by, 1);
  expect([1, 2].map((worker) => a.recover(worker).live[0])).toEqual(ptrs);
  expect(slotOf(a, by.workerId).waits).toBe(1);
  expect(a.recover(by.workerId).live).toEqual([]);
  a.verify();
});
