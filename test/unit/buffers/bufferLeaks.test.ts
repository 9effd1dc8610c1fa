import { PassThrough } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  BufferPool,
  type BufferPoolOptions,
  type Leak,
  type LeakDetection,
} from "../../../src/buffers/index.js";
import { Heap, type Ptr } from "../../../src/index.js";
import { NodeBufferPool } from "../../../src/node/pool.js";
import { writeAndFree } from "../../../src/node/write.js";
import { wrong } from "../help.js";
import { collectOften, until } from "./collect.js";
import { CAPACITY_BYTES, expectNothingLeft, liveBlocks, refusal } from "./help.js";

type Pool = BufferPool<ArrayBuffer, Uint8Array<ArrayBuffer>>;

interface Watch {
  readonly heap: Heap<ArrayBuffer>;
  readonly pool: Pool;
  readonly leaks: Leak[];
}

const KINDS = [
  ["BufferPool", BufferPool],
  ["NodeBufferPool", NodeBufferPool],
] as const;

function watch(leakDetection: LeakDetection | undefined, Kind: unknown = BufferPool): Watch {
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  const leaks: Leak[] = [];
  const options: BufferPoolOptions = { onLeak: (leak) => leaks.push(leak) };
  const pool = newPool(Kind, heap, leakDetection ? { ...options, leakDetection } : options);
  return { heap, pool, leaks };
}

function newPool(Kind: unknown, heap: Heap<ArrayBuffer>, options: BufferPoolOptions): Pool {
  const Class = Kind as new (heap: Heap<ArrayBuffer>, options: BufferPoolOptions) => Pool;
  return new Class(heap, options);
}

/* The functions that drop buffers are called, not inlined: no frame of the test keeps one. */

function forgetfulFunction({ pool }: Watch, count: number): void {
  for (let index = 0; index < count; index++) pool.allocUnsafe(100);
}

function forgetfulWays({ heap, pool }: Watch): void {
  pool.alloc(10);
  pool.from("eleven char");
  pool.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  pool.adopt(heap.malloc(100), 13);
}

function carefulFunction({ heap, pool }: Watch, count: number): void {
  for (let index = 0; index < count; index++) {
    const [a, b, c] = [pool.alloc(index), pool.from("careful"), pool.adopt(heap.malloc(10), 10)];
    for (const view of [a, b, c]) pool.free(view);
    refusal("ERR_INVALID_ARGUMENT", () => pool.from(wrong<string>(["a"])));
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(KINDS)("%s", (_, Kind) => {
  it("all: each leak is reported once, with its size and site; its block stays", async () => {
    const watched = watch("all", Kind);
    forgetfulFunction(watched, 20);
    expect(await until(() => watched.leaks.length >= 20)).toBe(true);
    await collectOften(5);
    expect(watched.leaks.length).toBe(20);
    for (const { length, site } of watched.leaks) {
      expect(length).toBe(100);
      expect(site).toContain("forgetfulFunction");
      expect(site).toContain("bufferLeaks.test.ts");
    }
    expect(liveBlocks(watched.heap)).toBe(20);
    watched.heap.verify();
    for (const { ptr } of [...watched.heap.blocks()].filter(({ state }) => state === "live")) {
      watched.heap.free(ptr);
    }
    forgetfulFunction(watched, 5);
    expect(await until(() => watched.leaks.length >= 25)).toBe(true);
  });

  it("all: in whichever way it was made", async () => {
    const watched = watch("all", Kind);
    forgetfulWays(watched);
    expect(await until(() => watched.leaks.length >= 4)).toBe(true);
    const lengths = watched.leaks.map(({ length }) => length);
    expect(lengths.sort((a, b) => a - b)).toEqual([10, 11, 12, 13]);
    expect(watched.leaks.every(({ site }) => site.includes("forgetfulWays"))).toBe(true);
  });

  it("all: one that was freed is no leak, and one in use is none", async () => {
    const watched = watch("all", Kind);
    carefulFunction(watched, 100);
    const used = watched.pool.from("used");
    forgetfulFunction(watched, 1);
    expect(await until(() => watched.leaks.length > 0)).toBe(true);
    await collectOften(5);
    expect(watched.leaks.map(({ site }) => site.includes("forgetfulFunction"))).toEqual([true]);
    expect(Buffer.from(used).toString()).toBe("used");
    watched.pool.free(used);
    expect(liveBlocks(watched.heap)).toBe(1);
    watched.heap.verify();
  });

  it.each([undefined, "off"] as const)("%s: nothing is watched", async (level) => {
    const watched = watch(level, Kind);
    const spy = vi.spyOn(FinalizationRegistry.prototype, "register");
    forgetfulFunction(watched, 1000);
    await collectOften(10);
    expect([watched.leaks.length, spy.mock.calls.length]).toEqual([0, 0]);
    expect(liveBlocks(watched.heap)).toBe(1000);
  });
});

describe("a watched buffer", () => {
  it("is not kept alive by its pool", async () => {
    const watched = watch("all");
    const view = (() => new WeakRef(watched.pool.alloc(10)))();
    expect(await until(() => watched.leaks.length === 1)).toBe(true);
    expect(view.deref()).toBe(undefined);
  });

  it("that is reported leaves its bytes to a subarray of it", async () => {
    const watched = watch("all");
    const part = (() => watched.pool.from("only a part of it is kept").subarray(5, 11))();
    expect(await until(() => watched.leaks.length === 1)).toBe(true);
    for (let index = 0; index < 100; index++) watched.pool.from("x".repeat(25));
    expect(Buffer.from(part).toString()).toBe("a part");
    refusal("ERR_NOT_OWNED", () => watched.pool.free(part));
  });

  it("is freed once: its block may be another's by the second time", () => {
    const { heap, pool } = watch("all");
    for (const size of [0, 64, 64, 1000, 70_000]) {
      const first = pool.alloc(size);
      pool.free(first);
      const next = pool.alloc(size);
      refusal("ERR_NOT_OWNED", () => pool.free(first));
      expect(next === first).toBe(false);
      pool.free(next);
      refusal("ERR_NOT_OWNED", () => pool.free(next));
    }
    expectNothingLeft(heap);
  });

  it("whose block was freed by its ptr loses it to the next holder", async () => {
    const { heap, pool, leaks } = watch("all");
    const first = pool.alloc(64);
    heap.free(first.byteOffset as Ptr);
    const held = [pool.alloc(64)];
    while (held.at(-1)?.byteOffset !== first.byteOffset) held.push(pool.alloc(64));
    refusal("ERR_NOT_OWNED", () => pool.free(first));
    for (const view of held) pool.free(view);
    const adopted = pool.adopt(heap.malloc(50), 50);
    const again = pool.adopt(adopted.byteOffset as Ptr, 40);
    refusal("ERR_NOT_OWNED", () => pool.free(adopted));
    pool.free(again);
    await collectOften(5);
    expect(leaks).toEqual([]);
    expectNothingLeft(heap);
  });

  it("is freed after it was written, or if it cannot be filled", async () => {
    const { heap, leaks } = watch("off");
    const options: BufferPoolOptions = { leakDetection: "all", onLeak: (leak) => leaks.push(leak) };
    const pool = new NodeBufferPool(heap, options);
    expect(() => pool.alloc(10, "zz", "hex")).toThrow();
    const stream = new PassThrough();
    writeAndFree(stream, pool, pool.from("written"));
    expect(String(stream.read())).toBe("written");
    await collectOften(5);
    expect(leaks).toEqual([]);
    expectNothingLeft(heap);
  });
});

it("sampled: about one in 128; the others have the views of their blocks", async () => {
  const watched = watch("sampled");
  const { heap, pool } = watched;
  const before = pool.allocUnsafe(50);
  pool.free(before);
  const same = Array.from({ length: 50 }, () => {
    const view = pool.allocUnsafe(50);
    pool.free(view);
    return view;
  });
  expect(new Set(same).size).toBeLessThan(10);
  const perTurn = 128;
  const turns = 50;
  for (let turn = 0; turn < turns; turn++) forgetfulFunction(watched, perTurn);
  expect(await until(() => watched.leaks.length > turns / 2)).toBe(true);
  await collectOften(20);
  // The mean is 50. With this variance, a deviation above 35 has a probability below 1 in 10^11.
  expect(Math.abs(watched.leaks.length - turns)).toBeLessThan(35);
  expect(liveBlocks(heap)).toBe(perTurn * turns);
  heap.verify();
});

it.each(["sampled", "all"] as const)("%s: slabs change their class under the pool", (level) => {
  const { heap, pool } = watch(level);
  let state = 7;
  const live: Uint8Array<ArrayBuffer>[] = [];
  for (let step = 0; step < 4000; step++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const isFull = live.length > 40 || step % 500 > 400;
    if (isFull && live.length > 0) {
      const [view] = live.splice(state % live.length, 1) as [Uint8Array<ArrayBuffer>];
      expect(view.every((byte) => byte === view.length % 251)).toBe(true);
      pool.free(view);
      if (level === "all") refusal("ERR_NOT_OWNED", () => pool.free(view));
    } else {
      const size = [16, 100, 3000, 20_000, 66_000][state % 5] ?? 0;
      live.push(pool.allocUnsafe(size + (state % 13)).fill((size + (state % 13)) % 251));
    }
  }
  for (const view of live) pool.free(view);
  expectNothingLeft(heap);
});

it("by default a leak is a warning; it is reported after the heap was closed, too", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  const pool = new BufferPool(heap, { leakDetection: "all" });
  forgetfulFunction({ heap, pool, leaks: [] }, 1);
  heap[Symbol.dispose]();
  expect(await until(() => warn.mock.calls.length > 0)).toBe(true);
  expect(warn.mock.calls[0]?.[0]).toMatch(/^hakmem: 100 bytes .*[\s\S]*forgetfulFunction/);
});

it.each(KINDS)("%s refuses wrong options", (_, Kind) => {
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  for (const leakDetection of ["some", "constructor", "", null, 1, true, {}]) {
    refusal("ERR_INVALID_ARGUMENT", () => newPool(Kind, heap, wrong({ leakDetection })));
  }
  for (const onLeak of [1, "log", null, {}]) {
    refusal("ERR_INVALID_ARGUMENT", () => newPool(Kind, heap, wrong({ onLeak })));
  }
  expectNothingLeft(heap);
});
