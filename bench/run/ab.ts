import type { HeapOptions, OptionRow } from "../../src/index.js";
import { readMachine } from "../base/machine.js";
import type { AbCell, AbResult, AbVerdict } from "../base/results.js";
import { RunError } from "../base/session.js";
import { MIN_ROUNDS, medianInterval, spread } from "../base/statistics.js";
import { type Measured, measureInTurn, nsPerOp, type Plan, ratiosOf } from "../measure/inTurn.js";
import { withScriptFile } from "../measure/scriptFile.js";
import { scriptCommand } from "../measure/subjectProcess.js";
import { DISTURBED } from "../measure/turns.js";
import { formatRatio, formatSettings } from "../term/format.js";
import { startProgress } from "../term/progress.js";
import type { Resolved } from "../workloads/resolve.js";
import { eventsOf } from "../workloads/script.js";

/** A knob, and the values to try. */
export interface KnobValues {
  readonly row: OptionRow;
  readonly values: readonly number[];
}

export type Settings = Readonly<Record<string, number>>;

/** Returns every combination of the knobs' values, the defaults first if they are among them. */
export function combine(knobs: readonly KnobValues[]): Settings[] {
  let all: Settings[] = [{}];
  for (const { row, values } of knobs) {
    all = all.flatMap((settings) => values.map((value) => ({ ...settings, [row.env]: value })));
  }
  const isDefault = (settings: Settings): boolean =>
    knobs.every(({ row }) => settings[row.env] === row.default);
  return [...all.filter(isDefault), ...all.filter((settings) => !isDefault(settings))];
}

export function toOptions(
  knobs: readonly KnobValues[],
  settings: Settings,
  base: Partial<HeapOptions>,
): Partial<HeapOptions> {
  const options: Record<string, number | boolean> = { ...base };
  for (const { row } of knobs) {
    const value = settings[row.env] as number;
    options[row.name] = row.type === "switch" ? value === 1 : value;
  }
  return options as Partial<HeapOptions>;
}

/** Measures every combination on every workload, the combinations of a workload in turn. */
export async function runAb(
  knobs: readonly KnobValues[],
  workloads: readonly Resolved[],
  base: Partial<HeapOptions>,
  plan: Plan,
  signal: AbortSignal,
): Promise<AbResult> {
  const combinations = combine(knobs);
  const progress = startProgress(workloads.length * combinations.length * plan.rounds);
  const cells: AbCell[] = [];
  const verdicts: AbVerdict[] = [];
  const failures: string[] = [];
  let isDisturbed = false;
  try {
    for (const workload of workloads) {
      if (signal.aborted) break;
      const all = await withScriptFile(workload.script, (file) => {
        const commands = combinations.map((settings) => ({
          ...scriptCommand("hakmem", file, toOptions(knobs, settings, base)),
          name: formatSettings(settings),
        }));
        const leastRounds = roundsFor(combinations.length);
        return measureInTurn(commands, { ...plan, leastRounds, counts: true }, progress, signal);
      });
      failures.push(...dropFailed(all, workload));
      isDisturbed ||= all.some((own) => own.isDisturbed);
      const own = toCells(combinations, all, workload);
      cells.push(...own);
      if (own.length > 0) verdicts.push(judge(own, workload.info.label));
    }
  } finally {
    progress.done();
  }
  if (cells.length === 0) throw new RunError(failures[0] ?? "ended before a round was measured");
  return {
    kind: "hakmem ab",
    version: 1,
    machine: readMachine(),
    knobs: knobs.map(({ row, values }) => ({ name: row.env, values })),
    workloads: workloads.map(({ info }) => info),
    cells,
    verdicts,
    notes: [
      ...failures,
      ...new Set(workloads.flatMap(({ notes }) => notes)),
      ...(isDisturbed ? [DISTURBED] : []),
    ],
    isInterrupted: signal.aborted,
    isDisturbed,
  };
}

function toCells(
  combinations: readonly Settings[],
  all: readonly Measured[],
  workload: Resolved,
): AbCell[] {
  const measured = all.flatMap((own, index) =>
    own.rounds.length === 0 ? [] : [{ own, settings: combinations[index] as Settings }],
  );
  const base = measured[0]?.own;
  return measured.map(({ own, settings }): AbCell => {
    const { rounds } = own;
    const times = rounds.map(nsPerOp);
    const sum = (pick: (round: (typeof rounds)[number]) => number): number =>
      rounds.reduce((total, round) => total + pick(round), 0);
    const runs = sum((round) => round.events) / eventsOf(workload.script);
    return {
      settings,
      workload: workload.info.label,
      nsPerOp: spread(times),
      opsPerSecond: medianInterval(times.map((time) => 1e9 / time)),
      ratio:
        base === undefined || own === base
          ? null
          : medianInterval(ratiosOf(base, own), confidenceFor(measured.length)),
      slabsOpened: sum((round) => round.slabsOpened) / runs,
      refills: sum((round) => round.refills) / runs,
      drains: sum((round) => round.drains) / runs,
      peakCommittedBytes: Math.max(...rounds.map((round) => round.peakCommittedBytes ?? 0)),
      cpuUserMs: sum((round) => round.cpuUserUs) / 1000,
      cpuSystemMs: sum((round) => round.cpuSystemUs) / 1000,
      rounds: times,
      probes: rounds.map(({ probeNs }) => probeNs ?? 0),
    };
  });
}

/** Drops the combinations that failed. Returns a line for each. */
function dropFailed(all: readonly Measured[], workload: Resolved): string[] {
  return all.flatMap(({ command, rounds, failure }) => {
    if (failure === null || failure === "interrupted") return [];
    rounds.length = 0;
    return [`${workload.info.label} failed with ${command.name}: ${failure}`];
  });
}

/**
 * Returns the confidence that each interval needs. The more cells are compared with the base, the
 * likelier one of them wins by chance, so the 5 % are divided among them (Bonferroni).
 */
export function confidenceFor(cells: number): number {
  return 1 - 0.05 / Math.max(1, cells - 1);
}

/** Returns the least number of rounds whose interval reaches that confidence. */
function roundsFor(cells: number): number {
  return Math.max(MIN_ROUNDS, Math.ceil(1 - Math.log2(1 - confidenceFor(cells))));
}

/** Recommends the fastest cell whose interval lies above 1, if there is one. */
export function judge(cells: readonly AbCell[], workload: string): AbVerdict {
  const [base, ...others] = cells;
  const enough = roundsFor(cells.length);
  if (cells.some(({ rounds }) => rounds.length < enough)) {
    const sentence = `too few rounds to judge: ${enough} are needed for ${cells.length} cells`;
    return { workload, recommended: null, sentence };
  }
  const better = others.filter(({ ratio }) => ratio !== null && ratio.low > 1);
  const worse = others.filter(({ ratio }) => ratio !== null && ratio.high < 1);
  const [best] = [...better].sort((a, b) => (b.ratio?.median ?? 0) - (a.ratio?.median ?? 0));
  if (best !== undefined && best.ratio !== null) {
    const { median, low, high } = best.ratio;
    const gain = `${formatRatio(median)} (${formatRatio(low)} to ${formatRatio(high)})`;
    const sentence = `recommended: ${formatSettings(best.settings)}, ${gain} of the base`;
    return { workload, recommended: best.settings, sentence };
  }
  const keep = formatSettings(base?.settings ?? {});
  const sentence =
    worse.length === 0
      ? `no significant difference: keep ${keep}`
      : `keep ${keep}: none is better, and ${worse.length} of ${others.length} are slower`;
  return { workload, recommended: worse.length > 0 ? (base?.settings ?? null) : null, sentence };
}
