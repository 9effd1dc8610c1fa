import type { Progress } from "../term/progress.js";
import { Contestant, type Launch } from "./contestant.js";
import type { RoundAnswer } from "./protocol.js";

/** How a comparison is measured. */
export interface Plan {
  readonly rounds: number;
  /** A round runs through the script as often as fills this time. */
  readonly roundMs: number;
  /** At least so long is a subject warmed up before. */
  readonly warmupMs: number;
  /** A pass of a subject that takes longer is cut. */
  readonly limitMs: number;
}

/** What a subject's rounds gave. */
export interface Measured {
  readonly contestant: Contestant;
  readonly warmup: { rounds: number; firstNsPerOp: number };
  /** Runs through the script in a round. */
  times: number;
  readonly rounds: RoundAnswer[];
  /** Why it takes no further part. */
  failure: string | null;
}

const WARMUP_ROUNDS = 3;
const MAX_TIMES = 1_000_000;
/** So many rounds of a subject that is too slow to run through the script are enough. */
const CUT_ROUNDS = 3;

/** Steps of progress that `measureInTurn` makes. */
export function countSteps(subjects: number, plan: Plan): number {
  return subjects * (1 + plan.rounds);
}

/** What starting a process and reading the script takes, about. */
const START_MS = 200;

/** About how long `measureInTurn` takes, if runs through the script are short. */
export function estimateMs(subjects: number, { rounds, roundMs, warmupMs }: Plan): number {
  return subjects * (START_MS + warmupMs + rounds * roundMs);
}

export const nsPerOp = (round: RoundAnswer): number => round.ns / round.events;

/**
 * Warms every subject up, then measures their rounds in turn, each round beginning with another
 * subject. A subject that fails leaves; the others go on. When the signal is aborted, what has been
 * measured is returned.
 */
export async function measureInTurn(
  launches: readonly Launch[],
  plan: Plan,
  progress: Progress,
  signal: AbortSignal,
): Promise<Measured[]> {
  const all: Measured[] = [];
  const stop = (): void => {
    for (const { contestant } of all) contestant.stop();
  };
  signal.addEventListener("abort", stop);
  try {
    for (const launch of launches) {
      if (signal.aborted) break;
      progress.step(`warming up ${launch.name}`);
      const warmup = { rounds: 0, firstNsPerOp: Number.NaN };
      const contestant = new Contestant(launch);
      const own: Measured = { contestant, warmup, times: 1, rounds: [], failure: null };
      all.push(own);
      await attempt(own, signal, () => warmUp(own, plan));
    }
    for (let round = 0; round < plan.rounds; round++) {
      for (let turn = 0; turn < all.length; turn++) {
        const own = all[(round + turn) % all.length] as Measured;
        if (signal.aborted) return all;
        progress.step(`round ${round + 1} of ${plan.rounds}: ${own.contestant.name}`);
        if (own.failure !== null || isCutOften(own)) continue;
        await attempt(own, signal, async () => {
          const { times } = own;
          own.rounds.push(
            await own.contestant.ask({ pass: "round", times, limitMs: plan.limitMs }),
          );
        });
      }
    }
    return all;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function attempt(
  own: Measured,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    own.failure = signal.aborted ? "interrupted" : (error as Error).message;
  }
}

function isCutOften({ rounds }: Measured): boolean {
  return rounds.length >= CUT_ROUNDS && rounds.every((round) => round.isCut);
}

async function warmUp(own: Measured, { roundMs, warmupMs, limitMs }: Plan): Promise<void> {
  const { contestant, warmup } = own;
  let elapsedMs = 0;
  let isCut = false;
  while (!isCut && (warmup.rounds < WARMUP_ROUNDS || elapsedMs < warmupMs)) {
    const round = await contestant.ask({ pass: "round", times: own.times, limitMs });
    if (warmup.rounds++ === 0) warmup.firstNsPerOp = nsPerOp(round);
    own.times = timesFor(round, own.times, roundMs);
    elapsedMs += round.ns / 1e6;
    isCut = round.isCut;
  }
}

/** How often to run through the script in a round, by what the last round took. */
function timesFor(round: RoundAnswer, times: number, roundMs: number): number {
  const nsPerRun = round.ns / times;
  return Math.min(MAX_TIMES, Math.max(1, Math.ceil((roundMs * 1e6) / nsPerRun)));
}
