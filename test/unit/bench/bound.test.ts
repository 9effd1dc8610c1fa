import { expect, it } from "vitest";
import { boundOf } from "../../../bench/studies/shared/bound.js";
import { demandOf } from "../../../bench/studies/shared/demand.js";
import { classOf, OUTBOX_LIMIT } from "../../../bench/studies/shared/layout.js";
import { asShared, type Script, ScriptWriter } from "../../../bench/workloads/script.js";

const CAPACITY = 2 ** 29;
const BYTES = 1024;
const CLASS = classOf(BYTES);

/** A script of [worker, "malloc" | "free", slot], of blocks of 1 KiB. */
function scriptOf(events: readonly (readonly [number, "malloc" | "free", number])[]): Script {
  const writer = new ScriptWriter();
  for (const [worker, op, slot] of events) {
    writer.worker = worker;
    if (op === "malloc") writer.malloc(slot, BYTES);
    else writer.free(slot);
  }
  return asShared(writer.finish());
}

/** So many times: one worker allocates a block, the other frees it. */
function handOvers(count: number): Script {
  const pairs = Array.from({ length: count }, () => [
    [0, "malloc", 0] as const,
    [1, "free", 0] as const,
  ]);
  return scriptOf(pairs.flat());
}

it("counts a block that its own worker frees while it is live", () => {
  const [[own] = []] = demandOf(
    scriptOf([
      [0, "malloc", 0],
      [0, "malloc", 1],
      [0, "free", 0],
      [0, "malloc", 2],
      [0, "free", 1],
      [0, "free", 2],
    ]),
  );
  expect(own?.live[CLASS]).toBe(2);
  expect(own?.transit[CLASS]).toBe(0);
});

it("counts a block that another worker frees until its free must have happened", () => {
  const [[few] = []] = demandOf(handOvers(100));
  expect(few?.live[CLASS]).toBe(100);
  // The script holds one block at a time; 256 spare cells let the allocator run ahead.
  const [[own] = [], [other] = []] = demandOf(handOvers(5000));
  expect(own?.live[CLASS]).toBe(257);
  expect(other?.live[CLASS]).toBe(0);
});

it("counts what is in transit from the frees in a row that fill an outbox", () => {
  const [[own] = []] = demandOf(handOvers(5000));
  expect(own?.transit[CLASS]).toBe(OUTBOX_LIMIT);
  // Every tenth free of another worker is of a block of the first.
  const mixed = Array.from({ length: 10_000 }, (_, index) => {
    const worker = index % 10 === 0 ? 0 : 1;
    return [[worker, "malloc", 0] as const, [2, "free", 0] as const];
  });
  const [[first] = [], [second] = []] = demandOf(scriptOf(mixed.flat()));
  expect(first?.transit[CLASS]).toBe(Math.ceil(OUTBOX_LIMIT / 10));
  expect(second?.transit[CLASS]).toBe(Math.ceil((OUTBOX_LIMIT * 9) / 10));
});

it("counts what a worker leaves to its successor", () => {
  const writer = new ScriptWriter();
  for (let slot = 0; slot < 10; slot++) writer.malloc(slot, BYTES);
  writer.free(0);
  writer.succeed();
  for (let slot = 1; slot < 10; slot++) writer.free(slot);
  const [[own] = []] = demandOf(asShared(writer.finish()));
  expect(own?.live[CLASS]).toBe(10);
  expect(own?.left.map((left) => left[CLASS])).toEqual([9]);
});

it("is what a worker's slabs of a class can be", () => {
  const hold = (count: number, workers: number): number => {
    const events = Array.from(
      { length: count * workers },
      (_, slot) => [slot % workers, "malloc", slot] as const,
    );
    return boundOf(scriptOf(events), CAPACITY);
  };
  // 64 blocks fill a slab: each 64 more take one more, with its page of the header map.
  const slab = 65_536 + 4096 + 1068;
  const grown = hold(6400, 1) - hold(3200, 1);
  expect(grown).toBe(50 * slab);
  expect(hold(6400, 3) - hold(3200, 3)).toBe(3 * grown);
  expect(hold(1, 1)).toBeLessThan(hold(64, 1));
});
