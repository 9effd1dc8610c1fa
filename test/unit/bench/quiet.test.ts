import { describe, expect, it } from "vitest";
import { Quiet } from "../../../bench/measure/quiet.js";
import {
  type Counted,
  countRounds,
  isEnough,
  type Plan,
  ratiosOf,
  turnsAtMost,
} from "../../../bench/measure/turns.js";
import type { RoundAnswer } from "../../../bench/subject/protocol.js";

const PLAN: Plan = { rounds: 2, mostRounds: 6, roundMs: 1, warmupMs: 1, limitMs: 1 };

function slice(ns: number, probeNs?: number): RoundAnswer {
  const common = { events: 1, isCut: false, cpuUserUs: 0, cpuSystemUs: 0, collections: 0 };
  const rest = { collectionMs: 0, slabsOpened: 0, refills: 0, drains: 0 };
  return { ns, ...common, ...rest, ...(probeNs === undefined ? {} : { probeNs }) };
}

/** A subject whose turns are slices of [ns, probe]; what they tell is noted. */
function measured(quiet: Quiet, program: string, turns: readonly [number, number?][][]): Counted {
  const slices = turns.map((turn) => turn.map(([ns, probeNs]) => slice(ns, probeNs)));
  for (const one of slices.flat()) quiet.note(program, one);
  const command = { name: program, program, args: [], env: {} };
  const all = slices.map((own, index) => ({ index, slices: own }));
  return { command, turns: all, rounds: [], counting: [], isDisturbed: false };
}

describe("a quiet round", () => {
  it("has a probe near the fastest of the same program", () => {
    const quiet = new Quiet();
    for (const probeNs of [120, 100, 130]) quiet.note("js", { probeNs });
    quiet.note("c", { probeNs: 50 });
    expect(quiet.has("js", { probeNs: 114 })).toBe(true);
    expect(quiet.has("js", { probeNs: 116 })).toBe(false);
    expect(quiet.has("c", { probeNs: 60 })).toBe(false);
  });

  it("is one without a probe, which says nothing of the machine", () => {
    const quiet = new Quiet();
    quiet.note("js", { probeNs: 0 });
    quiet.note("js", {});
    expect(quiet.has("js", { probeNs: 1000 })).toBe(true);
    expect(quiet.has("js", {})).toBe(true);
  });
});

const busy: [number, number?][] = [
  [10, 190],
  [10, 180],
  [1, 100],
];
const calm: [number, number?][] = [
  [3, 100],
  [30, 180],
  [4, 110],
];

describe("turns", () => {
  it("count with their quiet slices, for all subjects or for none", () => {
    const quiet = new Quiet();
    const all = [
      measured(quiet, "a", [calm, busy, calm, calm]),
      measured(quiet, "b", [calm, calm, busy, calm]),
    ];
    expect(isEnough(all, PLAN, quiet)).toBe(true);
    countRounds(all, PLAN, quiet);
    for (const { rounds, isDisturbed } of all) {
      expect(isDisturbed).toBe(false);
      expect(rounds.map(({ ns, events }) => [ns, events])).toEqual([
        [7, 2],
        [7, 2],
      ]);
    }
  });

  it("all count, with all slices, on a machine that was hardly ever quiet", () => {
    const quiet = new Quiet();
    const all = [measured(quiet, "a", [calm, busy]), measured(quiet, "b", [busy, calm])];
    expect(isEnough(all, PLAN, quiet)).toBe(false);
    countRounds(all, PLAN, quiet);
    expect(all.map(({ isDisturbed }) => isDisturbed)).toEqual([true, true]);
    expect(all[0]?.rounds.map(({ ns }) => ns)).toEqual([37, 21]);
  });

  it("all count, with all slices, if one subject has no probe", () => {
    const quiet = new Quiet();
    const plain: [number, number?][] = [[2], [3]];
    const all = [measured(quiet, "a", [calm, busy]), measured(quiet, "b", [plain, plain])];
    expect(isEnough(all, PLAN, quiet)).toBe(true);
    countRounds(all, PLAN, quiet);
    expect(all.map(({ isDisturbed }) => isDisturbed)).toEqual([false, false]);
    expect(all.map(({ rounds }) => rounds.map(({ ns }) => ns))).toEqual([
      [37, 21],
      [5, 5],
    ]);
  });

  it("that were too few for a 95 % interval do not count alone", () => {
    const plan: Plan = { ...PLAN, rounds: 6 };
    const turns = [calm, calm, calm, calm, busy, busy];
    const quiet = new Quiet();
    const all = [measured(quiet, "a", turns)];
    countRounds(all, plan, quiet);
    expect([all[0]?.isDisturbed, all[0]?.rounds.length]).toEqual([true, 6]);
    countRounds(all, { ...plan, leastRounds: 4 }, quiet);
    expect([all[0]?.isDisturbed, all[0]?.rounds.length]).toEqual([false, 4]);
  });

  it("of a subject that was cut count whatever its probe says", () => {
    const quiet = new Quiet();
    const cut = measured(quiet, "a", [[[5, 100]]]);
    const slices = [{ ...slice(9, 500), isCut: true }];
    const all = [
      { ...cut, turns: [{ index: 0, slices }] },
      measured(quiet, "b", [busy, calm, calm]),
    ];
    countRounds(all, PLAN, quiet);
    expect(all.map(({ rounds }) => rounds.map(({ ns }) => ns))).toEqual([[9], [7, 7]]);
    const [slow, own] = all as [Counted, Counted];
    expect(ratiosOf(slow, own)).toEqual([9 / (21 / 3)]);
    expect(ratiosOf(own, slow)).toEqual([21 / 3 / 9]);
  });

  it("are prolonged only where the figures are to be judged", () => {
    expect(turnsAtMost({ ...PLAN, rounds: 10, mostRounds: 12 })).toBe(12);
    const { mostRounds, ...plan } = PLAN;
    expect(turnsAtMost(plan)).toBe(2);
    expect(turnsAtMost({ ...plan, rounds: 10 })).toBe(20);
  });
});
