/**
 * A core's units are shared with a sibling thread, which on a virtual machine may be a stranger's.
 * While that one works, code that keeps many units busy takes nearly twice as long, and code that
 * waits for memory or for branches little longer: ratios change too, not only times. So a probe, a
 * loop of independent additions, is timed before and after each round, and a round counts if both
 * took about as little as any probe of the run.
 */
import { median } from "../base/statistics.js";

/** One round of a process: its figure, and the slower of the probes beside it. */
export interface Round {
  readonly figure: number;
  readonly probe: number;
}

/** A probe of a busy sibling takes 1.6 to 1.9 times as long. */
const QUIET = 1.15;
/** Of fewer quiet rounds of a process none counts, unless it has no more. */
const MIN_QUIET_ROUNDS = 2;

/** The lines that a process printed: a figure each, and a probe where there is one. */
export function parseRounds(output: string): Round[] {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [figure = Number.NaN, probe = 0] = line.trim().split(/\s+/).map(Number);
    return { figure, probe };
  });
}

/** What the processes of one kind, whose probes are the same code, found in one run. */
export class Quiet {
  private fastest = Number.POSITIVE_INFINITY;

  /** Learns from a process's probes; the more processes, the better it knows a quiet machine. */
  note(rounds: readonly Round[]): void {
    for (const { probe } of rounds) {
      if (probe > 0 && probe < this.fastest) this.fastest = probe;
    }
  }

  /** The median of the quiet rounds of a process, or undefined if the machine was disturbed. */
  medianOf(rounds: readonly Round[]): number | undefined {
    const figures = rounds
      .filter(({ probe }) => probe <= QUIET * this.fastest)
      .map(({ figure }) => figure);
    const least = Math.min(MIN_QUIET_ROUNDS, rounds.length);
    return figures.length < least ? undefined : median(figures);
  }
}
