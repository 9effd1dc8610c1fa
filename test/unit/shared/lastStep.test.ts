import { expect, it } from "vitest";
import { SharedHeap } from "../../../src/index.js";
import { SLOT_FREE } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at } from "../help.js";
import { bury, drainAllOf, onSync, workersOf } from "./help.js";

it.each(["recovered", "left"])("a worker in a slot that another has just %s keeps all", (how) => {
  const [a, b] = workersOf(2, { maxWorkers: 2 }) as [SharedHeap, SharedHeap];
  const held = b.malloc(64);
  const heaps = [a];
  const slot = workerSlot.at(b.workerId) + workerSlot.STATE;
  onSync(
    "compareExchange",
    (index, _, to = -1) => index === slot && (to & 0xff) === SLOT_FREE,
    () => {
      const next = SharedHeap.attach(a.buffer);
      heaps.push(next);
      for (const size of [64, 3000]) {
        const ptrs = [next.malloc(size), next.malloc(size)];
        next.free(at(ptrs, 0));
      }
      next.free(a.malloc(64));
    },
    true,
  );
  if (how === "recovered") bury(a, b.workerId);
  else b.detach();
  a.verify();
  const next = at(heaps, 1);
  expect(next.workerId).toBe(b.workerId);
  // It has adopted the slab of the block that was held before.
  expect(a.stats().workers[1]).toMatchObject({ outboxBlocks: 1, live: { blocks: 3 } });
  expect([64, 3000].map((size) => next.classify(next.malloc(size)))).toEqual(["tiny", "pool"]);
  next.free(held);
  drainAllOf([next, a]);
  a.verify();
});
