import { type HeapOptions, OPTION_TABLE } from "../../src/index.js";
import { readMachine } from "../base/machine.js";
import type {
  BenchResult,
  InspectResult,
  Percentiles,
  Skipped,
  SubjectResult,
} from "../base/results.js";
import { RunError } from "../base/session.js";
import { MIN_ROUNDS, medianInterval, spread } from "../base/statistics.js";
import {
  type Measured,
  measureInTurn,
  nsPerOp,
  type Plan,
  ratiosOf,
  withSubject,
} from "../measure/inTurn.js";
import { withScriptFile } from "../measure/scriptFile.js";
import type { SubjectProcess } from "../measure/subjectProcess.js";
import { type Commands, Subjects } from "../measure/subjects.js";
import { DISTURBED } from "../measure/turns.js";
import { isNative, titleOf } from "../rivals/table.js";
import type { CheckAnswer, LatencyAnswer } from "../subject/protocol.js";
import { formatPercent } from "../term/format.js";
import { type Progress, startProgress } from "../term/progress.js";
import type { Resolved } from "../workloads/resolve.js";
import { eventsOf } from "../workloads/script.js";

const OWN = "hakmem";
const LATENCY_LIMIT_MS = 5000;

/** A subject, with what has been measured of it. */
interface Entry extends Commands {
  check?: CheckAnswer;
  measured?: Measured;
}

/** Checks hakmem and rivals on one workload, then measures them in turn. */
export async function runBench(
  workload: Resolved,
  rivals: readonly string[],
  options: Partial<HeapOptions>,
  plan: Plan,
  signal: AbortSignal,
): Promise<BenchResult> {
  return withScriptFile(workload.script, async (file) => {
    const skipped: Skipped[] = [];
    const subjects = await Subjects.find([OWN, ...rivals]);
    skipped.push(...subjects.skipped);
    const entries: Entry[] = subjects.commandsFor(file, options);
    const progress = startProgress(entries.length * (1 + plan.rounds));
    try {
      const heap = await checkAll(entries, plan, progress, signal, skipped);
      const sound = entries.filter(({ check }) => check !== undefined);
      await measureAll(sound, plan, progress, signal, skipped);
      return assemble(workload, sound, heap, { options, plan, signal, skipped });
    } finally {
      progress.done();
    }
  });
}

/** Checks every subject in a fresh process, and measures its memory. Returns hakmem's answer. */
async function checkAll(
  entries: readonly Entry[],
  { limitMs }: Plan,
  progress: Progress,
  signal: AbortSignal,
  skipped: Skipped[],
): Promise<CheckAnswer> {
  let heap: CheckAnswer | undefined;
  const ask = (subject: SubjectProcess): Promise<CheckAnswer> =>
    subject.ask({ pass: "check", limitMs: 3 * limitMs });
  for (const entry of entries) {
    if (signal.aborted) break;
    const { name } = entry.command;
    progress.step(`checking ${name}`);
    try {
      entry.check = await withSubject(entry.checker, signal, ask);
      if (name === OWN) heap = entry.check;
    } catch (error) {
      const reason = (error as Error).message;
      if (name === OWN && !signal.aborted) throw new RunError(explainFailure(reason));
      if (!signal.aborted) skipped.push({ name, reason });
    }
  }
  if (heap === undefined) throw new RunError("ended before anything was measured");
  return heap;
}

function explainFailure(reason: string): string {
  const advice = reason.startsWith("no room") ? "; give it more with --capacity BYTES" : "";
  return `hakmem cannot run this: ${reason}${advice}`;
}

async function measureAll(
  entries: readonly Entry[],
  plan: Plan,
  progress: Progress,
  signal: AbortSignal,
  skipped: Skipped[],
): Promise<void> {
  const commands = entries.map(({ command }) => command);
  const latencyLimitMs = Math.min(plan.limitMs, LATENCY_LIMIT_MS);
  const all = await measureInTurn(commands, plan, progress, signal, { latencyLimitMs });
  for (const [index, measured] of all.entries()) {
    (entries[index] as Entry).measured = measured;
    const { command, failure } = measured;
    if (failure === null || failure === "interrupted") continue;
    if (command.name === OWN) throw new RunError(explainFailure(failure));
    skipped.push({ name: command.name, reason: failure });
    measured.rounds.length = 0;
  }
}

interface Context {
  readonly options: Partial<HeapOptions>;
  readonly plan: Plan;
  readonly signal: AbortSignal;
  readonly skipped: readonly Skipped[];
}

function assemble(
  workload: Resolved,
  entries: readonly Entry[],
  heap: CheckAnswer,
  { options, plan, signal, skipped }: Context,
): BenchResult {
  const own = entries.find(({ command }) => command.name === OWN);
  const ownRounds = own?.measured?.rounds ?? [];
  if (ownRounds.length === 0) throw new RunError("ended before hakmem's first round was measured");
  const subjects = entries
    .filter(({ measured }) => measured !== undefined && measured.rounds.length > 0)
    .map((entry) => toResult(entry, own?.measured as Measured, workload, plan));
  const hashes = new Set(subjects.flatMap(({ hash }) => hash ?? []));
  const notes = [...workload.notes];
  const merged = subjects.filter(({ name }) => !isThreaded(name));
  if (workload.script.workers !== undefined && merged.length > 0) {
    const titles = merged.map(({ title }) => title).join(", ");
    notes.push(`${MERGED_NOTE} Those: ${titles}.`);
  }
  if (hashes.size > 1) notes.push("The hashes differ: not every subject has done the same work.");
  if (subjects.some(({ latency }) => latency !== null)) notes.push(LATENCY_NOTE);
  const isDisturbed = own?.measured?.isDisturbed ?? false;
  if (isDisturbed) notes.push(DISTURBED);
  return {
    kind: "hakmem bench",
    version: 1,
    machine: readMachine(),
    workload: workload.info,
    options: completeOptions(options),
    map:
      heap.map === undefined ? null : ({ ...heap.map, file: workload.info.label } as InspectResult),
    subjects,
    skipped,
    notes,
    isInterrupted: signal.aborted,
    isDisturbed,
  };
}

/** Returns whether a subject runs several workers as threads. */
function isThreaded(name: string): boolean {
  return name === OWN || isNative(name);
}

const MERGED_NOTE =
  "Some rivals ran the same events merged on one worker, where no free is remote and nothing " +
  "waits. Their work is not the same as hakmem's, and the times cannot be compared.";
const LATENCY_NOTE = "Latencies are those of single events, without the median cost of the timer.";

function completeOptions(options: Partial<HeapOptions>): HeapOptions {
  const rows = OPTION_TABLE.map(({ name, type, default: value }) => [
    name,
    options[name] ?? (type === "switch" ? value === 1 : value),
  ]);
  return Object.fromEntries(rows) as HeapOptions;
}

function toResult(
  { command, check, measured }: Entry,
  own: Measured,
  workload: Resolved,
  plan: Plan,
): SubjectResult {
  const { rounds, warmup, latency } = measured as Measured;
  const times = rounds.map(nsPerOp);
  const total = (pick: (round: (typeof rounds)[number]) => number): number =>
    rounds.reduce((sum, round) => sum + pick(round), 0);
  const isOwn = command.name === OWN;
  const nsSpread = spread(times);
  const hash = check?.hash ?? null;
  return {
    name: command.name,
    title: titleOf(command.name),
    nsPerOp: nsSpread,
    rounds: times,
    opsPerSecond: 1e9 / nsSpread.median,
    warmup,
    latency: latency === null ? null : { ...latency, percentiles: toPercentiles(latency) },
    memory:
      check === undefined ? null : { peakBytes: check.peakBytes, seriesBytes: check.seriesBytes },
    heap: toHeap(check),
    collections: total((round) => round.collections),
    collectionMs: total((round) => round.collectionMs),
    cpuUserMs: total((round) => round.cpuUserUs) / 1000,
    cpuSystemMs: total((round) => round.cpuSystemUs) / 1000,
    ratio: isOwn ? null : medianInterval(ratiosOf(measured as Measured, own)),
    caution: judge(measured as Measured, eventsOf(workload.script), plan),
    hash: hash === null ? null : hash.toString(16).padStart(8, "0"),
    probes: rounds.map(({ probeNs }) => probeNs ?? 0),
  };
}

function toPercentiles({ curve }: LatencyAnswer): Percentiles {
  const at = (percentile: number): number =>
    curve.find(([point]) => point === percentile)?.[1] ?? Number.NaN;
  return { p50: at(50), p99: at(99), p999: at(99.9), p9999: at(99.99), max: at(100) };
}

function toHeap(check: CheckAnswer | undefined): SubjectResult["heap"] {
  const heap = check?.heap ?? null;
  if (heap === null) return null;
  const { hits, misses, ...rest } = heap;
  return { hitRate: hits / Math.max(1, hits + misses), ...rest };
}

/** A shorter round is mostly noise: HAKMEM's 60 ms runs hid the hot path. */
const MIN_ROUND_MS = 15;
const MAX_SPREAD = 0.2;

/** Returns why figures cannot be relied on, or null if they can. */
function judge({ rounds }: Measured, events: number, plan: Plan): string | null {
  const cut = rounds.find((round) => round.isCut);
  if (cut !== undefined) {
    const share = Math.min(1, cut.events / events);
    return `cut after ${plan.limitMs / 1000} s, with ${formatPercent(share)} of the events done`;
  }
  const shortest = Math.min(...rounds.map((round) => round.ns / 1e6));
  if (shortest < MIN_ROUND_MS) {
    const length = shortest.toFixed(1);
    return `too short to judge: a round of ${length} ms; ${MIN_ROUND_MS} ms are needed`;
  }
  if (rounds.length < MIN_ROUNDS) {
    return `too short to judge: ${rounds.length} rounds; ${MIN_ROUNDS} are needed`;
  }
  const { median, low, high } = spread(rounds.map(nsPerOp));
  if ((high - low) / median <= MAX_SPREAD) return null;
  return `noisy: half of the rounds lie ${formatPercent((high - low) / median)} apart`;
}
