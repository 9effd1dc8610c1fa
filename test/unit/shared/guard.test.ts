import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sync } from "../../../src/base/sync.js";
import type { Guarded } from "../../../src/heap/guard.js";
import { type Recovered, SharedHeap } from "../../../src/index.js";
import { SLOT_RECOVERING } from "../../../src/layout/slotState.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import { thrown, wrong } from "../help.js";
import { fallSilent, isQuestion, onSync, sharedViewsOf, slotOf, workersOf } from "./help.js";

type Three = [SharedHeap, SharedHeap, SharedHeap];

/** What emits `exit` when the test says so. */
class Thread {
  threadId = 1;
  private readonly listeners: (() => void)[] = [];

  once(_: "exit", listener: () => void): void {
    this.listeners.push(listener);
  }

  exit(): void {
    this.threadId = -1;
    for (const listener of this.listeners.splice(0)) listener();
  }
}

let seen: number[] = [];
const onRecover = ({ workerId }: Recovered): void => void seen.push(workerId);

beforeEach(() => {
  seen = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("guard", () => {
  it("recovers a worker that exits without having detached", () => {
    const [a, b, c] = workersOf(3) as Three;
    const thread = new Thread();
    a.guard(thread, { workerId: 1, freeLive: true, onRecover });
    a.guard(thread, { workerId: 2, onRecover });
    const ptr = b.malloc(64);
    c.detach();
    SharedHeap.attach(a.buffer);
    fallSilent(b);
    thread.exit();
    expect(seen).toEqual([1]);
    expect(a.classify(ptr)).toBe("unallocated");
    a.verify();
  });

  it("of a worker that has ended asks at once", () => {
    for (const options of [{}, { workerId: 1 }]) {
      const [a, b] = workersOf(3) as Three;
      const thread = new Thread();
      thread.exit();
      fallSilent(b);
      a.guard(thread, { ...options, onRecover });
      expect(seen.splice(0)).toEqual([1]);
      expect(a.stats().workers.map(({ workerId }) => workerId)).toEqual([0, 2]);
    }
  });

  it("leaves to another what that one recovers first", () => {
    for (const options of [{}, { workerId: 2 }]) {
      const [a, b, c] = workersOf(3) as Three;
      const thread = new Thread();
      a.guard(thread, { ...options, onRecover });
      fallSilent(c);
      const isOfTwo = (index: number, count?: number): boolean =>
        isQuestion(index, count) && index >= workerSlot.at(2);
      onSync("notify", isOfTwo, () => b.recover(2), true);
      thread.exit();
      expect(seen).toEqual([]);
      expect(a.stats().workers).toHaveLength(2);
      vi.runAllTimers();
      a.verify();
    }
  });

  it("leaves to another what that one has begun to recover", () => {
    const [a, , c] = workersOf(3) as Three;
    const thread = new Thread();
    a.guard(thread, { onRecover });
    fallSilent(c);
    const { words } = sharedViewsOf(a);
    const isOfTwo = (index: number, count?: number): boolean =>
      isQuestion(index, count) && index >= workerSlot.at(2);
    const begin = (): void => {
      words[workerSlot.at(2) + workerSlot.STATE] =
        (slotOf(a, 2).state & ~0xff) | SLOT_RECOVERING | 1;
    };
    onSync("notify", isOfTwo, begin, true);
    thread.exit();
    expect(seen).toEqual([]);
    const error = thrown(() => a.recover(2), "ERR_WORKER_ALIVE");
    expect(error.message).toContain("recovered by worker 1");
  });

  it("recovers, with a worker, those that it was recovering when it died", () => {
    const [a, b, c] = workersOf(3) as Three;
    const ptrs = [b.malloc(64), c.malloc(64)];
    const thread = new Thread();
    a.guard(thread, { workerId: 2, freeLive: true, onRecover });
    const { words } = sharedViewsOf(a);
    words[workerSlot.at(1) + workerSlot.STATE] = (slotOf(a, 1).state & ~0xff) | SLOT_RECOVERING | 2;
    fallSilent(c);
    thread.exit();
    expect(seen).toEqual([2, 1]);
    for (const ptr of ptrs) expect(a.classify(ptr)).toBe("unallocated");
    expect(a.stats().workers).toHaveLength(1);
  });
});

describe("guard, when more is to be asked or told", () => {
  it("asks the others again when it found one dead, because another may have exited", () => {
    const [a, b, c] = workersOf(3) as Three;
    const thread = new Thread();
    a.guard(thread, { onRecover });
    fallSilent(b);
    thread.exit();
    expect(seen).toEqual([1]);
    fallSilent(c);
    vi.advanceTimersByTime(1000);
    expect(seen).toEqual([1, 2]);
  });

  it("asks again for a second where the event comes early", () => {
    const [a, b] = workersOf(3) as Three;
    const thread = new Thread();
    a.guard(thread, { workerId: 1, onRecover });
    thread.exit();
    vi.advanceTimersByTime(110);
    expect(seen).toEqual([]);
    fallSilent(b);
    vi.advanceTimersByTime(1000);
    expect(seen).toEqual([1]);
    vi.runAllTimers();
  });

  it("throws what onRecover throws, after all are recovered and told of", () => {
    const [a, b, c] = workersOf(3) as Three;
    const thread = new Thread();
    a.guard(thread, {
      onRecover(what) {
        onRecover(what);
        if (what.workerId === 1) throw new Error("the program's own");
      },
    });
    fallSilent(b);
    fallSilent(c);
    expect(() => thread.exit()).toThrow("the program's own");
    expect(seen).toEqual([1, 2]);
    expect(a.stats().workers).toHaveLength(1);
  });

  it("throws nothing when the recovery fails: it can be done again", () => {
    const [a, b] = workersOf(3) as Three;
    const ptr = b.malloc(64);
    const thread = new Thread();
    a.guard(thread, { onRecover });
    fallSilent(b);
    const and = vi.spyOn(sync, "and").mockImplementationOnce(() => {
      throw new RangeError("an index that the image should not have");
    });
    thread.exit();
    expect(and).toHaveBeenCalled();
    expect(seen).toEqual([]);
    a.recover(1);
    a.free(ptr);
    a.drain();
    a.verify();
    expect(a.stats().workers).toHaveLength(2);
  });
});

describe("what is given to guard", () => {
  it("ends", () => {
    const [a, b] = workersOf(3) as Three;
    const thread = new Thread();
    const early = new Thread();
    const end = a.guard(thread, { onRecover });
    const endEarly = a.guard(early, { onRecover });
    early.exit();
    fallSilent(b);
    end();
    endEarly();
    thread.exit();
    vi.runAllTimers();
    expect(seen).toEqual([]);
  });

  it("frees for freeLive true alone", () => {
    const [a, b] = workersOf(3) as Three;
    const ptr = b.malloc(64);
    const thread = new Thread();
    a.guard(thread, { freeLive: wrong(1), onRecover });
    fallSilent(b);
    thread.exit();
    expect(seen).toEqual([1]);
    expect(a.classify(ptr)).toBe("tiny");
  });

  it("refuses what is not a worker, not options or not a function", () => {
    const [a] = workersOf(2) as [SharedHeap];
    for (const worker of [null, undefined, 5, {}, { once: 5 }]) {
      thrown(() => a.guard(wrong<Guarded>(worker)), "ERR_INVALID_ARGUMENT");
    }
    for (const options of [null, 5, { onRecover: null }, { onRecover: 5 }]) {
      thrown(() => a.guard(new Thread(), wrong(options)), "ERR_INVALID_ARGUMENT");
    }
  });
});
