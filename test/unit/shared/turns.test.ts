import { afterEach, describe, expect, it, vi } from "vitest";
import { sync } from "../../../src/base/sync.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at, fill } from "../help.js";
import { asHeap, bury, onSync, sharedViewsOf, workersOf } from "./help.js";

/** How often a worker is woken in vain before its turn comes. */
const EVENTS = 5;

/** Two workers, of which the second has waited longer, and a block that the first could have. */
function queued(): { a: SharedHeap; free: () => void; leave: () => void; ptr: Ptr } {
  const [a, b] = workersOf(2, { capacity: 2 ** 20, maxWorkers: 2, fastCap: 1 }) as SharedHeap[];
  if (a === undefined || b === undefined) throw new Error("two workers");
  const ptr = at(fill(asHeap(a), 65536), 0);
  const { words } = sharedViewsOf(b);
  const ticketAt = workerSlot.at(b.workerId) + workerSlot.TICKET;
  words[ticketAt] = -100;
  return {
    a,
    ptr,
    free: () => {
      b.free(ptr);
      b.drain();
    },
    leave: () => {
      words[ticketAt] = 0;
    },
  };
}

const real = { ...sync };

afterEach(() => {
  Object.assign(sync, real);
  vi.restoreAllMocks();
});

describe("a worker whose turn has not come", () => {
  it("leaves the memory to the one that has waited longer, in mallocWait", () => {
    const { a, free, leave, ptr } = queued();
    let waits = 0;
    vi.spyOn(Date, "now").mockReturnValue(1e12);
    sync.wait = () => {
      waits++;
      if (waits === 1) free();
      if (waits === EVENTS) leave();
      return "ok";
    };
    expect(a.mallocWait(65536, { timeout: 1000 })).toBe(ptr);
    expect(waits).toBe(EVENTS);
  });

  it("leaves the memory to the one that has waited longer, in mallocAsync", async () => {
    const { a, free, leave, ptr } = queued();
    let waits = 0;
    vi.spyOn(Date, "now").mockReturnValue(1e12);
    sync.waitAsync = () => {
      waits++;
      if (waits === 1) free();
      if (waits === EVENTS) leave();
      return { async: true, value: Promise.resolve("ok") };
    };
    expect(await a.mallocAsync(65536)).toBe(ptr);
    expect(waits).toBe(EVENTS);
  });
});

it("a dead worker's ticket is gone when those that wait behind it are woken", () => {
  const [a, b, c] = workersOf(3) as [SharedHeap, SharedHeap, SharedHeap];
  const { words } = sharedViewsOf(a);
  const ticketOf = (heap: SharedHeap): number => workerSlot.at(heap.workerId) + workerSlot.TICKET;
  words[ticketOf(b)] = 1;
  words[ticketOf(c)] = 2;
  words[sharedSuperblock.WAITING] = (1 << b.workerId) | (1 << c.workerId);
  let ticket: number | undefined;
  onSync(
    "notify",
    (index) => index === sharedSuperblock.EVENTS,
    () => {
      ticket = words[ticketOf(b)];
    },
  );
  bury(a, b.workerId);
  expect(ticket).toBe(0);
  expect(words[sharedSuperblock.WAITING]).toBe(1 << c.workerId);
});
