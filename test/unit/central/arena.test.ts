import fc from "fast-check";
import { expect, test } from "vitest";
import { binOf, takeRun } from "../../../src/central/arena.js";
import * as superblock from "../../../src/layout/superblock.js";
import { isFast, runs } from "../../support/tier.js";
import { ArenaModel } from "./arenaModel.js";

test("bins: exact to 32 slabs, then growing, and no run of a bin exceeds one of the next", () => {
  let before = -1;
  for (let slabs = 1; slabs <= 40000; slabs++) {
    const bin = binOf(slabs);
    const stepsUp = bin === before || bin === before + 1;
    if (!stepsUp || bin >= superblock.BINS_INTS) throw new Error(`bin ${bin} for ${slabs} slabs`);
    if (slabs <= 32) expect(bin).toBe(slabs - 1);
    before = bin;
  }
  expect(binOf(1)).toBe(0);
  expect(binOf(8191)).toBe(superblock.BINS_INTS - 1);
});

test("bins: four to a doubling above 32 slabs", () => {
  for (let exponent = 5; exponent < 13; exponent++) {
    const base = 2 ** exponent;
    for (let quarter = 0; quarter < 4; quarter++) {
      const low = base + (quarter * base) / 4 + (exponent === 5 && quarter === 0 ? 1 : 0);
      const bin = 32 + 4 * (exponent - 5) + quarter;
      expect(binOf(low)).toBe(bin);
      expect(binOf(base + ((quarter + 1) * base) / 4 - 1)).toBe(bin);
    }
  }
});

/** Every sequence of so many steps; returns how many states were seen. */
function explore(arena: ArenaModel, depth: number): number {
  if (depth === 0) return 1;
  let states = 1;
  const saved = arena.save();
  const step = (action: () => void): void => {
    action();
    states += explore(arena, depth - 1);
    arena.load(saved);
  };
  for (const slabs of [1, 2, 3, arena.end - arena.first]) step(() => arena.take(slabs));
  for (let index = 0; index < saved.live.length; index++) {
    step(() => arena.give(index));
    step(() => arena.extend(index, 1));
    if (depth > 1) step(() => arena.extend(index, 2));
    if ((saved.live[index]?.slabs ?? 0) > 1) step(() => arena.cut(index, 1));
  }
  return states;
}

test.each([
  [1, 5],
  [2, 5],
  [4, 5],
  ...(isFast
    ? []
    : [
        [5, 6],
        [6, 5],
      ]),
])("every sequence on an arena of %i slabs, %i steps deep", (slabs, depth) => {
  expect(explore(new ArenaModel(3, slabs), depth)).toBeGreaterThan(100);
});

test("every order of giving back ends in one free run", () => {
  const permute = (list: number[]): number[][] =>
    list.length < 2
      ? [list]
      : list.flatMap((head) =>
          permute(list.filter((other) => other !== head)).map((rest) => [head, ...rest]),
        );
  for (const order of permute([1, 2, 3, 4, 5, 6])) {
    const arena = new ArenaModel(4, 21);
    for (let slabs = 1; slabs <= 6; slabs++) arena.take(slabs);
    for (const slabs of order) arena.give(arena.live.findIndex((run) => run.slabs === slabs));
    expect(arena.freeRuns(arena.wilderness)).toEqual([{ slab: 4, slabs: 21 }]);
    expect(takeRun(arena.meta, 21)).toBe(4);
  }
});

const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 33, max: 130 }) },
);
const step = fc.record({
  kind: fc.constantFrom("take", "take", "give", "give", "extend", "cut"),
  slabs: size,
  pick: fc.nat(1000),
});

test("random sequences on arenas up to 300 slabs", () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 300 }),
    fc.array(step, { maxLength: 150, size: "max" }),
    (slabs, steps) => {
      const arena = new ArenaModel(5, slabs);
      for (const { kind, slabs: wanted, pick } of steps) {
        const index = arena.live.length === 0 ? 0 : pick % arena.live.length;
        if (kind === "take") arena.take(wanted);
        else if (kind === "give") arena.give(index);
        else if (kind === "extend") arena.extend(index, wanted);
        else arena.cut(index, wanted);
      }
      while (arena.live.length > 0) arena.give(0);
      const used = arena.wilderness - arena.first;
      const whole = used === 0 ? [] : [{ slab: 5, slabs: used }];
      expect(arena.freeRuns(arena.wilderness)).toEqual(whole);
    },
  );
  fc.assert(property, { numRuns: runs(40, 150) });
});

test("a run is found behind more runs of its bin than are tried at first", () => {
  // Bin 33 to 39: 20 runs of 33 slabs lie before the one of 39, and there is no wilderness left.
  const arena = new ArenaModel(1, 20 * 34 + 40);
  arena.take(39);
  arena.take(1);
  for (let run = 0; run < 20; run++) {
    arena.take(33);
    arena.take(1);
  }
  expect(arena.wilderness).toBe(arena.end);
  for (let run = 0; run < 21; run++) arena.give(arena.live.findIndex(({ slabs }) => slabs > 1));
  arena.take(39);
  expect(arena.live.at(-1)).toEqual({ slab: 1, slabs: 39 });
});

test("what is too large for all bins but the last is taken from no smaller one", () => {
  const arena = new ArenaModel(1, 8000);
  arena.take(33);
  arena.take(1);
  arena.give(0);
  expect(arena.live).toHaveLength(1);
  arena.take(7967);
  expect(arena.live).toHaveLength(1);
  arena.take(7966);
  expect(arena.live.at(-1)).toEqual({ slab: 35, slabs: 7966 });
});
