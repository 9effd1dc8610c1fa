import type { LatencyAnswer, RoundAnswer } from "../subject/protocol.js";
import type { Progress } from "../term/progress.js";
import { type SubjectCommand, SubjectProcess } from "./subjectProcess.js";

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
  readonly command: SubjectCommand;
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
 * Measures the rounds of all subjects in turns. In a turn each subject has a fresh process, warmed
 * up; then all run their rounds in slices, one subject's slice after the other's. The processes are
 * fresh because where memory lies and what V8 has compiled are a process's luck, which lasts as
 * long as it does: with one process for all rounds, settings that run the same code differed
 * "significantly" by up to 10 %. The slices are short because a machine's speed drifts by the
 * second, and a whole round may fall into a slow one.
 *
 * A subject that fails leaves; the others go on. When the signal is aborted, what the turns before
 * have measured is returned.
 */
export async function measureInTurn(
  commands: readonly SubjectCommand[],
  plan: Plan,
  progress: Progress,
  signal: AbortSignal,
  latencyLimitMs = 0,
): Promise<Measured[]> {
  const all = commands.map(
    (command): Measured => ({
      command,
      rounds: [],
      warmup: { rounds: 0, firstNsPerOp: Number.NaN },
      latency: null,
      failure: null,
    }),
  );
  for (let turn = 0; turn < plan.rounds && !signal.aborted; turn++) {
    const allRunning: Running[] = [];
    const stop = (): void => {
      for (const { subject } of allRunning) subject.stop();
    };
    signal.addEventListener("abort", stop);
    try {
      for (const own of rotate(all, turn)) {
        progress.step(`round ${turn + 1} of ${plan.rounds}: ${own.command.name}`);
        if (signal.aborted) return all;
        const isOver = own.failure !== null || own.rounds.some(({ isCut }) => isCut);
        if (!isOver) await enter(own, allRunning, plan, signal);
      }
      await runSlices(allRunning, plan, signal);
      for (const running of allRunning) {
        if (signal.aborted) return all;
        await leave(running, signal, turn === 0 ? latencyLimitMs : 0);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      stop();
    }
  }
  return all;
}

const SLICES = 10;

/** A subject's process in a turn. */
interface Running {
  readonly own: Measured;
  readonly subject: SubjectProcess;
  /** Runs through the script in a round. */
  times: number;
  readonly slices: RoundAnswer[];
}

function rotate<T>(all: readonly T[], by: number): T[] {
  return all.map((_, index) => all[(by + index) % all.length] as T);
}

/** Starts a subject's process and warms it up. */
async function enter(
  own: Measured,
  allRunning: Running[],
  plan: Plan,
  signal: AbortSignal,
): Promise<void> {
  const subject = new SubjectProcess(own.command);
  const running: Running = { own, subject, times: 1, slices: [] };
  allRunning.push(running);
  await attempt(own, signal, async () => {
    const { times, cut } = await warmUp(subject, own.warmup, plan);
    running.times = times;
    // What takes too long for one run through the script is not measured twice.
    if (cut !== undefined) running.slices.push(cut);
  });
}

async function runSlices(
  allRunning: readonly Running[],
  { limitMs }: Plan,
  signal: AbortSignal,
): Promise<void> {
  for (let slice = 0; slice < SLICES; slice++) {
    for (const { own, subject, times, slices } of rotate(allRunning, slice)) {
      const runs = Math.ceil((times * (slice + 1)) / SLICES) - Math.ceil((times * slice) / SLICES);
      const isOver = own.failure !== null || slices.some(({ isCut }) => isCut);
      if (signal.aborted) return;
      if (isOver || runs === 0) continue;
      await attempt(own, signal, async () => {
        slices.push(await subject.ask({ pass: "round", times: runs, limitMs }));
      });
    }
  }
}

/** The round of the slices; and the latencies, if they are asked for. */
async function leave(
  { own, subject, slices }: Running,
  signal: AbortSignal,
  latencyLimitMs: number,
): Promise<void> {
  if (own.failure !== null || slices.length === 0) return;
  own.rounds.push(slices.reduce(addRounds));
  if (latencyLimitMs === 0) return;
  await attempt(own, signal, async () => {
    own.latency = await subject.ask({ pass: "latency", limitMs: latencyLimitMs });
  });
}

function addRounds(a: RoundAnswer, b: RoundAnswer): RoundAnswer {
  return {
    ns: a.ns + b.ns,
    events: a.events + b.events,
    isCut: a.isCut || b.isCut,
    cpuUserUs: a.cpuUserUs + b.cpuUserUs,
    cpuSystemUs: a.cpuSystemUs + b.cpuSystemUs,
    collections: a.collections + b.collections,
    collectionMs: a.collectionMs + b.collectionMs,
    slabsOpened: a.slabsOpened + b.slabsOpened,
    refills: a.refills + b.refills,
    drains: a.drains + b.drains,
    peakCommittedBytes: Math.max(a.peakCommittedBytes ?? 0, b.peakCommittedBytes ?? 0),
  };
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

/** Starts a subject's process, and ends it when it is no longer used or the signal is aborted. */
export async function withSubject<T>(
  command: SubjectCommand,
  signal: AbortSignal,
  use: (subject: SubjectProcess) => Promise<T>,
): Promise<T> {
  const subject = new SubjectProcess(command);
  const stop = (): void => subject.stop();
  signal.addEventListener("abort", stop);
  try {
    return await use(subject);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** How often a round should run through the script; or the round that was cut. */
async function warmUp(
  subject: SubjectProcess,
  warmup: Measured["warmup"],
  { roundMs, warmupMs, limitMs }: Plan,
): Promise<{ times: number; cut: RoundAnswer | undefined }> {
  const stepMs = Math.max(1, Math.min(roundMs, warmupMs / 4));
  let elapsedMs = 0;
  let nsPerRun = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MIN_WARMUP_ROUNDS || elapsedMs < warmupMs; count++) {
    const times = timesFor(nsPerRun, stepMs);
    const round = await subject.ask({ pass: "round", times, limitMs });
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
