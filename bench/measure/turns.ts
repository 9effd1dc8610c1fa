import { MIN_ROUNDS, median } from "../base/statistics.js";
import type { RoundAnswer } from "../subject/protocol.js";
import type { Quiet } from "./quiet.js";
import type { SubjectCommand } from "./subjectProcess.js";

/** How a comparison is measured. */
export interface Plan {
  /** Turns that should count. In each, every subject has a fresh process and runs one round. */
  readonly rounds: number;
  /** Turns that a judgement needs, if more than its 95 % interval; see `leastQuiet`. */
  readonly leastRounds?: number;
  /** The most turns that a disturbed machine may take; see `turnsAtMost`. */
  readonly mostRounds?: number;
  /** A round runs through the script as often as fills this time. */
  readonly roundMs: number;
  /** If given, each slice runs through the script so often, whatever time that takes. */
  readonly sliceRuns?: number;
  /** The parts of a round, which the subjects run in turn. */
  readonly slices?: number;
  /** Least time for which a process is warmed up before its round. */
  readonly warmupMs: number;
  /** Whether hakmem's counts of each round are wanted: reading them disturbs its next round. */
  readonly counts?: boolean;
  /** A pass of a subject that takes longer is cut. */
  readonly limitMs: number;
}

/** The warm-up and the round of whatever people compare: one question has one answer. */
export const WARMUP_MS = 300;
export const ROUND_MS = 100;

/** A subject's round in one turn, as the slices that it was run in. */
interface Turn {
  readonly index: number;
  readonly slices: readonly RoundAnswer[];
}

/** All that was measured of a subject, and the rounds of it that count. */
export interface Counted {
  readonly command: SubjectCommand;
  readonly turns: Turn[];
  /** The rounds that count: one per turn. */
  rounds: RoundAnswer[];
  /** The turns of these rounds, by index. */
  counting: number[];
  /** Whether all rounds count because too few were quiet. */
  isDisturbed: boolean;
}

/** The note on a comparison whose machine was hardly ever quiet. */
export const DISTURBED =
  "Others used this machine during most rounds, so all rounds count and their times include " +
  "that interference.";

/** A round with fewer quiet slices does not count, unless it has no more slices. */
const MIN_QUIET_SLICES = 2;
/** The share of the planned turns that must be quiet; else all turns count. */
const LEAST_QUIET = 0.6;

/**
 * Returns how many turns a plan may take in order to find its quiet ones. A plan of fewer turns
 * than an interval needs is too short to judge by, so it is not prolonged.
 */
export function turnsAtMost({ rounds, mostRounds }: Plan): number {
  return mostRounds ?? (rounds < MIN_ROUNDS ? rounds : 2 * rounds);
}

/** Returns how many turns must be quiet: never so few that the plan's judgement is lost. */
function leastQuiet({ rounds, leastRounds = MIN_ROUNDS }: Plan): number {
  return Math.max(Math.ceil(LEAST_QUIET * rounds), Math.min(leastRounds, rounds));
}

function quietSlices(
  quiet: Quiet,
  { program }: SubjectCommand,
  { slices }: Turn,
): readonly RoundAnswer[] {
  const own = slices.filter((slice) => quiet.has(program, slice));
  return own.length < Math.min(MIN_QUIET_SLICES, slices.length) ? [] : own;
}

/** A round that its time limit has cut is its subject's only one, so it always counts. */
function isCut({ slices }: Turn): boolean {
  return slices.some((slice) => slice.isCut);
}

/**
 * Returns whether all subjects have probes. Where one has none, nothing is left out: the disturbed
 * slices of the others would be dropped, and its own kept.
 */
function areProbed(all: readonly Counted[]): boolean {
  const slices = all.flatMap(({ turns }) => turns.flatMap((turn) => turn.slices));
  return slices.every(({ probeNs = 0 }) => probeNs > 0);
}

/**
 * Returns the turns in which all subjects had quiet slices. A turn counts for all subjects or for
 * none, so that their ratios are of what was measured side by side.
 */
function quietTurns(all: readonly Counted[], quiet: Quiet): number[] {
  const indices = [...new Set(all.flatMap(({ turns }) => turns.map(({ index }) => index)))];
  if (!areProbed(all)) return indices;
  return indices.filter((index) =>
    all.every(({ command, turns }) => {
      const turn = turns.find((own) => own.index === index);
      return turn === undefined || isCut(turn) || quietSlices(quiet, command, turn).length > 0;
    }),
  );
}

/** Returns whether enough turns were quiet, as far as the run knows by now. */
export function isEnough(all: readonly Counted[], plan: Plan, quiet: Quiet): boolean {
  return quietTurns(all, quiet).length >= plan.rounds;
}

/**
 * Decides which rounds count. A run of several comparisons decides again at its end, when the
 * fastest probes are known.
 */
export function countRounds(all: readonly Counted[], plan: Plan, quiet: Quiet): void {
  const isProbed = areProbed(all);
  const indices = new Set(quietTurns(all, quiet));
  const done = Math.max(0, ...all.map(({ turns }) => turns.length));
  const isDisturbed = indices.size < Math.min(done, leastQuiet(plan));
  for (const own of all) {
    own.isDisturbed = isDisturbed;
    const takesAll = (turn: Turn): boolean => isDisturbed || !isProbed || isCut(turn);
    const counting = own.turns.filter((turn) => takesAll(turn) || indices.has(turn.index));
    own.counting = counting.map(({ index }) => index);
    own.rounds = counting.map((turn) =>
      (takesAll(turn) ? turn.slices : quietSlices(quiet, own.command, turn)).reduce(addRounds),
    );
  }
}

export const nsPerOp = (round: RoundAnswer): number => round.ns / round.events;

/** Returns a subject's round in a turn, even in one that does not count. */
function roundIn({ turns, counting, rounds }: Counted, turn: number): RoundAnswer | undefined {
  const counted = rounds[counting.indexOf(turn)];
  return counted ?? turns.find(({ index }) => index === turn)?.slices.reduce(addRounds);
}

/**
 * Returns the ratios of two subjects' times, turn by turn. The only round of a subject that was cut
 * is in a turn that may not count for the other. Subjects that share no turn have the ratio of
 * their medians.
 */
export function ratiosOf(above: Counted, below: Counted): number[] {
  const fewer = above.counting.length < below.counting.length ? above : below;
  const ratios = fewer.counting.flatMap((turn) => {
    const [over, under] = [roundIn(above, turn), roundIn(below, turn)];
    return over === undefined || under === undefined ? [] : [nsPerOp(over) / nsPerOp(under)];
  });
  if (ratios.length > 0) return ratios;
  return [median(above.rounds.map(nsPerOp)) / median(below.rounds.map(nsPerOp))];
}

function addRounds(a: RoundAnswer, b: RoundAnswer): RoundAnswer {
  return {
    ns: a.ns + b.ns,
    events: a.events + b.events,
    isCut: a.isCut || b.isCut,
    probeNs: Math.max(a.probeNs ?? 0, b.probeNs ?? 0),
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
