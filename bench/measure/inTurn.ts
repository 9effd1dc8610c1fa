import type { LatencyAnswer, RoundAnswer } from "../subject/protocol.js";
import type { Progress } from "../term/progress.js";
import { Quiet } from "./quiet.js";
import { type SubjectCommand, SubjectProcess } from "./subjectProcess.js";
import { type Counted, countRounds, isEnough, nsPerOp, type Plan, turnsAtMost } from "./turns.js";

export { nsPerOp, type Plan, ROUND_MS, ratiosOf, WARMUP_MS } from "./turns.js";

/** What was measured of a subject. */
export interface Measured extends Counted {
  /** Warm-up rounds of all its processes; the time per op of the very first round. */
  readonly warmup: { rounds: number; firstNsPerOp: number };
  latency: LatencyAnswer | null;
  /** Why it takes no further part. */
  failure: string | null;
}

const MIN_WARMUP_ROUNDS = 3;
const MAX_TIMES = 1_000_000;
/** About what starting a process and reading the script takes. */
const START_MS = 200;

/** Returns about how long `measureInTurn` takes, if runs through the script are short. */
export function estimateMs(subjects: number, { rounds, roundMs, warmupMs }: Plan): number {
  return subjects * rounds * (START_MS + warmupMs + roundMs);
}

/**
 * Measures all subjects in turns. In a turn each subject has a fresh process, which is warmed up;
 * then all run their rounds in slices, one subject after another.
 *
 * The processes are fresh because where memory lies and what V8 has compiled is luck that lasts as
 * long as a process. With one process for all rounds, settings that run the same code differed
 * "significantly" by up to 10 %. The slices are short because a machine's speed drifts within
 * seconds, and a whole round may fall into a slow one.
 *
 * A machine that others disturb takes more turns than planned, until enough were quiet (turns.ts).
 * A run of several comparisons gives `quiet`, so that all of them learn from one another's probes.
 *
 * A subject that fails leaves, and the others go on. When the signal is aborted, the turns that are
 * complete are returned.
 */
export async function measureInTurn(
  commands: readonly SubjectCommand[],
  plan: Plan,
  progress: Progress,
  signal: AbortSignal,
  { latencyLimitMs = 0, quiet = new Quiet() }: { latencyLimitMs?: number; quiet?: Quiet } = {},
): Promise<Measured[]> {
  const all = commands.map(
    (command): Measured => ({
      command,
      turns: [],
      rounds: [],
      counting: [],
      isDisturbed: false,
      warmup: { rounds: 0, firstNsPerOp: Number.NaN },
      latency: null,
      failure: null,
    }),
  );
  const run = { all, plan, progress, signal, quiet };
  for (let index = 0; index < turnsAtMost(plan) && !signal.aborted; index++) {
    await takeTurn(run, index, index === 0 ? latencyLimitMs : 0);
    if (isEnough(all, plan, quiet)) break;
  }
  countRounds(all, plan, quiet);
  return all;
}

interface Run {
  readonly all: readonly Measured[];
  readonly plan: Plan;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly quiet: Quiet;
}

async function takeTurn(run: Run, index: number, latencyLimitMs: number): Promise<void> {
  const { all, plan, progress, signal } = run;
  const allRunning: Running[] = [];
  const stop = (): void => {
    for (const { subject } of allRunning) subject.stop();
  };
  signal.addEventListener("abort", stop);
  try {
    for (const own of rotate(all, index)) {
      const share = index < plan.rounds ? ` of ${plan.rounds}` : ", in place of a disturbed one";
      progress.step(`round ${index + 1}${share}: ${own.command.name}`);
      if (signal.aborted) return;
      const isCut = own.turns.some(({ slices }) => slices.some((slice) => slice.isCut));
      if (own.failure === null && !isCut) await enter(own, allRunning, run);
    }
    await runSlices(allRunning, run);
    for (const running of allRunning) {
      if (signal.aborted) return;
      await leave(running, index, signal, latencyLimitMs);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
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
async function enter(own: Measured, allRunning: Running[], run: Run): Promise<void> {
  const subject = new SubjectProcess(own.command);
  const running: Running = { own, subject, times: 1, slices: [] };
  allRunning.push(running);
  await attempt(own, run.signal, async () => {
    const { times, cut } = await warmUp(subject, own, run);
    running.times = times;
    // A subject that cannot run through the script once in time is not measured again.
    if (cut !== undefined) running.slices.push(cut);
  });
}

async function runSlices(
  allRunning: readonly Running[],
  { plan, signal, quiet }: Run,
): Promise<void> {
  const { limitMs, slices: count = SLICES, counts = false } = plan;
  for (let slice = 0; slice < count; slice++) {
    for (const { own, subject, times, slices } of rotate(allRunning, slice)) {
      const runs = Math.ceil((times * (slice + 1)) / count) - Math.ceil((times * slice) / count);
      const isOver = own.failure !== null || slices.some(({ isCut }) => isCut);
      if (signal.aborted) return;
      if (isOver || runs === 0) continue;
      await attempt(own, signal, async () => {
        const answer = await subject.ask({ pass: "round", times: runs, limitMs, counts });
        quiet.note(own.command.program, answer);
        slices.push(answer);
      });
    }
  }
}

/** Keeps the slices of a turn, and measures latencies if they are asked for. */
async function leave(
  { own, subject, slices }: Running,
  index: number,
  signal: AbortSignal,
  latencyLimitMs: number,
): Promise<void> {
  if (own.failure !== null || slices.length === 0) return;
  own.turns.push({ index, slices });
  if (latencyLimitMs === 0) return;
  await attempt(own, signal, async () => {
    own.latency = await subject.ask({ pass: "latency", limitMs: latencyLimitMs });
  });
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

/** Returns how often a round should run through the script, or the round that was cut. */
async function warmUp(
  subject: SubjectProcess,
  { warmup, command }: Measured,
  { plan, quiet }: Run,
): Promise<{ times: number; cut: RoundAnswer | undefined }> {
  const { roundMs, warmupMs, limitMs, sliceRuns, slices = SLICES } = plan;
  const stepMs = Math.max(1, Math.min(roundMs, warmupMs / 4));
  let elapsedMs = 0;
  let nsPerRun = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MIN_WARMUP_ROUNDS || elapsedMs < warmupMs; count++) {
    const times = timesFor(nsPerRun, stepMs);
    const round = await subject.ask({ pass: "round", times, limitMs });
    if (warmup.rounds++ === 0) warmup.firstNsPerOp = nsPerOp(round);
    if (round.isCut) return { times, cut: round };
    if (count > 0) quiet.note(command.program, round);
    elapsedMs += round.ns / 1e6;
    nsPerRun = round.ns / times;
  }
  const times = sliceRuns === undefined ? timesFor(nsPerRun, roundMs) : sliceRuns * slices;
  return { times, cut: undefined };
}

/** Returns how often to run through the script in so many ms. */
function timesFor(nsPerRun: number, ms: number): number {
  return Math.min(MAX_TIMES, Math.max(1, Math.ceil((ms * 1e6) / nsPerRun)));
}
