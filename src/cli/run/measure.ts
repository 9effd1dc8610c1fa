import type { Progress } from "../term/progress.js";
import { Contestant, type Launch } from "./contestant.js";
import type { LatencyAnswer, RoundAnswer } from "./protocol.js";

/** How a comparison is measured. */
export interface Plan {
  readonly rounds: number;
  /** A round runs through the script as often as fills this time. */
  readonly roundMs: number;
  /** At least so long is a process warmed up before its round. */
  readonly warmupMs: number;
  /** A pass of a subject that takes longer is cut. */
  readonly limitMs: number;
}

/** What a subject's rounds gave. */
export interface Measured {
  readonly launch: Launch;
  readonly rounds: RoundAnswer[];
  /** Of all its processes together; the first round of the first of them. */
  readonly warmup: { rounds: number; firstNsPerOp: number };
  latency: LatencyAnswer | null;
  /** Why it takes no further part. */
  failure: string | null;
}

const MIN_WARMUP_ROUNDS = 3;
const MAX_TIMES = 1_000_000;
/** What starting a process and reading the script takes, about. */
const START_MS = 200;

/** About how long `measureInTurn` takes, if runs through the script are short. */
export function estimateMs(subjects: number, { rounds, roundMs, warmupMs }: Plan): number {
  return subjects * rounds * (START_MS + warmupMs + roundMs);
}

export const nsPerOp = (round: RoundAnswer): number => round.ns / round.events;

/**
 * Measures the rounds of all subjects in turn, each turn beginning with another subject. Every
 * round is that of a fresh process, warmed up: where memory lies and what V8 has compiled are a
 * process's luck, which lasts as long as it does. Rounds of one process are not independent: with
 * one for all rounds, settings that run the same code differed "significantly" by up to 10 %.
 *
 * A subject that fails leaves; the others go on. When the signal is aborted, what has been measured
 * is returned.
 */
export async function measureInTurn(
  launches: readonly Launch[],
  plan: Plan,
  progress: Progress,
  signal: AbortSignal,
  latencyLimitMs = 0,
): Promise<Measured[]> {
  const all = launches.map(
    (launch): Measured => ({
      launch,
      rounds: [],
      warmup: { rounds: 0, firstNsPerOp: Number.NaN },
      latency: null,
      failure: null,
    }),
  );
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      if (signal.aborted) return all;
      const own = all[(round + turn) % all.length] as Measured;
      progress.step(`round ${round + 1} of ${plan.rounds}: ${own.launch.name}`);
      const isOver = own.failure !== null || own.rounds.some(({ isCut }) => isCut);
      if (!isOver) await measureRound(own, plan, signal, round === 0 ? latencyLimitMs : 0);
    }
  }
  return all;
}

async function measureRound(
  own: Measured,
  plan: Plan,
  signal: AbortSignal,
  latencyLimitMs: number,
): Promise<void> {
  try {
    await withContestant(own.launch, signal, async (contestant) => {
      const { limitMs } = plan;
      const warm = await warmUp(contestant, own.warmup, plan);
      // What takes too long for one run through the script is not measured twice.
      const round =
        warm.cut ?? (await contestant.ask({ pass: "round", times: warm.times, limitMs }));
      own.rounds.push(round);
      if (latencyLimitMs > 0) {
        own.latency = await contestant.ask({ pass: "latency", limitMs: latencyLimitMs });
      }
    });
  } catch (error) {
    own.failure = signal.aborted ? "interrupted" : (error as Error).message;
  }
}

/** Starts a subject's process, and ends it when it is no longer used or the signal is aborted. */
export async function withContestant<T>(
  launch: Launch,
  signal: AbortSignal,
  use: (contestant: Contestant) => Promise<T>,
): Promise<T> {
  const contestant = new Contestant(launch);
  const stop = (): void => contestant.stop();
  signal.addEventListener("abort", stop);
  try {
    return await use(contestant);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** How often a round should run through the script; or the round that was cut. */
async function warmUp(
  contestant: Contestant,
  warmup: Measured["warmup"],
  { roundMs, warmupMs, limitMs }: Plan,
): Promise<{ times: number; cut: RoundAnswer | undefined }> {
  const stepMs = Math.max(1, Math.min(roundMs, warmupMs / 4));
  let elapsedMs = 0;
  let nsPerRun = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MIN_WARMUP_ROUNDS || elapsedMs < warmupMs; count++) {
    const times = timesFor(nsPerRun, stepMs);
    const round = await contestant.ask({ pass: "round", times, limitMs });
    if (warmup.rounds++ === 0) warmup.firstNsPerOp = nsPerOp(round);
    if (round.isCut) return { times, cut: round };
    elapsedMs += round.ns / 1e6;
    nsPerRun = round.ns / times;
  }
  return { times: timesFor(nsPerRun, roundMs), cut: undefined };
}

/** How often to run through the script in so many ms. */
function timesFor(nsPerRun: number, ms: number): number {
  return Math.min(MAX_TIMES, Math.max(1, Math.ceil((ms * 1e6) / nsPerRun)));
}
