import { afterEach, describe, expect, it, vi } from "vitest";
import { SharedHeap } from "../../../src/index.js";
import {
  generationOf,
  SLOT_ACTIVE,
  SLOT_ATTACHING,
  SLOT_FREE,
  SLOT_HELD,
} from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at, thrown } from "../help.js";
import {
  endWaits,
  fallSilent,
  isKilledAt,
  onSync,
  sharedHeap,
  sharedViewsOf,
  slotOf,
  workersOf,
} from "./help.js";

function setStatus(heap: SharedHeap, worker: number, status: number): void {
  const { words } = sharedViewsOf(heap);
  words[workerSlot.at(worker) + workerSlot.STATE] =
    generationOf(slotOf(heap, worker).state) | status;
}

function attachedTo(heap: SharedHeap): number[] {
  return heap.stats().workers.map(({ workerId }) => workerId);
}

/** Recovers every worker that is found dead, as a guard does, and fills all slots anew. */
function expectAllSlots(heap: SharedHeap): void {
  for (const workerId of attachedTo(heap)) {
    if (workerId === heap.workerId) continue;
    endWaits(heap, workerId);
    expect(heap.recover(workerId, { freeLive: true }).workerId).toBe(workerId);
  }
  heap.drain();
  heap.verify();
  expect(heap.stats()).toMatchObject({ slabs: { inUse: 0 }, live: { blocks: 0 } });
  const others = Array.from({ length: heap.maxWorkers - 1 }, () => SharedHeap.attach(heap.buffer));
  expect(new Set(others.map(({ workerId }) => workerId)).size).toBe(heap.maxWorkers - 1);
  thrown(() => SharedHeap.attach(heap.buffer), "ERR_NO_WORKER_SLOT");
  heap.verify();
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a worker that is killed loses no slot", () => {
  it("at any operation of attach", () => {
    let operation = 0;
    for (let isOver = false; !isOver; operation++) {
      const heap = sharedHeap({ maxWorkers: 3 });
      isOver = !isKilledAt(operation, () => SharedHeap.attach(heap.buffer));
      expectAllSlots(heap);
    }
    expect(operation).toBeGreaterThan(5);
  });

  it("at any operation of detach", () => {
    let operation = 0;
    for (let isOver = false; !isOver; operation++) {
      const [heap, other] = workersOf(2, { maxWorkers: 3 }) as [SharedHeap, SharedHeap];
      const keep = [other.malloc(64), other.malloc(100000)];
      other.free(other.malloc(64));
      isOver = !isKilledAt(operation, () => other.detach());
      if (attachedTo(heap).length === 1) for (const ptr of keep) heap.free(ptr);
      else endWaits(heap, other.workerId);
      if (attachedTo(heap).length > 1) {
        const { live } = heap.recover(other.workerId, { freeLive: true });
        for (const ptr of keep) if (!live.includes(ptr)) heap.free(ptr);
      }
      expectAllSlots(heap);
    }
    expect(operation).toBeGreaterThan(20);
  });

  it("at any operation of reset, nor what it kept from others", () => {
    let operation = 0;
    for (let isOver = false; !isOver; operation += 7) {
      const other = sharedHeap({ maxWorkers: 3 });
      for (const size of [64, 3000, 100000]) other.malloc(size);
      isOver = !isKilledAt(operation, () => other.reset());
      endWaits(other, other.workerId);
      const heap = SharedHeap.attach(other.buffer);
      expectAllSlots(heap);
    }
    expect(operation).toBeGreaterThan(50);
  });
});

describe("a slot that was taken from a slow attacher", () => {
  it("is another's, and the slow one looks for the next", () => {
    for (const maxWorkers of [2, 3]) {
      const heap = sharedHeap({ maxWorkers });
      const slot = workerSlot.at(1) + workerSlot.STATE;
      const isLast = (index: number, _: number, to: number): boolean =>
        index === slot && (to & 0xff) === SLOT_ACTIVE;
      const fast: SharedHeap[] = [];
      onSync("compareExchange", isLast, () => {
        while (fast.length < maxWorkers - 1) fast.push(SharedHeap.attach(heap.buffer));
        if (maxWorkers === 3) at(fast, 0).detach();
      });
      if (maxWorkers === 2) thrown(() => SharedHeap.attach(heap.buffer), "ERR_NO_WORKER_SLOT");
      else expect(SharedHeap.attach(heap.buffer).workerId).toBe(2);
      heap.verify();
      // The slow one ended its own waits only. No time passes, so the pauses do not end.
      const now = vi.spyOn(Date, "now").mockReturnValue(1e12);
      for (let time = 0; time < 20; time++) {
        const error = thrown(() => heap.recover(1), "ERR_WORKER_ALIVE");
        expect(error.details.life).toBe(time < 8 ? "alive" : "unknown");
      }
      now.mockRestore();
    }
  });

  it("has another generation for each agent that takes it", () => {
    const heap = sharedHeap({ maxWorkers: 2 });
    const slot = workerSlot.at(1) + workerSlot.STATE;
    let slow = 0;
    let fast = 0;
    const isLast = (index: number, from: number, to: number): boolean => {
      slow = generationOf(from);
      return index === slot && (to & 0xff) === SLOT_ACTIVE;
    };
    onSync("compareExchange", isLast, () => {
      SharedHeap.attach(heap.buffer);
      fast = generationOf(slotOf(heap, 1).state);
    });
    thrown(() => SharedHeap.attach(heap.buffer), "ERR_NO_WORKER_SLOT");
    expect(fast).toBeGreaterThan(slow);
    heap.verify();
  });

  it("has no worker, for stats, verify, recover and handOver", () => {
    const heap = sharedHeap({ maxWorkers: 3 });
    const ptr = heap.malloc(64);
    for (const status of [SLOT_ATTACHING, SLOT_HELD | 2]) {
      setStatus(heap, 1, status);
      expect(attachedTo(heap)).toEqual([0]);
      heap.verify();
      thrown(() => heap.recover(1), "ERR_INVALID_WORKER");
      thrown(() => heap.handOver(ptr, 1), "ERR_INVALID_WORKER");
      thrown(() => heap.guard({ once: () => 0 }, { workerId: 1 }), "ERR_INVALID_WORKER");
      const copy = SharedHeap.restore(heap.snapshot());
      while (attachedTo(copy).length < 3) SharedHeap.attach(copy.buffer);
      copy.verify();
    }
  });
});

describe("waits", () => {
  it("are used up by questions, and renewed in the event loop", async () => {
    const [a, b] = workersOf(2) as [SharedHeap, SharedHeap];
    expect(slotOf(a, 1).waits).toBe(32);
    thrown(() => a.recover(1), "ERR_WORKER_ALIVE");
    expect(slotOf(a, 1).waits).toBe(31);
    await vi.waitFor(() => expect(slotOf(a, 1).waits).toBe(32), { timeout: 30_000 });
    b.detach();
    const isFree = (): void => expect(slotOf(a, 1).state & 0xff).toBe(SLOT_FREE);
    await vi.waitFor(isFree, { timeout: 30_000 });
    const c = SharedHeap.attach(a.buffer);
    expect([c.workerId, slotOf(a, 1).waits]).toEqual([1, 32]);
  });

  it("of a worker are not ended by the one that had its slot before", () => {
    const [a, b] = workersOf(2) as [SharedHeap, SharedHeap];
    let c: SharedHeap | undefined;
    const isEnd = (index: number): boolean => index >= workerSlot.at(1);
    onSync("notify", isEnd, () => {
      c = SharedHeap.attach(a.buffer);
    });
    b.detach();
    expect(c?.workerId).toBe(1);
    vi.spyOn(Date, "now").mockReturnValue(1e12);
    for (let time = 0; time < 8; time++) {
      expect(thrown(() => a.recover(1)).details.life).toBe("alive");
    }
    expect(thrown(() => a.recover(1)).details.life).toBe("unknown");
  });
});

describe("reset", () => {
  it("keeps others from attaching until it is done", () => {
    const heap = sharedHeap({ maxWorkers: 4 });
    heap.malloc(64);
    let isTried = false;
    // Slot 3 is taken last; afterwards the first slab's state is read.
    const { layout } = sharedViewsOf(heap);
    const isWalk = (index: number): boolean => index === layout.states + layout.firstSlab;
    onSync("load", isWalk, () => {
      isTried = true;
      thrown(() => SharedHeap.attach(heap.buffer), "ERR_NO_WORKER_SLOT");
    });
    heap.reset();
    expect(isTried).toBe(true);
    expect(heap.stats()).toMatchObject({ live: { blocks: 0 }, slabs: { inUse: 0 } });
    for (const worker of [1, 2, 3]) expect(SharedHeap.attach(heap.buffer).workerId).toBe(worker);
  });

  it("is refused when one attaches while it looks, or is about to", () => {
    for (const isDone of [true, false]) {
      const heap = sharedHeap({ maxWorkers: 4 });
      const seen: SharedHeap[] = [];
      const attach = (): void => void seen.push(SharedHeap.attach(heap.buffer));
      if (isDone) onSync("load", (index) => index === workerSlot.at(3) + workerSlot.STATE, attach);
      else setStatus(heap, 2, SLOT_ATTACHING);
      const ptrs = [heap.malloc(64)];
      if (isDone) {
        const error = thrown(() => heap.reset(), "ERR_WORKER_ALIVE");
        expect(error.details.workerId).toBe(at(seen, 0).workerId);
        at(seen, 0).malloc(64);
      } else {
        heap.reset();
        expect(slotOf(heap, 2).state & 0xff).toBe(SLOT_FREE);
      }
      expect(heap.classify(at(ptrs, 0))).toBe(isDone ? "tiny" : "unallocated");
      heap.verify();
      while (attachedTo(heap).length < 4) SharedHeap.attach(heap.buffer);
    }
  });

  it("of two at once is refused to both, or one", () => {
    const [a, b] = workersOf(2, { maxWorkers: 4 }) as [SharedHeap, SharedHeap];
    onSync(
      "load",
      (index) => index === workerSlot.at(1) + workerSlot.STATE,
      () => {
        thrown(() => b.reset(), "ERR_WORKER_ALIVE");
      },
    );
    thrown(() => a.reset(), "ERR_WORKER_ALIVE");
    fallSilent(b);
    a.recover(1);
    a.reset();
    expect(attachedTo(a)).toEqual([0]);
    while (attachedTo(a).length < 4) SharedHeap.attach(a.buffer);
  });
});
