import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import { sync } from "../../src/base/sync.js";
import type { SharedHeapOptions } from "../../src/index.js";
import { runs } from "../support/tier.js";
import { SharedWorld } from "./sharedWorld.js";

type Op = readonly [weight: number, name: string, run: (w: SharedWorld, ...n: number[]) => void];

const OPS: readonly Op[] = [
  [8, "malloc", (world, a = 0, b = 0) => world.malloc(a, b)],
  [12, "hotMalloc", (world, a = 0, b = 0) => world.hotMalloc(a, b)],
  [2, "calloc", (world, a = 0, b = 0) => world.calloc(a, b)],
  [2, "aligned", (world, a = 0, b = 0) => world.aligned(a, b)],
  [20, "free", (world, a = 0, b = 0) => world.free(a, b)],
  [5, "realloc", (world, a = 0, b = 0, c = 0) => world.realloc(a, b, c)],
  [6, "batch", (world, a = 0, b = 0, c = 0) => world.batch(a, b, c)],
  [2, "freeMany", (world, a = 0, b = 0) => world.freeMany(a, b)],
  [3, "drain", (world, a = 0) => world.drain(a)],
  [1, "reattach", (world, a = 0) => world.reattach(a)],
  [4, "handOver", (world, a = 0, b = 0) => world.handOver(a, b)],
  [2, "die", (world, a = 0, b = 0, c = 0) => world.die(a, b, c % 2 === 1)],
  [1, "restore", (world, a = 0) => world.restore(a)],
  [1, "check", (world) => world.check()],
];

const names = OPS.flatMap(([weight, name]) => Array<string>(weight).fill(name));
const byName = new Map(OPS.map(([, name, run]) => [name, run]));
const number = fc.nat(0x3fffffff);
const step = fc.tuple(fc.constantFrom(...names), number, number, number);
const size = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 16, 32, 33, 64, 100, 1024, 1025) },
  { weight: 2, arbitrary: fc.constantFrom(4096, 20000, 32768, 32769, 65536) },
  { weight: 1, arbitrary: fc.integer({ min: 65537, max: 262144 }) },
);
const plans = {
  plain: fc.constant<Partial<SharedHeapOptions>>({}),
  knobs: fc.record<Partial<SharedHeapOptions>>({
    fastCap: fc.constantFrom(1, 2, 3, 14, 30, 254),
    sllDrainInterval: fc.constantFrom(0, 1, 2, 16, 1024),
    refillCountHot: fc.constantFrom(1, 2, 64),
    refillCountMid: fc.constantFrom(1, 32),
    wrapTiny: fc.boolean(),
    frontStats: fc.boolean(),
    safeFree: fc.boolean(),
  }),
};

function runShared(family: keyof typeof plans, numRuns: number): void {
  const property = fc.property(
    plans[family],
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 40, max: 80 }),
    fc.array(size, { minLength: 1, maxLength: 4 }),
    fc.array(step, { maxLength: 400, size: "max" }),
    (options, workers, spare, slabs, sizes, steps) => {
      const all = { ...options, capacity: slabs * 65536, maxWorkers: workers + spare };
      const world = new SharedWorld(all, workers, sizes);
      for (const [name, ...numbers] of steps) byName.get(name)?.(world, ...numbers);
      world.finish();
      for (const heap of world.handles) heap.detach();
    },
  );
  fc.assert(property, { numRuns });
}

describe("several workers in one thread against the oracle", () => {
  const waitAsync = sync.waitAsync;
  beforeAll(() => {
    // A wait would keep each run's buffer for as long as the test runs.
    sync.waitAsync = () => ({ async: false, value: "timed-out" });
  });
  afterAll(() => {
    sync.waitAsync = waitAsync;
  });

  it("with defaults", () => runShared("plain", runs(12, 150)));
  it("with any knobs", () => runShared("knobs", runs(25, 300)));
});
