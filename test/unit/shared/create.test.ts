import { describe, expect, it } from "vitest";
import { Heap, type Ptr, SharedHeap } from "../../../src/index.js";
import { FORMATTING } from "../../../src/layout/format.js";
import { metadataOffset } from "../../../src/layout/metadata.js";
import * as superblock from "../../../src/layout/superblock.js";
import { runs } from "../../support/tier.js";
import { at, thrown, wrong } from "../help.js";
import { sharedHeap, workersOf } from "./help.js";

/** A word of the superblock. */
function setWord(heap: SharedHeap, word: number, value: number): void {
  heap.i32[(metadataOffset(heap.options.capacity) >> 2) + word] = value;
}

describe("create", () => {
  it("takes the options of a heap and maxWorkers", () => {
    const heap = SharedHeap.create({ capacity: 5 * 2 ** 20 + 1, maxWorkers: 3, safeFree: true });
    expect(heap.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(heap.buffer.byteLength).toBe(5 * 2 ** 20 + 65536);
    expect([heap.workerId, heap.maxWorkers, heap.options.safeFree]).toEqual([0, 3, true]);
    expect(heap.options.capacity).toBe(heap.buffer.byteLength);
    expect(SharedHeap.create().maxWorkers).toBe(16);
  });

  it("refuses what maxWorkers is not", () => {
    for (const maxWorkers of [0, 65, 1.5, -1, Number.NaN, "3", null, {}]) {
      const action = (): SharedHeap => SharedHeap.create({ maxWorkers: wrong(maxWorkers) });
      const error = thrown(action, "ERR_INVALID_OPTION");
      expect(error.details).toMatchObject({ option: "maxWorkers", got: maxWorkers });
    }
  });

  it("refuses what is not options", () => {
    thrown(() => SharedHeap.create(wrong(null)), "ERR_INVALID_OPTION");
    thrown(() => SharedHeap.create(wrong(5)), "ERR_INVALID_OPTION");
    thrown(() => SharedHeap.create(wrong({ workers: 3 })), "ERR_INVALID_OPTION");
    thrown(() => SharedHeap.create({ fastCap: 0 }), "ERR_INVALID_OPTION");
    const error = thrown(() => SharedHeap.create(wrong({ maxworkers: 3 })), "ERR_INVALID_OPTION");
    expect(error.message).toMatch(/maxworkers is not a known option; .*capacity.*maxWorkers$/);
    expect(error.details.accepted).toContain("maxWorkers");
  });

  it("says so where there is no SharedArrayBuffer", () => {
    const there = globalThis.SharedArrayBuffer;
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    try {
      const error = thrown(() => SharedHeap.create(), "ERR_HEAP_EXHAUSTED");
      expect(error.message).toMatch(/no SharedArrayBuffer.*cross-origin isolated/);
    } finally {
      globalThis.SharedArrayBuffer = there;
    }
  });

  it("refuses a capacity without room for the workers", () => {
    const error = thrown(
      () => SharedHeap.create({ capacity: 524288, maxWorkers: 64 }),
      "ERR_INVALID_OPTION",
    );
    expect(error.details).toMatchObject({ option: "maxWorkers", got: 64 });
    const small = SharedHeap.create({ capacity: 524288, maxWorkers: 1, fastCap: 1 });
    expect(small.tryMalloc(100)).toBeGreaterThan(0);
  });
});

describe("attach", () => {
  it("takes the buffer, or what holds it", () => {
    const heap = sharedHeap();
    const ptr = heap.malloc(100);
    for (const memory of [heap.buffer, { buffer: heap.buffer }]) {
      const other = SharedHeap.attach(memory);
      expect(other.options).toEqual(heap.options);
      expect(other.classify(ptr)).toBe("tiny");
      other.detach();
    }
  });

  it("refuses all that is no shared memory", () => {
    const bad = [undefined, null, 5, "x", {}, [], new Uint8Array(8), new ArrayBuffer(2 ** 20)];
    for (const memory of bad)
      thrown(() => SharedHeap.attach(wrong(memory)), "ERR_INVALID_ARGUMENT");
    thrown(() => SharedHeap.attach(new SharedArrayBuffer(100)), "ERR_INVALID_ARGUMENT");
  });

  it("says which field is not a shared heap's", () => {
    const field = (buffer: SharedArrayBuffer): unknown =>
      thrown(() => SharedHeap.attach(buffer), "ERR_BAD_HEAP_IMAGE").details.field;
    expect(field(new SharedArrayBuffer(2 ** 20))).toBe("magic");
    const single = Heap.over(new SharedArrayBuffer(2 ** 20));
    expect(field(single.buffer as SharedArrayBuffer)).toBe("workers");
    const heap = sharedHeap();
    const truncated = new SharedArrayBuffer(heap.buffer.byteLength - 65536);
    new Uint8Array(truncated).set(heap.u8.subarray(0, truncated.byteLength));
    expect(field(truncated)).toBe("magic");
    for (const [word, value, name] of [
      [superblock.WORKERS, 65, "workers"],
      [superblock.WORKERS, 3, undefined],
      [superblock.MAGIC, FORMATTING, "magic"],
    ] as const) {
      const copy = sharedHeap();
      setWord(copy, word, value);
      if (name !== undefined) expect(field(copy.buffer)).toBe(name);
    }
  });

  it("refuses each word of the superblock that is wrong", () => {
    const heap = sharedHeap();
    const words = new Int32Array(heap.buffer, metadataOffset(heap.options.capacity), 32);
    let refused = 0;
    for (let word = 0; word < 32; word++) {
      const before = at(words, word);
      if (before === 0) continue;
      words[word] = -7;
      try {
        SharedHeap.attach(heap.buffer).detach();
      } catch (error) {
        expect((error as { code: string }).code).toBe("ERR_BAD_HEAP_IMAGE");
        refused++;
      }
      words[word] = before;
    }
    expect(refused).toBeGreaterThanOrEqual(10);
    expect(SharedHeap.attach(heap.buffer).workerId).toBe(1);
  });

  it("and Heap.open refuse each other's images, and say so", () => {
    const heap = sharedHeap();
    const error = thrown(() => Heap.open(heap.buffer), "ERR_BAD_HEAP_IMAGE");
    expect(String(error.details.field) + error.message).toMatch(/workers/);
    thrown(() => Heap.restore(heap.snapshot()), "ERR_BAD_HEAP_IMAGE");
    const single = Heap.create({ capacity: 2 ** 20 });
    const other = thrown(() => SharedHeap.restore(single.snapshot()), "ERR_BAD_HEAP_IMAGE");
    expect(other.details.field).toBe("workers");
  });
});

describe("slots", () => {
  it("are refused when all are taken, and given out again", () => {
    const heaps = workersOf(4);
    expect(heaps.map(({ workerId }) => workerId)).toEqual([0, 1, 2, 3]);
    const [first, second] = heaps as [SharedHeap, SharedHeap];
    const error = thrown(() => SharedHeap.attach(first.buffer), "ERR_NO_WORKER_SLOT");
    expect(error.details).toEqual({ maxWorkers: 4 });
    second.detach();
    second.detach();
    expect(SharedHeap.attach(first.buffer).workerId).toBe(1);
  });

  it("do not leak, nor do slabs, however often a worker attaches", () => {
    const heap = sharedHeap({ maxWorkers: 2 });
    let kept = heap.malloc(64);
    for (let turn = 0; turn < runs(500, 2000); turn++) {
      const other = SharedHeap.attach(heap.buffer);
      expect(other.workerId).toBe(1);
      const ptr = other.malloc(64);
      other.free(kept);
      kept = ptr;
      other.detach();
    }
    heap.free(kept);
    heap.drain();
    heap.verify();
    expect(heap.stats().slabs.inUse).toBe(0);
    expect(heap.stats().workers.map(({ workerId }) => workerId)).toEqual([0]);
  });

  it("are 64 at the most", () => {
    const heaps = workersOf(64, { capacity: 16 * 2 ** 20, maxWorkers: 64, fastCap: 1 });
    const ptrs = heaps.map((heap) => heap.malloc(48));
    expect(new Set(ptrs).size).toBe(64);
    at(heaps, 0).verify();
    heaps.forEach((heap, index) => {
      heap.free(at(ptrs, (index + 33) % 64));
    });
    for (let round = 0; round < 2; round++) for (const heap of heaps) heap.drain();
    at(heaps, 63).verify();
    expect(at(heaps, 5).stats().slabs.inUse).toBe(0);
    for (const heap of heaps) heap.detach();
  });
});

describe("two heaps in one process", () => {
  it("know nothing of each other", () => {
    const [a, b] = [sharedHeap(), sharedHeap()];
    const ptr = a.malloc(100);
    a.u8[ptr] = 7;
    expect(b.classify(ptr)).toBe("unallocated");
    thrown(() => b.free(ptr as Ptr), "ERR_INVALID_POINTER");
    b.detach();
    expect(a.u8[ptr]).toBe(7);
    a.free(ptr);
  });
});

describe("a slab that is given back", () => {
  it("is the next to be taken, before any that was never touched", () => {
    const [heap, other] = workersOf(2) as [SharedHeap, SharedHeap];
    const ptrs = [0, 1, 2].map(() => heap.malloc(65536));
    heap.free(at(ptrs, 1));
    heap.drain();
    expect(other.malloc(65536)).toBe(at(ptrs, 1));
  });
});
