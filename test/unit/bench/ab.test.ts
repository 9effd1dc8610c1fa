import { describe, expect, it } from "vitest";
import { findKnob } from "../../../bench/base/knobs.js";
import type { AbCell } from "../../../bench/base/results.js";
import { medianInterval, pairedRatios, spread } from "../../../bench/base/statistics.js";
import { combine, confidenceFor, judge, toOptions } from "../../../bench/run/ab.js";

const KNOBS = [
  { row: findKnob("SLL_DRAIN_INTERVAL"), values: [512, 1024] },
  { row: findKnob("FAST_CAP"), values: [62, 254] },
];

/** A cell whose rounds took so long. */
function cell(value: number, rounds: number[], base: number[] | null, cells = 2): AbCell {
  return {
    settings: { HAKMEM_TINY_FAST_CAP: value },
    workload: "w",
    nsPerOp: spread(rounds),
    opsPerSecond: medianInterval(rounds.map((time) => 1e9 / time)),
    ratio: base === null ? null : medianInterval(pairedRatios(base, rounds), confidenceFor(cells)),
    slabsOpened: 0,
    refills: 0,
    drains: 0,
    peakCommittedBytes: 0,
    cpuUserMs: 0,
    cpuSystemMs: 0,
    rounds,
  };
}

const jitter = (around: number): number[] =>
  Array.from({ length: 12 }, (_, round) => around + ((round * 7) % 12) / 100);

describe("combinations", () => {
  it("are all there, the defaults first", () => {
    const all = combine(KNOBS);
    expect(all).toHaveLength(4);
    expect(all[0]).toEqual({ HAKMEM_TINY_SLL_DRAIN_INTERVAL: 1024, HAKMEM_TINY_FAST_CAP: 254 });
    expect(new Set(all.map((settings) => JSON.stringify(settings))).size).toBe(4);
  });

  it("become options, over those of the environment", () => {
    const options = toOptions(KNOBS, combine(KNOBS)[0] ?? {}, { capacity: 2 ** 24, fastCap: 1 });
    expect(options).toEqual({ capacity: 2 ** 24, fastCap: 254, sllDrainInterval: 1024 });
  });
});

describe("verdicts", () => {
  it("recommend what is faster beyond doubt", () => {
    const base = jitter(10);
    const verdict = judge([cell(254, base, null), cell(62, jitter(8), base)], "w");
    expect(verdict.recommended).toEqual({ HAKMEM_TINY_FAST_CAP: 62 });
    expect(verdict.sentence).toContain("recommended: HAKMEM_TINY_FAST_CAP=62, 1.2");
  });

  it("say that there is no significant difference where the interval has 1 in it", () => {
    const base = jitter(10);
    const verdict = judge([cell(254, base, null), cell(62, [...base].reverse(), base)], "w");
    expect(verdict.recommended).toBeNull();
    expect(verdict.sentence).toContain("no significant difference");
  });

  it("keep the base where all others are slower", () => {
    const base = jitter(10);
    const verdict = judge([cell(254, base, null), cell(62, jitter(13), base)], "w");
    expect(verdict.recommended).toEqual({ HAKMEM_TINY_FAST_CAP: 254 });
    expect(verdict.sentence).toContain("1 of 1 are slower");
  });

  it("ask for more rounds, the more cells there are", () => {
    const base = jitter(10).slice(0, 7);
    const two = [cell(254, base, null), cell(62, base.slice(0, 7), base)];
    expect(judge(two, "w").sentence).not.toContain("too few rounds");
    const nine = [
      cell(254, base, null),
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((value) => cell(value, base, base, 9)),
    ];
    expect(judge(nine, "w").sentence).toContain("too few rounds to judge: 9");
  });
});
