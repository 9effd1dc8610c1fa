import {
  binomialDistribution,
  geometricMean as geometricMeanOf,
  median as medianOf,
  quantile,
} from "simple-statistics";
import type { Interval, Spread } from "./results.js";

export const median = (values: readonly number[]): number => medianOf([...values]);

export const geometricMean = (values: readonly number[]): number => geometricMeanOf([...values]);

/** Returns the quartiles, which a table shows beside a median. */
export function quartiles(values: readonly number[]): [number, number] {
  return [quantile([...values], 0.25), quantile([...values], 0.75)];
}

export function spread(values: readonly number[]): Spread {
  const [low, high] = quartiles(values);
  return { median: median(values), low, high };
}

/** Returns the later half of the rounds: in the first, V8 still compiles and caches still fill. */
export function steady<T>(rounds: readonly T[]): T[] {
  return rounds.slice(Math.floor(rounds.length / 2));
}

/** Fewer rounds give no 95 % interval of the median: 5 values reach 93.75 % at most. */
export const MIN_ROUNDS = 6;

/**
 * Returns the median with a confidence interval by order statistics, which assumes only that the
 * values are independent. With n values the median lies between the k-th smallest and the k-th
 * largest but for P(Bin(n, 1/2) < k) on either side. The confidence reached is at least the one
 * asked for, or that of the whole range if there are too few values.
 */
export function medianInterval(values: readonly number[], confidence = 0.95): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  const count = sorted.length;
  const tail = count > 1 ? binomialTails(count) : [0];
  let rank = 1;
  while (rank + 1 <= count / 2 && (tail[rank + 1] as number) <= (1 - confidence) / 2) rank++;
  return {
    median: median(sorted),
    low: sorted[rank - 1] as number,
    high: sorted[count - rank] as number,
    confidence: 1 - 2 * (tail[rank] ?? 0.5),
  };
}

/** Returns P(Bin(n, 1/2) < k), for k from 0 to half of n. */
function binomialTails(count: number): number[] {
  const masses = binomialDistribution(count, 0.5) ?? [];
  const tails = [0];
  for (let rank = 1; rank <= count / 2 + 1; rank++) {
    tails[rank] = (tails[rank - 1] as number) + (masses[rank - 1] ?? 0);
  }
  return tails;
}

/** Returns the ratios of values that were measured in the same round. */
export function pairedRatios(above: readonly number[], below: readonly number[]): number[] {
  const pairs = Math.min(above.length, below.length);
  return above.slice(0, pairs).map((value, index) => value / (below[index] as number));
}

/** Returns whether an interval of a ratio leaves out 1. */
export function isSignificant(ratio: Interval, confidence = 0.95): boolean {
  return ratio.confidence >= confidence - 1e-9 && (ratio.low > 1 || ratio.high < 1);
}
