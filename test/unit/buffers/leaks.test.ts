import { afterEach, expect, it, vi } from "vitest";
import {
  type ByteHeap,
  BytesPool,
  type BytesPoolOptions,
  type Leak,
  type LeakDetection,
} from "../../../src/buffers/index.js";
import { Heap } from "../../../src/index.js";
import { wrong } from "../help.js";
import { collectOften, until } from "./collect.js";
import { CAPACITY_BYTES, expectNothingLeft, liveBlocks, refusal } from "./help.js";

interface Watch {
  readonly heap: Heap;
  readonly pool: BytesPool;
  readonly leaks: Leak[];
}

function watch(leakDetection?: LeakDetection): Watch {
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  const leaks: Leak[] = [];
  const options: BytesPoolOptions = { onLeak: (leak) => leaks.push(leak) };
  const pool = new BytesPool(heap, leakDetection ? { ...options, leakDetection } : options);
  return { heap, pool, leaks };
}

/* The functions that drop handles are called, not inlined: no frame of the test keeps a handle. */

function forgetfulFunction({ pool }: Watch, count: number): void {
  for (let index = 0; index < count; index++) pool.alloc(100);
}

function forgetfulSlices({ pool }: Watch): void {
  const whole = pool.alloc(1000);
  whole.slice(10, 60);
  whole.concat(whole);
  whole.split(300);
}

function carefulFunction({ pool }: Watch, count: number): void {
  for (let index = 0; index < count; index++) {
    const bytes = pool.from("careful");
    const slice = bytes.slice(1);
    bytes.split(2).release();
    bytes.release();
    slice.release();
    pool.adopt(pool.alloc(10).handOff().ptr, 10)[Symbol.dispose]();
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

it("all: each leak is reported once, with its size and site, and comes back", async () => {
  const watched = watch("all");
  forgetfulFunction(watched, 20);
  expect(liveBlocks(watched.heap)).toBe(20);
  expect(await until(() => watched.leaks.length >= 20)).toBe(true);
  await collectOften(5);
  expect(watched.leaks.length).toBe(20);
  for (const { length, site } of watched.leaks) {
    expect(length).toBe(100);
    expect(site).toContain("forgetfulFunction");
    expect(site).toContain("leaks.test.ts");
  }
  expectNothingLeft(watched.heap);
});

it("all: slices, chains and heads of splits are handles of their own", async () => {
  const watched = watch("all");
  forgetfulSlices(watched);
  expect(await until(() => watched.leaks.length >= 4)).toBe(true);
  const lengths = watched.leaks.map(({ length }) => length);
  expect(lengths.sort((a, b) => a - b)).toEqual([50, 300, 1000, 2000]);
  expect(watched.leaks.every(({ site }) => site.includes("forgetfulSlices"))).toBe(true);
  expectNothingLeft(watched.heap);
});

it("all: a handle with many references comes back at once", async () => {
  const watched = watch("all");
  (() => watched.pool.alloc(64).retain().retain())();
  expect(await until(() => watched.leaks.length === 1)).toBe(true);
  expectNothingLeft(watched.heap);
});

it("all: a handle that was released, disposed or handed off is no leak", async () => {
  const watched = watch("all");
  carefulFunction(watched, 200);
  forgetfulFunction(watched, 1);
  expect(await until(() => watched.leaks.length > 0)).toBe(true);
  await collectOften(5);
  expect(watched.leaks.map(({ site }) => site.includes("forgetfulFunction"))).toEqual([true]);
  expectNothingLeft(watched.heap);
});

it("all: a handle in use is no leak, and a shared block is not freed with a leak", async () => {
  const watched = watch("all");
  const held = watched.pool.from("held");
  (() => held.slice(0, 2))();
  expect(await until(() => watched.leaks.length === 1)).toBe(true);
  expect([held.toString(), liveBlocks(watched.heap)]).toEqual(["held", 1]);
  held.release();
  expectNothingLeft(watched.heap);
});

it("sampled: about one in 128, at any place in a pattern of handles", async () => {
  const watched = watch("sampled");
  const perTurn = 128;
  const turns = 200;
  for (let turn = 0; turn < turns; turn++) {
    for (let index = 0; index < perTurn; index++) watched.pool.alloc(index);
  }
  expect(await until(() => watched.leaks.length > turns / 2)).toBe(true);
  await collectOften(20);
  // The mean is 200. With this variance, a deviation above 60 has a probability of 1 in 10^11.
  expect(Math.abs(watched.leaks.length - turns)).toBeLessThan(60);
  const kinds = new Set(watched.leaks.map(({ length }) => length));
  expect(kinds.size).toBeGreaterThan(30);
  expect(liveBlocks(watched.heap)).toBe(perTurn * turns - watched.leaks.length);
  watched.heap.reset();
});

it.each([undefined, "off"] as const)("%s: nothing is watched", async (level) => {
  const watched = watch(level);
  const spy = vi.spyOn(FinalizationRegistry.prototype, "register");
  forgetfulFunction(watched, 1000);
  await collectOften(10);
  expect([watched.leaks.length, spy.mock.calls.length]).toEqual([0, 0]);
  expect(liveBlocks(watched.heap)).toBe(1000);
  watched.heap.reset();
});

it("a watched handle does not keep itself alive", async () => {
  const watched = watch("all");
  const handle = (() => new WeakRef(watched.pool.alloc(10)))();
  expect(await until(() => watched.leaks.length === 1)).toBe(true);
  expect(handle.deref()).toBe(undefined);
  expectNothingLeft(watched.heap);
});

it("by default a leak is a warning", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  const pool = new BytesPool(heap, { leakDetection: "all" });
  forgetfulFunction({ heap, pool, leaks: [] }, 1);
  expect(await until(() => warn.mock.calls.length > 0)).toBe(true);
  expect(warn.mock.calls[0]?.[0]).toMatch(/^hakmem: 100 bytes .*[\s\S]*forgetfulFunction/);
  expectNothingLeft(heap);
});

it("a leak is reported after the heap was closed, and nothing is thrown", async () => {
  const watched = watch("all");
  forgetfulFunction(watched, 3);
  watched.heap[Symbol.dispose]();
  expect(await until(() => watched.leaks.length === 3)).toBe(true);
});

it("a site is given even if the stack of an Error is no text or has no frames", async () => {
  const limit = Error.stackTraceLimit;
  const watched = watch("all");
  try {
    Error.stackTraceLimit = 0;
    forgetfulFunction(watched, 1);
  } finally {
    Error.stackTraceLimit = limit;
  }
  expect(await until(() => watched.leaks.length === 1)).toBe(true);
  expect(typeof watched.leaks[0]?.site).toBe("string");
  expectNothingLeft(watched.heap);
});

it("wrong options are refused", () => {
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  for (const leakDetection of ["some", "constructor", "__proto__", "", null, 1, true, {}]) {
    refusal("ERR_INVALID_ARGUMENT", () => new BytesPool(heap, wrong({ leakDetection })));
  }
  for (const onLeak of [1, "log", null, {}]) {
    refusal("ERR_INVALID_ARGUMENT", () => new BytesPool(heap, wrong({ onLeak })));
  }
  for (const bad of [null, undefined, 1, {}, { malloc: 1, free: 2, u8: 3 }]) {
    refusal("ERR_INVALID_ARGUMENT", () => new BytesPool(wrong<ByteHeap>(bad)));
  }
  expectNothingLeft(heap);
});
