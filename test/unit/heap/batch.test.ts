import { expect, test } from "vitest";
import { NULL, type Ptr, SharedHeap } from "../../../src/index.js";
import { at, refused, smallHeap, wrong } from "../help.js";
import { asHeap } from "../shared/help.js";

test("a batch is so many distinct blocks, in any array", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  for (const size of [0, 64, 5000, 70000]) {
    for (const out of [[], new Int32Array(9), new Uint32Array(9), new Float64Array(9)]) {
      heap.mallocBatch(size, 6, out);
      const ptrs = Array.from({ length: 6 }, (_, index) => at(out, index));
      expect(new Set(ptrs).size).toBe(6);
      for (const ptr of ptrs) expect(heap.usableSize(wrong(ptr))).toBeGreaterThanOrEqual(size);
      if (!Array.isArray(out)) expect(at(out, 6)).toBe(0);
      heap.freeBatch(out, 6);
      expect(heap.stats().live.blocks).toBe(0);
      heap.drain();
    }
  }
  heap.verify();
});

test("a batch of none changes nothing", () => {
  const heap = smallHeap();
  heap.mallocBatch(64, 0, []);
  heap.freeBatch([], 0);
  heap.freeBatch([wrong("x")], 0);
  expect(heap.stats().live.blocks).toBe(0);
});

test("an array that takes no more is refused before anything is allocated", () => {
  const heap = smallHeap();
  const full = Object.preventExtensions([0, 0]);
  refused(heap, "ERR_INVALID_ARGUMENT", () => heap.mallocBatch(64, 3, full));
  refused(heap, "ERR_INVALID_ARGUMENT", () =>
    heap.mallocBatch(64, 1, Object.freeze([0, 0]) as never),
  );
  heap.mallocBatch(64, 2, full);
  heap.freeBatch(Object.freeze([...full]), 2);
  expect(heap.stats().live.blocks).toBe(0);
});

test("freeBatch frees the first so many, skips 0, in any tier and order", () => {
  const heap = smallHeap({ capacity: 2 ** 21 });
  const sizes = [16, 70000, 2000, 16, 40000, 300000, 16];
  const ptrs = sizes.map((size) => heap.malloc(size));
  heap.freeBatch([NULL, at(ptrs, 5), NULL, at(ptrs, 0), at(ptrs, 2)], 4);
  expect(heap.stats().live.blocks).toBe(5);
  expect(heap.classify(at(ptrs, 2))).toBe("pool");
  heap.freeBatch(
    [1, 2, 4, 3, 6].map((index) => at(ptrs, index)),
    5,
  );
  expect(heap.stats().live.blocks).toBe(0);
  heap.verify();
});

test("a ptr that stands there twice is refused, and none is freed", () => {
  const heap = smallHeap({ capacity: 2 ** 20 });
  for (const size of [16, 5000, 65536, 70000]) {
    const [a, b] = [heap.malloc(size), heap.malloc(size)];
    for (const ptrs of [
      [a, a],
      [a, b, a],
      [b, NULL, b],
    ]) {
      const action = (): void => heap.freeBatch(ptrs, ptrs.length);
      const error = refused(heap, "ERR_DOUBLE_FREE", action);
      expect(error.details.reason).toBe("freed");
    }
    heap.freeBatch([a, b], 2);
  }
  heap.verify();
});

/** An array whose element is another one each time that it is read. */
function changing(values: readonly (() => Ptr)[]): Ptr[] {
  let reads = 0;
  return Object.defineProperty([NULL], 0, { get: () => values[reads++]?.() }) as Ptr[];
}

const kinds = [
  () => smallHeap({ capacity: 2 ** 20 }),
  () => asHeap(SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 2 })),
];

test.each(kinds)("freeBatch reads each element once", (create) => {
  const heap = create();
  const [a, b, c] = [heap.malloc(64), heap.malloc(64), heap.malloc(4096)];
  heap.freeBatch(changing([() => a, () => b, () => c]), 1);
  expect([a, b, c].map((ptr) => heap.classify(ptr))).toEqual(["freed", "tiny", "pool"]);
  const fails = (): never => {
    throw new Error("element");
  };
  const two = [b, NULL];
  Object.defineProperty(two, 1, { get: fails });
  expect(() => heap.freeBatch(two, 2)).toThrow("element");
  expect(heap.classify(b)).toBe("tiny");
  heap.verify();
  heap.freeBatch([b, c], 2);
  expect(heap.stats().live.blocks).toBe(0);
});

test.each(kinds)("freeBatch may be called while it reads the elements", (create) => {
  const heap = create();
  const [a, b, c, d] = [heap.malloc(64), heap.malloc(64), heap.malloc(64), heap.malloc(64)];
  const inner = (): Ptr => {
    heap.freeBatch([c, d], 2);
    return b;
  };
  const outer = [a, NULL];
  Object.defineProperty(outer, 1, { get: inner });
  heap.freeBatch(outer, 2);
  expect(heap.stats().live.blocks).toBe(0);
  heap.verify();
});

test.each(kinds)("a value that is not a ptr is refused", (create) => {
  const heap = create();
  const ptr = heap.malloc(64);
  for (const bad of ["x", 1.5, ptr + 8, -16, 8n, null, undefined, Symbol("s"), {}]) {
    refused(heap, "ERR_INVALID_POINTER", () => heap.freeBatch([ptr, wrong(bad)], 2));
  }
  heap.freeBatch([ptr], 1);
});
