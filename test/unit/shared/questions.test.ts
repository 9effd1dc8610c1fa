import { expect, it } from "vitest";
import type { SharedHeap } from "../../../src/index.js";
import { markAt } from "../../../src/layout/mark.js";
import { SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { bury, fallSilent, onSync, sharedViewsOf, slotOf, workersOf } from "./help.js";

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
  // One question is left for it, and two waits are kept; no pause is due.
  fallSilent(by, 3);
  expect([1, 2].map((worker) => a.recover(worker).live[0])).toEqual(ptrs);
  expect(slotOf(a, by.workerId).waits).toBe(3);
  expect(a.recover(by.workerId).live).toEqual([]);
  a.verify();
});

it("a marked block that is freed and handed out while its header is read is not listed", () => {
  const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
  const ptr = a.malloc(64);
  a.handOver(ptr, 1);
  let loads = 0;
  // The second load of the mark follows the read of the header.
  onSync(
    "load",
    (index) => index === markAt(ptr) && ++loads === 1,
    () => {
      a.free(ptr);
      a.drain();
      expect(a.malloc(64)).toBe(ptr);
    },
    true,
  );
  expect(bury(c, 1).live).toEqual([]);
  a.free(ptr);
  a.verify();
  expect(b.workerId).toBe(1);
});
