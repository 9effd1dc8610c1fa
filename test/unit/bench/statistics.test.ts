import { describe, expect, it } from "vitest";
import {
  geometricMean,
  isSignificant,
  median,
  medianInterval,
  pairedRatios,
  quartiles,
  steady,
} from "../../../bench/base/statistics.js";
import { Random } from "../../../bench/workloads/random.js";

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("medians", () => {
  it("are those of small lists worked out by hand", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quartiles(range(9))).toEqual([3, 7]);
    expect(geometricMean([1, 4])).toBeCloseTo(2);
    expect(steady(range(7))).toEqual([4, 5, 6, 7]);
  });

  it("leave the list as it was", () => {
    const values = [3, 1, 2];
    median(values);
    medianInterval(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe("medianInterval", () => {
  /** Ranks of the 95 % interval, and its confidence, from a table of the sign test. */
  it.each([
    [6, 1, 6, 0.96875],
    [8, 1, 8, 0.9921875],
    [9, 2, 8, 0.9609375],
    [10, 2, 9, 0.978515625],
    [15, 4, 12, 0.96484375],
    [20, 6, 15, 0.9586105],
    [25, 8, 18, 0.9567147],
  ])("of %i values lies between ranks %i and %i", (count, low, high, confidence) => {
    const interval = medianInterval(range(count));
    expect([interval.low, interval.high]).toEqual([low, high]);
    expect(interval.confidence).toBeCloseTo(confidence, 6);
  });

  it("of too few values is their range, and says how little that is worth", () => {
    const interval = medianInterval([5, 1, 3]);
    expect([interval.low, interval.high]).toEqual([1, 5]);
    expect(interval.confidence).toBeCloseTo(0.75);
    expect(medianInterval([7])).toEqual({ median: 7, low: 7, high: 7, confidence: 0 });
  });

  it("covers the true median as often as it says, for skewed values too", () => {
    const random = new Random(7);
    const trials = 4000;
    let covered = 0;
    for (let trial = 0; trial < trials; trial++) {
      // Exponential: the median is ln 2.
      const values = range(15).map(() => -Math.log(1 - random.unit()));
      const { low, high } = medianInterval(values);
      if (low <= Math.LN2 && Math.LN2 <= high) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.953);
    expect(covered / trials).toBeLessThan(0.976);
  });
});

describe("ratios", () => {
  it("are taken pair by pair, as far as there are pairs", () => {
    expect(pairedRatios([2, 9, 5], [1, 3])).toEqual([2, 3]);
  });

  it("are significant if 1 lies outside an interval of enough confidence", () => {
    const interval = { median: 1.1, low: 1.05, high: 1.2, confidence: 0.96 };
    expect(isSignificant(interval)).toBe(true);
    expect(isSignificant({ ...interval, low: 0.99 })).toBe(false);
    expect(isSignificant({ ...interval, confidence: 0.8 })).toBe(false);
    expect(isSignificant({ ...interval, low: 0.8, high: 0.9 })).toBe(true);
  });

  it("of two equal samples are seldom significant", () => {
    const random = new Random(11);
    const trials = 2000;
    let wrong = 0;
    for (let trial = 0; trial < trials; trial++) {
      const times = (): number[] => range(10).map(() => 1 + random.unit());
      if (isSignificant(medianInterval(pairedRatios(times(), times())))) wrong++;
    }
    expect(wrong / trials).toBeLessThan(0.04);
  });
});
