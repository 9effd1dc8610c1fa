import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sync } from "../../../src/base/sync.js";
import type { Recovered, SharedHeap } from "../../../src/index.js";
import { HeapError } from "../../../src/index.js";
import { generationOf, SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as superblock from "../../../src/layout/superblock.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { thrown, wrong } from "../help.js";
import { fallSilent, sharedViewsOf, slotOf, workersOf } from "./help.js";

/** Makes a worker seem dead, for good: it does not wait again when the event loop turns. */
function die(heap: SharedHeap, waits?: number): void {
  sharedViewsOf(heap).gate[superblock.CLOSED] = 1;
  fallSilent(heap, waits);
}

type Two = [SharedHeap, SharedHeap];
type Three = [SharedHeap, SharedHeap, SharedHeap];

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function refused(promise: Promise<unknown>): Promise<HeapError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof HeapError)) throw new Error(`expected a HeapError, got ${String(error)}`);
  return error;
}

describe("recoverWhenDead", () => {
  it("waits while the worker lives, and recovers it when it is dead", async () => {
    const [a, b] = workersOf(3) as Two;
    const ptr = b.malloc(64);
    let what: Recovered | undefined;
    const done = a.recoverWhenDead(1, { freeLive: true }).then((found) => {
      what = found;
    });
    await vi.advanceTimersByTimeAsync(5000);
    expect(what).toBeUndefined();
    die(b);
    await vi.advanceTimersByTimeAsync(1000);
    await done;
    expect(what?.workerId).toBe(1);
    expect(what?.live).toEqual([ptr]);
    expect(a.classify(ptr)).toBe("unallocated");
    a.verify();
  });

  it("recovers at once who is dead already", async () => {
    const [a, b] = workersOf(3) as Two;
    const ptr = b.malloc(64);
    die(b);
    expect((await a.recoverWhenDead(1))?.live).toEqual([ptr]);
    expect(a.classify(ptr)).toBe("tiny");
  });

  it("ends when the worker has left, or another has recovered it", async () => {
    const [a, b, c] = workersOf(3) as Three;
    const waits = [a.recoverWhenDead(1), a.recoverWhenDead(2)];
    await vi.advanceTimersByTimeAsync(50);
    b.detach();
    die(c);
    expect(a.recover(2).live).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await Promise.all(waits)).toEqual([undefined, undefined]);
  });

  it("takes over from a worker that died while it recovered the other", async () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptr = b.malloc(64);
    const { words } = sharedViewsOf(a);
    words[workerSlot.at(1) + workerSlot.STATE] =
      generationOf(slotOf(a, 1).state) | SLOT_RECOVERING | 2;
    let what: Recovered | undefined;
    const done = a.recoverWhenDead(1).then((found) => {
      what = found;
    });
    await vi.advanceTimersByTimeAsync(3000);
    expect(what).toBeUndefined();
    die(c);
    await vi.advanceTimersByTimeAsync(1000);
    await done;
    expect(what?.live).toEqual([ptr]);
  });

  it("asks a worker that is never in its event loop, and finds it dead", async () => {
    const [a, b] = workersOf(3) as Two;
    // Fake timers run, and the event loop of the worker, which is this one's, is held up.
    vi.spyOn(sync, "waitAsync").mockImplementation(() => ({ async: false, value: "not-equal" }));
    let what: Recovered | undefined;
    const done = a.recoverWhenDead(1).then((found) => {
      what = found;
    });
    await vi.advanceTimersByTimeAsync(600_000);
    expect(what).toBeUndefined();
    const { waits } = slotOf(a, 1);
    expect(waits).toBeGreaterThan(0);
    die(b, waits);
    await vi.advanceTimersByTimeAsync(700_000);
    await done;
    expect(what?.workerId).toBe(1);
  });
});

describe("recoverWhenDead, refused or ended", () => {
  it("rejects with the reason of its signal", async () => {
    const [a, b] = workersOf(3) as Two;
    const reason = new Error("enough");
    const ending = new AbortController();
    const wait = a.recoverWhenDead(1, { signal: ending.signal }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(20);
    ending.abort(reason);
    expect(await wait).toBe(reason);
    const late = a.recoverWhenDead(1, { signal: AbortSignal.abort(reason) });
    expect(await late.catch((error: unknown) => error)).toBe(reason);
    die(b);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rejects when this worker detaches, and for what it does not take", async () => {
    const [a] = workersOf(3) as Two;
    const wait = refused(a.recoverWhenDead(1));
    expect((await refused(a.recoverWhenDead(5))).code).toBe("ERR_INVALID_WORKER");
    expect((await refused(a.recoverWhenDead(1, wrong(5)))).code).toBe("ERR_INVALID_ARGUMENT");
    const signal = wrong<never>({});
    expect((await refused(a.recoverWhenDead(1, { signal }))).code).toBe("ERR_INVALID_ARGUMENT");
    a.detach();
    await vi.advanceTimersByTimeAsync(20);
    expect((await wait).code).toBe("ERR_HEAP_DISPOSED");
  });

  it("is refused where an engine never tells", async () => {
    const [a] = workersOf(3) as Two;
    vi.spyOn(sync, "waitAsync").mockImplementation(() => {
      throw new TypeError("not a function");
    });
    const error = await refused(a.recoverWhenDead(1));
    expect([error.code, error.details.life]).toEqual(["ERR_WORKER_ALIVE", "unknown"]);
  });
});

describe("questions", () => {
  it("that follow one another use up a few waits, and leave the rest", () => {
    const [a, b] = workersOf(3) as Two;
    for (let time = 0; time < 1000; time++) thrown(() => a.recover(1), "ERR_WORKER_ALIVE");
    expect(slotOf(a, 1).waits).toBeGreaterThan(6);
    die(b, slotOf(a, 1).waits);
    vi.advanceTimersByTime(60_000);
    expect(a.recover(1).workerId).toBe(1);
  });

  it("of a program that knows are answered at once", () => {
    const [a, b] = workersOf(3) as Two;
    for (let time = 0; time < 100; time++) thrown(() => a.recover(1), "ERR_WORKER_ALIVE");
    const error = thrown(() => a.recover(1, { exited: true }), "ERR_WORKER_ALIVE");
    expect(error.details.life).toBe("alive");
    die(b, slotOf(a, 1).waits);
    expect(thrown(() => a.recover(1), "ERR_WORKER_ALIVE").details.life).toBe("unknown");
    expect(a.recover(1, { exited: true }).workerId).toBe(1);
  });
});

/** A Web Worker, which never says that it has ended. */
const web = { postMessage: () => {}, addEventListener: () => {} };

describe("guard of a Web Worker", () => {
  it("recovers it when it is dead", () => {
    const [a, b] = workersOf(3) as Two;
    const seen: number[] = [];
    a.guard(web, { workerId: 1, onRecover: ({ workerId }) => seen.push(workerId) });
    vi.advanceTimersByTime(10_000);
    expect(seen).toEqual([]);
    die(b);
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual([1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("takes a worker's id, and ends", () => {
    const [a, b] = workersOf(3) as Two;
    thrown(() => a.guard(web), "ERR_INVALID_ARGUMENT");
    const end = a.guard(web, { workerId: 1 });
    end();
    die(b);
    vi.advanceTimersByTime(60_000);
    expect(a.stats().workers).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("guard where the event comes early", () => {
  it("recovers no worker that still runs, though it cannot be asked any more", () => {
    const [a, b] = workersOf(3) as Two;
    const exits: (() => void)[] = [];
    const seen: number[] = [];
    const thread = { threadId: 1, once: (_: "exit", run: () => void) => exits.push(run) };
    a.guard(thread, { workerId: 1, onRecover: ({ workerId }) => seen.push(workerId) });
    for (let time = 0; time < 100; time++) {
      thrown(() => a.recover(1, { exited: slotOf(a, 1).waits > 1 }), "ERR_WORKER_ALIVE");
    }
    fallSilent(b, 0);
    for (const exit of exits) exit();
    vi.advanceTimersByTime(3_600_000);
    expect(seen).toEqual([]);
    die(b, 3);
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual([1]);
  });
});
