import { describe, expect, test } from "vitest";
import { decodeTrace, recorder, type Trace } from "../../../src/trace/index.js";
import { at, smallHeap, thrown, wrong } from "../help.js";

/** Events as text: `malloc 0 64`. */
function eventsOf(trace: Trace): string[] {
  const ops = ["malloc", "free", "realloc"];
  return Array.from({ length: trace.eventCount }, (_, index) => {
    const word = at(trace.words, 2 * index);
    const [op, slot] = [ops[word >>> 30], word & (2 ** 30 - 1)];
    return op === "free" ? `free ${slot}` : `${op} ${slot} ${at(trace.words, 2 * index + 1)}`;
  });
}

describe("what is recorded", () => {
  test("malloc, tryMalloc, free and realloc; the slot freed last is used first", () => {
    const heap = smallHeap();
    const recording = recorder(heap);
    const a = heap.malloc(10);
    const b = heap.tryMalloc(20);
    const c = heap.malloc(30);
    heap.free(a);
    heap.free(c);
    heap.malloc(40);
    heap.malloc(50);
    heap.free(heap.realloc(b, 5000));
    expect(eventsOf(recording.toTrace())).toEqual([
      "malloc 0 10",
      "malloc 1 20",
      "malloc 2 30",
      "free 0",
      "free 2",
      "malloc 2 40",
      "malloc 0 50",
      "realloc 1 5000",
      "free 1",
    ]);
    expect(recording.toTrace().slotCount).toBe(3);
    expect(recording.eventCount).toBe(9);
    expect(recording.isFull).toBe(false);
    expect(decodeTrace(recording.toBytes())).toEqual(recording.toTrace());
  });

  test("free of 0 is no event, realloc of 0 a malloc, realloc to 0 bytes a realloc", () => {
    const heap = smallHeap();
    const recording = recorder(heap);
    heap.free(wrong(0));
    const ptr = heap.realloc(wrong(0), 100);
    heap.realloc(ptr, 0);
    expect(eventsOf(recording.toTrace())).toEqual(["malloc 0 100", "realloc 0 0"]);
  });

  test("calloc, alignedAlloc, batches and reset, each block once", () => {
    const heap = smallHeap();
    const recording = recorder(heap);
    heap.calloc(24);
    expect(heap.alignedAlloc(256, 10) % 256).toBe(0);
    const out = new Int32Array(3);
    heap.mallocBatch(7, 3, out);
    heap.freeBatch(out, 2);
    expect(eventsOf(recording.toTrace())).toEqual([
      "malloc 0 24",
      "malloc 1 256",
      "malloc 2 7",
      "malloc 3 7",
      "malloc 4 7",
      "free 2",
      "free 3",
    ]);
    heap.reset();
    const frees = eventsOf(recording.toTrace()).slice(7);
    expect(frees.sort()).toEqual(["free 0", "free 1", "free 4"]);
    heap.malloc(1);
    expect(decodeTrace(recording.toBytes()).slotCount).toBe(5);
  });
});

describe("what is not recorded", () => {
  test("an operation that fails leaves no event", () => {
    const heap = smallHeap();
    const ptr = heap.malloc(64);
    const recording = recorder(heap);
    thrown(() => heap.malloc(-1), "ERR_INVALID_SIZE");
    thrown(() => heap.malloc(heap.options.capacity - 65536 - 1), "ERR_HEAP_EXHAUSTED");
    expect(heap.tryMalloc(heap.options.capacity - 65536 - 1)).toBe(0);
    thrown(() => heap.free(wrong(24)), "ERR_INVALID_POINTER");
    thrown(() => heap.realloc(ptr, heap.options.capacity - 65536 - 1), "ERR_HEAP_EXHAUSTED");
    thrown(() => heap.alignedAlloc(3, 16), "ERR_INVALID_ALIGNMENT");
    thrown(() => heap.mallocBatch(4096, 100_000, []), "ERR_HEAP_EXHAUSTED");
    thrown(() => heap.freeBatch([ptr, ptr], 2), "ERR_DOUBLE_FREE");
    expect(recording.eventCount).toBe(0);
    heap.malloc(16);
    expect(eventsOf(recording.toTrace())).toEqual(["malloc 0 16"]);
  });

  test("the free of a block that was live before; its realloc is a malloc", () => {
    const heap = smallHeap();
    const [a, b, c] = [heap.malloc(1), heap.malloc(2), heap.malloc(3)];
    const recording = recorder(heap);
    heap.free(a);
    heap.freeBatch([b], 1);
    heap.free(heap.realloc(c, 9000));
    expect(eventsOf(recording.toTrace())).toEqual(["malloc 0 9000", "free 0"]);
  });

  test("a block that was freed unseen is freed when its memory is allocated again", () => {
    const heap = smallHeap();
    const reset = heap.reset.bind(heap);
    const recording = recorder(heap);
    const ptr = heap.malloc(32);
    reset();
    expect(heap.malloc(30)).toBe(ptr);
    expect(eventsOf(recording.toTrace())).toEqual(["malloc 0 32", "free 0", "malloc 0 30"]);
  });
});

describe("the end of a recording", () => {
  test("stop restores everything, and may be called again", () => {
    const heap = smallHeap();
    const keys = Object.keys(heap);
    const { malloc, tryMalloc, free, realloc, reset } = heap;
    const before = { malloc, tryMalloc, free, realloc, reset };
    const recording = recorder(heap);
    expect(heap.malloc).not.toBe(before.malloc);
    heap.malloc(8);
    recording.stop();
    recording.stop();
    for (const name of ["malloc", "tryMalloc", "free", "realloc", "reset"] as const) {
      expect(heap[name]).toBe(before[name]);
    }
    expect(Object.keys(heap)).toEqual(keys);
    expect(Object.hasOwn(heap, "reset")).toBe(false);
    heap.malloc(8);
    expect(recording.eventCount).toBe(1);
  });

  test.each([
    ["the first is stopped first", 0, 1],
    ["the second is stopped first", 1, 0],
  ])("two recordings of one heap: %s", (_, first, second) => {
    const heap = smallHeap();
    const recordings = [recorder(heap), recorder(heap)];
    heap.mallocBatch(8, 2, []);
    at(recordings, first).stop();
    heap.malloc(8);
    at(recordings, second).stop();
    heap.calloc(8);
    expect(at(recordings, first).eventCount).toBe(2);
    expect(at(recordings, second).eventCount).toBe(3);
  });

  test("the limit ends the recording, and the heap goes on", () => {
    const heap = smallHeap();
    const recording = recorder(heap, { limit: 5 });
    const ptrs = Array.from({ length: 4 }, () => heap.malloc(16));
    expect(recording.isFull).toBe(false);
    for (const ptr of ptrs) heap.free(ptr);
    heap.reset();
    heap.mallocBatch(16, 4, []);
    expect(heap.stats().live.blocks).toBe(4);
    expect(recording.isFull).toBe(true);
    expect(recording.eventCount).toBe(5);
    expect(decodeTrace(recording.toBytes()).eventCount).toBe(5);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 28 + 1, "7"])("a limit of %s is refused", (limit) => {
    const heap = smallHeap();
    const { malloc } = heap;
    expect(() => recorder(heap, { limit: wrong(limit) })).toThrow(/limit is .*1 to 268435456/);
    expect(heap.malloc).toBe(malloc);
  });
});

test("a recording grows, and an empty one is a trace", () => {
  const heap = smallHeap({ capacity: 2 ** 24 });
  const recording = recorder(heap);
  expect(decodeTrace(recording.toBytes()).eventCount).toBe(0);
  const ptrs = Array.from({ length: 20_000 }, (_, index) => heap.malloc(index % 700));
  for (const ptr of ptrs) heap.free(ptr);
  const trace = decodeTrace(recording.toBytes());
  expect([trace.eventCount, trace.slotCount]).toEqual([40_000, 20_000]);
});
