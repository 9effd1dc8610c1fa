import { describe, expect, it } from "vitest";
import { sync } from "../../../src/base/sync.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { at, fill, thrown, wrong } from "../help.js";
import { asHeap, sharedHeap, sharedViewsOf, workersOf } from "./help.js";

/** Two workers of a heap that the first has filled. */
function filled(size = 65536): { a: SharedHeap; b: SharedHeap; ptrs: Ptr[] } {
  const [a, b] = workersOf(2, { capacity: 2 ** 20, maxWorkers: 2, fastCap: 1 });
  if (a === undefined || b === undefined) throw new Error("two workers");
  return { a, b, ptrs: fill(asHeap(a), size) };
}

/** Lets a worker stand first among those that wait, and do nothing. */
function stall(heap: SharedHeap): void {
  const { words } = sharedViewsOf(heap);
  words[workerSlot.at(heap.workerId) + workerSlot.TICKET] = -100;
}

/** More than any machine needs. Only a fault waits so long. */
const LONG_MS = 30_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("mallocAsync", () => {
  it("is malloc while there is memory", async () => {
    const heap = sharedHeap();
    const ptr = await heap.mallocAsync(100);
    expect(heap.classify(ptr)).toBe("tiny");
    await expect(heap.mallocAsync(-1)).rejects.toMatchObject({ code: "ERR_INVALID_SIZE" });
    await expect(heap.mallocAsync(wrong("8"))).rejects.toMatchObject({ code: "ERR_INVALID_SIZE" });
  });

  it("serves in order, after another worker frees", async () => {
    const { a, b, ptrs } = filled();
    const order: number[] = [];
    const waits = [1, 2, 3].map(async (name) => {
      const ptr = await b.mallocAsync(65536);
      order.push(name);
      return ptr;
    });
    await pause(30);
    expect(order).toEqual([]);
    for (let index = 0; index < 3; index++) {
      a.free(at(ptrs, index));
      a.drain();
      await waits[index];
      expect(order).toHaveLength(index + 1);
    }
    expect(order).toEqual([1, 2, 3]);
    const got = await Promise.all(waits);
    expect(new Set(got).size).toBe(3);
    a.verify();
  });

  it("rejects a bad size in the queue too, and goes on", async () => {
    const { a, b, ptrs } = filled();
    const first = b.mallocAsync(65536);
    const bad = b.mallocAsync(-5);
    const last = b.mallocAsync(65536);
    bad.catch(() => 0);
    a.freeBatch(ptrs, 2);
    a.drain();
    expect(await first).toBeGreaterThan(0);
    await expect(bad).rejects.toMatchObject({ code: "ERR_INVALID_SIZE" });
    expect(await last).toBeGreaterThan(0);
  });

  it("rejects with the reason of a signal, before and meanwhile", async () => {
    const { a, b, ptrs } = filled();
    const before = b.mallocAsync(65536, { signal: AbortSignal.abort("no") });
    await expect(before).rejects.toBe("no");
    const control = new AbortController();
    const waiting = b.mallocAsync(65536, { signal: control.signal });
    const next = b.mallocAsync(65536);
    control.abort("stop");
    await expect(waiting).rejects.toBe("stop");
    a.free(at(ptrs, 0));
    a.drain();
    expect(await next).toBe(at(ptrs, 0));
    a.verify();
  });

  it("rejects options that are not its own", async () => {
    const heap = sharedHeap();
    const bad = [null, 5, "x", { signal: null }, { signal: {} }, { signal: 1 }, { signal: "x" }];
    for (const options of bad) {
      const refused = { code: "ERR_INVALID_ARGUMENT" };
      await expect(heap.mallocAsync(8, wrong(options))).rejects.toMatchObject(refused);
    }
    expect(heap.stats().live.blocks).toBe(0);
  });
});

describe("mallocAsync among others", () => {
  it("is not kept waiting behind a stalled worker by the events of others", async () => {
    const { a, b, ptrs } = filled();
    stall(a);
    const waiting = b.mallocAsync(65536, { signal: AbortSignal.timeout(LONG_MS) });
    a.free(at(ptrs, 0));
    a.drain();
    const { words } = sharedViewsOf(a);
    const busy = setInterval(() => {
      Atomics.add(words, sharedSuperblock.EVENTS, 1);
      Atomics.notify(words, sharedSuperblock.EVENTS);
    }, 3);
    try {
      expect(await waiting).toBe(at(ptrs, 0));
    } finally {
      clearInterval(busy);
    }
  });
});

describe("mallocAsync of one among many", () => {
  it("rejects all that wait when the worker detaches", async () => {
    const { b } = filled();
    const waits = [b.mallocAsync(65536), b.mallocAsync(64)];
    b.detach();
    for (const wait of waits) {
      await expect(wait).rejects.toMatchObject({ code: "ERR_HEAP_DISPOSED" });
    }
  });

  it("is served by a worker that detaches", async () => {
    const { a, b, ptrs } = filled(1024);
    const waiting = b.mallocAsync(1024);
    for (const ptr of ptrs) a.free(ptr);
    a.detach();
    expect(await waiting).toBeGreaterThan(0);
    b.verify();
  });
});

describe("mallocWait", () => {
  it("is malloc while there is memory", () => {
    const heap = sharedHeap();
    expect(heap.mallocWait(100, { timeout: 0 })).toBeGreaterThan(0);
    expect(heap.mallocWait(100)).toBeGreaterThan(0);
    thrown(() => heap.mallocWait(-1), "ERR_INVALID_SIZE");
    for (const timeout of [-1, Number.NaN, "1", null]) {
      thrown(() => heap.mallocWait(8, { timeout: wrong(timeout) }), "ERR_INVALID_ARGUMENT");
    }
  });

  it("refuses options that are not its own", () => {
    const heap = sharedHeap();
    for (const options of [null, 5, "x"]) {
      thrown(() => heap.mallocWait(8, wrong(options)), "ERR_INVALID_ARGUMENT");
    }
  });

  it("says so where the agent may not block", () => {
    const { b } = filled();
    const { wait } = sync;
    sync.wait = () => {
      throw new TypeError("Atomics.wait cannot be called in this context");
    };
    try {
      const error = thrown(() => b.mallocWait(65536), "ERR_HEAP_EXHAUSTED");
      expect(error.message).toMatch(/may not block.*mallocAsync/);
    } finally {
      sync.wait = wait;
    }
  });

  it("is not kept waiting behind a stalled worker by the events of others", () => {
    const { a, b, ptrs } = filled();
    stall(a);
    const { wait } = sync;
    // Others' events end each wait before its time is over.
    let waits = 0;
    sync.wait = (view, index, value) => {
      if (waits++ === 0) {
        a.free(at(ptrs, 0));
        a.drain();
      }
      return wait(view, index, value + 1, 1);
    };
    try {
      expect(b.mallocWait(65536, { timeout: LONG_MS })).toBe(at(ptrs, 0));
      expect(waits).toBeGreaterThan(0);
    } finally {
      sync.wait = wait;
    }
  });

  it("ends when the timeout is over, and leaves no ticket", () => {
    const { a, b, ptrs } = filled();
    for (const timeout of [0, 1, 45]) {
      const error = thrown(() => b.mallocWait(65536, { timeout }), "ERR_HEAP_EXHAUSTED");
      expect(error.details).toEqual({ requestBytes: 65536, timeoutMs: timeout });
    }
    a.free(at(ptrs, 0));
    a.drain();
    expect(a.mallocWait(65536, { timeout: 0 })).toBe(at(ptrs, 0));
    a.verify();
  });

  it("does not forget those that wait by mallocAsync", async () => {
    const { a, b, ptrs } = filled();
    const waiting = b.mallocAsync(65536);
    thrown(() => b.mallocWait(65536, { timeout: 5 }), "ERR_HEAP_EXHAUSTED");
    a.free(at(ptrs, 0));
    a.drain();
    expect(await waiting).toBe(at(ptrs, 0));
  });
});

describe("drainEvery", () => {
  it("refuses what is no time for a timer", () => {
    const heap = sharedHeap();
    for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "5", null]) {
      thrown(() => heap.drainEvery(wrong(ms)), "ERR_INVALID_ARGUMENT");
    }
    heap.drainEvery(2 ** 31 - 1)();
  });
});
