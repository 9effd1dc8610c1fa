import { geometricMean as geometricMeanOf, median as medianOf, quantile } from "simple-statistics";

export const median = (values: readonly number[]): number => medianOf([...values]);

export const geometricMean = (values: readonly number[]): number => geometricMeanOf([...values]);

/** The quartiles, as the spread that a table shows beside a median. */
export function quartiles(values: readonly number[]): [number, number] {
  return [quantile([...values], 0.25), quantile([...values], 0.75)];
}

/** Rounds after the first half: before, the engine still compiles and the caches still fill. */
export function steady(rounds: readonly number[]): number[] {
  return rounds.slice(Math.floor(rounds.length / 2));
}
