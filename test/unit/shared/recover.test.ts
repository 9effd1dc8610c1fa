import { describe, expect, it } from "vitest";
import { sync } from "../../../src/base/sync.js";
import { type Ptr, SharedHeap } from "../../../src/index.js";
import { markAt } from "../../../src/layout/mark.js";
import { SLOT_FREE, SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at, thrown, wrong } from "../help.js";
import {
  bury,
  drainAllOf,
  fallSilent,
  isQuestion,
  onSync,
  sharedViewsOf,
  slotOf,
  workersOf,
} from "./help.js";

type Three = [SharedHeap, SharedHeap, SharedHeap];

/** Makes a slot that of a worker which died while `by` recovered it. */
function halfRecovered(heap: SharedHeap, worker: number, by: number): void {
  const { words } = sharedViewsOf(heap);
  const slot = workerSlot.at(worker) + workerSlot.STATE;
  words[slot] = (at(words, slot) & ~0xff) | SLOT_RECOVERING | by;
}

function expectAllPooled(heaps: readonly SharedHeap[]): void {
  drainAllOf(heaps);
  const heap = at(heaps, 0);
  heap.verify();
  expect(heap.stats()).toMatchObject({ slabs: { inUse: 0 }, live: { blocks: 0 } });
}

describe("recover", () => {
  it("refuses itself, living workers, free slots and what is not a worker", () => {
    const [a, b] = workersOf(3) as Three;
    thrown(() => a.recover(0), "ERR_WORKER_ALIVE");
    expect(thrown(() => a.recover(1), "ERR_WORKER_ALIVE").details).toMatchObject({ workerId: 1 });
    for (const id of [3, 4, -1, 0.5, "1", null, undefined, -1e9]) {
      const error = thrown(() => a.recover(wrong(id)), "ERR_INVALID_WORKER");
      expect(error.details.got).toBe(id);
      thrown(() => a.guard({ once: () => 0 }, { workerId: wrong(id ?? -2) }), "ERR_INVALID_WORKER");
    }
    b.detach();
    thrown(() => a.recover(1), "ERR_INVALID_WORKER");
    thrown(() => bury(a, 1), "ERR_WORKER_ALIVE");
  });

  for (const freeLive of [false, true]) {
    it(`lists live blocks and ${freeLive ? "frees" : "leaves"} them`, () => {
      const [a, b, c] = workersOf(3) as Three;
      const held = [0, 100, 5000, 65536, 100000].map((size) => b.malloc(size));
      const given = [50, 3000, 80000].map((size) => b.malloc(size));
      for (const ptr of given) b.handOver(ptr, 2);
      const taken = [60, 3000, 90000].map((size) => a.malloc(size));
      for (const ptr of taken) a.handOver(ptr, 1);
      const cached = Array.from({ length: 40 }, () => b.malloc(64));
      for (const ptr of cached) b.free(ptr);
      const sending = Array.from({ length: 10 }, () => a.malloc(64));
      for (const ptr of sending) b.free(ptr);
      const mail = Array.from({ length: 10 }, () => b.malloc(64));
      for (const ptr of mail) c.free(ptr);
      c.drain();
      const what = bury(c, 1, freeLive);
      const live = [...held, ...taken].sort((x, y) => x - y);
      expect(what.workerId).toBe(1);
      expect([...what.live].sort((x, y) => x - y)).toEqual(live);
      expect(what.reclaimedBlocks).toBeGreaterThanOrEqual(50);
      for (const ptr of live) {
        const isFree = ["freed", "unallocated"].includes(a.classify(ptr));
        expect(isFree).toBe(freeLive);
      }
      a.verify();
      for (const ptr of given) c.free(ptr);
      if (!freeLive) for (const ptr of live) c.free(ptr as Ptr);
      expectAllPooled([a, c]);
      expect(SharedHeap.attach(a.buffer).workerId).toBe(1);
    });
  }
});

describe("recover, after others", () => {
  it("takes the mark off a block that came back in the mail", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptr = a.malloc(64);
    const keep = a.malloc(64);
    a.handOver(ptr, 1);
    b.free(ptr);
    b.drain();
    bury(c, 0);
    c.verify();
    c.free(keep);
    expectAllPooled([b, c]);
  });

  it("of a second worker in the slot does not list the first one's", () => {
    const [a, b] = workersOf(3) as Three;
    const span = a.malloc(100000);
    const block = a.malloc(64);
    a.handOver(span, 1);
    a.handOver(block, 1);
    expect(b.realloc(span, 90000)).toBe(span);
    expect([...bury(a, 1).live].sort()).toEqual([span, block].sort());
    const next = SharedHeap.attach(a.buffer);
    expect(next.workerId).toBe(1);
    expect(bury(a, 1).live).toEqual([]);
    a.free(span);
    a.free(block);
    a.verify();
  });

  it("goes on when the one that recovered has died", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptr = b.malloc(64);
    const other = c.malloc(64);
    halfRecovered(a, 1, 2);
    const error = thrown(() => bury(a, 1), "ERR_WORKER_ALIVE");
    expect(error.details.workerId).toBe(1);
    const { live, others } = bury(a, 2);
    expect(live).toEqual([other]);
    expect(others.map((what) => [what.workerId, ...what.live])).toEqual([[1, ptr]]);
    expect(slotOf(a, 1).state & 0xff).toBe(SLOT_FREE);
    a.free(ptr);
    a.free(other);
    expectAllPooled([a]);
  });

  it("recovers with a worker those that it was recovering when it died", () => {
    const [a, b, c, d] = workersOf(4) as [...Three, SharedHeap];
    const ptrs = [b, c, d].map((heap) => heap.malloc(64));
    halfRecovered(a, 1, 2);
    halfRecovered(a, 2, 3);
    fallSilent(d);
    const { live, others, workerId } = a.recover(3, { freeLive: true });
    expect([workerId, ...others.map((other) => other.workerId)]).toEqual([3, 2, 1]);
    expect([...live, ...others.flatMap((other) => other.live)]).toEqual(ptrs.reverse());
    expectAllPooled([a]);
    expect(a.stats().workers).toHaveLength(1);
  });

  it("may be done again by the one that began", () => {
    const [a, b] = workersOf(3) as Three;
    const ptr = b.malloc(64);
    halfRecovered(a, 1, 0);
    expect(bury(a, 1).live).toEqual([ptr]);
    a.free(ptr);
    a.verify();
  });
});

it("recover takes a worker that fell silent, and one that is said to have exited", () => {
  const [a, b, c] = workersOf(3) as Three;
  const ptr = b.malloc(64);
  fallSilent(b);
  expect(a.recover(1).live).toEqual([ptr]);
  a.free(ptr);
  // Nobody knows how often it waits: its engine cannot tell.
  fallSilent(c, 0);
  sharedViewsOf(c).words[workerSlot.at(2) + workerSlot.RENEWED] = 0;
  thrown(() => a.recover(2), "ERR_WORKER_ALIVE");
  expect(a.recover(2, { exited: true }).live).toEqual([]);
  expectAllPooled([a]);
});

describe("recover, overtaken after it asked", () => {
  /** Asks about worker 2, and lets `run` happen between the question and the recovery. */
  function recoverOvertaken(a: SharedHeap, run: () => void): void {
    let isDone = false;
    onSync(
      "notify",
      isQuestion,
      () => {
        run();
        isDone = true;
      },
      true,
    );
    expect(thrown(() => a.recover(2, { freeLive: true })).code).toBe("ERR_WORKER_ALIVE");
    expect(isDone).toBe(true);
  }

  it("leaves a worker alone that attached after another had recovered the dead one", () => {
    const [a, b, c] = workersOf(3) as Three;
    let x: SharedHeap | undefined;
    fallSilent(c);
    recoverOvertaken(a, () => {
      b.recover(2);
      x = SharedHeap.attach(a.buffer);
      x.malloc(64);
    });
    expect(x?.workerId).toBe(2);
    expect(a.stats()).toMatchObject({ live: { blocks: 1 } });
    a.verify();
    // Nor does the question count for the newcomer, which is not in its event loop.
    for (let time = 0; time < 40; time++) thrown(() => a.recover(2), "ERR_WORKER_ALIVE");
  });

  it("leaves a worker alone that attached after the asked one had left", () => {
    const [a, , c] = workersOf(3) as Three;
    let x: SharedHeap | undefined;
    onSync("notify", isQuestion, () => c.detach());
    recoverOvertaken(a, () => {
      x = SharedHeap.attach(a.buffer);
      x.malloc(64);
    });
    expect(x?.workerId).toBe(2);
    expect(a.stats()).toMatchObject({ live: { blocks: 1 } });
    a.verify();
  });

  it("adds no wait to those of the next worker", () => {
    const [a, b, c] = workersOf(3) as Three;
    fallSilent(c);
    // Before the question: it wakes nobody, and is given back late.
    onSync("notify", isQuestion, () => b.recover(2));
    thrown(() => a.recover(2), "ERR_WORKER_ALIVE");
    const x = SharedHeap.attach(a.buffer);
    expect(slotOf(a, x.workerId).waits).toBe(32);
    for (let time = 0; time < 40; time++) thrown(() => a.recover(2), "ERR_WORKER_ALIVE");
  });
});

it("recover does not tell where no agent can wait so", () => {
  const real = sync.waitAsync;
  for (const waitAsync of [
    (): never => {
      throw new TypeError("not a function");
    },
    () => ({ async: false, value: "not-equal" }) as const,
  ]) {
    sync.waitAsync = waitAsync;
    const [a, b] = workersOf(3) as Three;
    sync.waitAsync = real;
    const ptr = b.malloc(64);
    const error = thrown(() => a.recover(1), "ERR_WORKER_ALIVE");
    expect(error.details.life).toBe("unknown");
    expect(a.recover(1, { exited: true }).live).toEqual([ptr]);
  }
});

it("recover refuses what is not options", () => {
  const [a, b] = workersOf(2) as [SharedHeap, SharedHeap];
  for (const options of [null, 5, "exited"]) {
    thrown(() => a.recover(1, wrong(options)), "ERR_INVALID_ARGUMENT");
  }
  const ptr = b.malloc(64);
  fallSilent(b);
  a.recover(1, { freeLive: wrong(1) });
  expect(a.classify(ptr)).toBe("tiny");
});

describe("handOver", () => {
  it("is for the owner, or the worker that the block was handed over to", () => {
    const [a, b, c] = workersOf(3) as Three;
    for (const size of [64, 100000]) {
      const ptr = a.malloc(size);
      thrown(() => b.handOver(ptr, 2), "ERR_INVALID_WORKER");
      thrown(() => a.handOver(ptr, 3), "ERR_INVALID_WORKER");
      thrown(() => a.handOver(ptr, wrong("1")), "ERR_INVALID_WORKER");
      thrown(() => a.handOver((ptr + 16) as Ptr, 1), "ERR_INVALID_POINTER");
      a.handOver(ptr, 1);
      thrown(() => c.handOver(ptr, 2), "ERR_INVALID_WORKER");
      b.handOver(ptr, 2);
      thrown(() => b.handOver(ptr, 1), "ERR_INVALID_WORKER");
      a.verify();
      c.free(ptr);
      drainAllOf([c, a]);
      a.verify();
    }
    expectAllPooled([a, b, c]);
  });

  it("leaves no mark on a freed block, whichever worker freed it", () => {
    const [a, b, c] = workersOf(3) as Three;
    for (const size of [64, 100000]) {
      for (const by of [a, b, c]) {
        const keep = a.malloc(size);
        const ptr = a.malloc(size);
        a.handOver(ptr, 1);
        by.free(ptr);
        drainAllOf([a, b, c]);
        const again = [a.malloc(size), a.malloc(size)];
        a.verify();
        const next = bury(a, 1);
        expect(next.live).toEqual([]);
        SharedHeap.attach(a.buffer);
        for (const each of [keep, ...again]) a.free(each);
        expect(sharedViewsOf(a).markCounts.every((count) => count === 0)).toBe(true);
        if (by === b) return;
      }
    }
  });
});

describe("handOver of what is handed on, or was left", () => {
  it("is for anybody while nobody is known to hold the block", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = [64, 3000, 100000].map((size) => c.malloc(size));
    c.handOver(at(ptrs, 1), 2);
    expect([...bury(a, 2).live].sort()).toEqual([...ptrs].sort());
    const copy = SharedHeap.restore(a.snapshot());
    for (const ptr of ptrs) copy.handOver(ptr, copy.workerId);
    const next = SharedHeap.attach(copy.buffer);
    expect([...bury(next, copy.workerId, true).live].sort()).toEqual([...ptrs].sort());
    expectAllPooled([next]);
    for (const ptr of ptrs) {
      a.handOver(ptr, 1);
      thrown(() => a.handOver(ptr, 0), "ERR_INVALID_WORKER");
      b.handOver(ptr, 0);
      thrown(() => b.handOver(ptr, 1), "ERR_INVALID_WORKER");
    }
    a.verify();
    expect([...bury(b, 0, true).live].sort()).toEqual([...ptrs].sort());
    expectAllPooled([b]);
  });

  it("of what nobody holds succeeds for one of two at once", () => {
    const [a, b, c] = workersOf(3) as Three;
    for (const size of [64, 100000]) {
      const ptr = c.malloc(size);
      bury(a, 2);
      SharedHeap.attach(a.buffer);
      // Whose turn it is is told by a block's mark, and by a span's state.
      const mark = markAt(ptr);
      const decisive = size === 64 ? mark : sharedViewsOf(a).layout.states + (ptr >>> 16);
      onSync(
        "compareExchange",
        (index) => index === decisive,
        () => b.handOver(ptr, 1),
      );
      thrown(() => a.handOver(ptr, 0), "ERR_INVALID_WORKER");
      b.free(ptr);
      drainAllOf([b, a]);
      a.verify();
    }
  });

  it("ends when the one that was handed the block detaches", () => {
    const [a, b] = workersOf(3) as Three;
    const ptr = a.malloc(64);
    a.handOver(ptr, 1);
    b.detach();
    SharedHeap.attach(a.buffer);
    expect(bury(a, 1).live).toEqual([]);
    a.free(ptr);
    expectAllPooled([a]);
  });
});

describe("a slab with marks", () => {
  it("is as fast as before when the last mark is gone", () => {
    const [a, b] = workersOf(3) as Three;
    const ptr = a.malloc(64);
    const { mine } = sharedViewsOf(a);
    const before = at(mine, ptr >>> 16);
    for (const by of [a, b]) {
      const next = a.malloc(64);
      a.handOver(next, 1);
      expect(at(mine, next >>> 16)).not.toBe(before);
      by.free(next);
      drainAllOf([b, a]);
      expect(at(mine, next >>> 16)).toBe(before);
    }
    a.free(ptr);
  });
});

it("recover takes a worker whose recoverer gave up and left", () => {
  const [a, b, c] = workersOf(3) as Three;
  const ptr = b.malloc(64);
  halfRecovered(a, 1, 2);
  thrown(() => a.recover(1), "ERR_WORKER_ALIVE");
  c.detach();
  expect(a.recover(1).live).toEqual([ptr]);
  a.free(ptr);
  expectAllPooled([a]);
});
