import { expect, it } from "vitest";
import { SharedHeap } from "../../../src/index.js";
import { markAt } from "../../../src/layout/mark.js";
import { bury, onSync, workersOf } from "./help.js";

it("a newcomer takes no mark that another worker gets while it looks", () => {
  const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
  const ptr = a.malloc(64);
  a.handOver(ptr, b.workerId);
  b.detach();
  let isDone = false;
  onSync(
    "load",
    (index) => index === markAt(ptr),
    () => {
      a.free(ptr);
      expect(a.malloc(64)).toBe(ptr);
      a.handOver(ptr, c.workerId);
      isDone = true;
    },
    true,
  );
  expect(SharedHeap.attach(a.buffer).workerId).toBe(b.workerId);
  expect(isDone).toBe(true);
  expect(bury(a, c.workerId).live).toEqual([ptr]);
  a.verify();
});
