import { type HeapOptions, OPTION_TABLE, type OptionRow } from "../../src/index.js";
import { readMachine } from "../base/machine.js";
import type { Interval, Spread, TuneResult } from "../base/results.js";
import { RunError } from "../base/session.js";
import {
  isSignificant,
  MIN_ROUNDS,
  median,
  medianInterval,
  pairedRatios,
  spread,
} from "../base/statistics.js";
import {
  estimateMs,
  type Measured,
  measureInTurn,
  nsPerOp,
  type Plan,
  ROUND_MS,
  WARMUP_MS,
} from "../measure/inTurn.js";
import { Quiet } from "../measure/quiet.js";
import { withScriptFile } from "../measure/scriptFile.js";
import { scriptCommand } from "../measure/subjectProcess.js";
import { DISTURBED } from "../measure/turns.js";
import { formatSettings } from "../term/format.js";
import { type Progress, startProgress } from "../term/progress.js";
import type { Resolved } from "../workloads/resolve.js";
import { type Settings, toOptions } from "./ab.js";

/** The knobs in the order of the search, with the values to try, at about equal ratios. */
const SEARCH: Readonly<Partial<Record<keyof HeapOptions, readonly number[]>>> = {
  fastCap: [30, 62, 126, 254, 510, 1022],
  refillCountHot: [8, 16, 32, 64, 128, 254],
  refillCountMid: [4, 8, 16, 32, 64, 128],
  sllDrainInterval: [64, 256, 1024, 4096, 16384, 65536],
};

const SEARCHED: readonly OptionRow[] = Object.keys(SEARCH).flatMap(
  (name) => OPTION_TABLE.find((row) => row.name === name) ?? [],
);
const KNOBS = SEARCHED.map((row) => ({ row, values: SEARCH[row.name] ?? [] }));

const LIMIT_MS = 30_000;
/** Shorter than those of `hakmem bench`: the search only ranks, and its winner is measured anew. */
const SEARCH_PLAN: Plan = { rounds: 3, roundMs: 50, warmupMs: 100, limitMs: LIMIT_MS };
const MAX_FINAL_ROUNDS = 40;
/** The share of the budget that is kept for the last comparison. */
const FINAL_SHARE = 0.3;

/** Plans the last comparison, with as many rounds as the budget allows. */
function planFinal(budgetMs: number): Plan {
  const plan = { rounds: 1, roundMs: ROUND_MS, warmupMs: WARMUP_MS, limitMs: LIMIT_MS };
  const rounds = Math.floor((budgetMs * FINAL_SHARE) / estimateMs(2, plan));
  const planned = Math.min(MAX_FINAL_ROUNDS, Math.max(MIN_ROUNDS, rounds));
  return { ...plan, rounds: planned, mostRounds: planned };
}

interface Tried {
  readonly settings: Settings;
  readonly times: number[];
}

/**
 * Searches knob by knob. A knob's values are measured in turn, the slower half leaves, and the rest
 * are measured again until one is left. The best is then compared with the defaults in new
 * rounds, because the figures of the search flatter the winner.
 */
export async function runTune(
  workload: Resolved,
  base: Partial<HeapOptions>,
  budgetMs: number,
  signal: AbortSignal,
): Promise<TuneResult> {
  const defaults = readDefaults(base);
  const tried = new Map<string, Tried>();
  const end = performance.now() + budgetMs;
  const search = within(budgetMs * (1 - FINAL_SHARE), signal);
  const progress = startProgress(1);
  let best = defaults;
  let final: { gain: Interval; isBetter: boolean } | undefined;
  let isEarly = false;
  let isDisturbed = false;
  try {
    await withScriptFile(workload.script, async (file) => {
      const bar = showTime(progress, budgetMs);
      const quiet = new Quiet();
      const measure = async (
        all: readonly Settings[],
        plan: Plan,
        stage: AbortSignal,
      ): Promise<number[][]> => {
        const commands = all.map((settings) => ({
          ...scriptCommand("hakmem", file, toOptions(KNOBS, settings, base)),
          name: formatSettings(settings).replaceAll("HAKMEM_TINY_", ""),
        }));
        const measured = await measureInTurn(commands, plan, bar, stage, { quiet });
        isDisturbed ||= measured.some((own) => own.isDisturbed);
        return all.map((_, index) => timesOf(measured[index]));
      };
      for (const { row, values } of KNOBS) {
        const others = values.filter((value) => value !== best[row.env]);
        const candidates = [best, ...others.map((value) => ({ ...best, [row.env]: value }))];
        best = await halve(candidates, tried, search, (left, plan) => measure(left, plan, search));
        isEarly ||= search.aborted;
      }
      if (best !== defaults && !signal.aborted) {
        const stage = within(end - performance.now(), signal);
        final = compare(await measure([defaults, best], planFinal(budgetMs), stage));
      }
    });
  } finally {
    progress.done();
  }
  if (tried.size === 0) {
    throw new RunError("ended before a round of every value was measured; give it more --budget");
  }
  const isBetter = final?.isBetter === true;
  return {
    kind: "hakmem tune",
    version: 1,
    machine: readMachine(),
    workload: workload.info,
    tried: [...tried.values()].map(({ settings, times }) => toTried(settings, times)),
    defaults,
    isComplete: !isEarly && (best === defaults || final !== undefined),
    best: isBetter ? best : null,
    gain: final?.gain ?? null,
    notes: [
      ...workload.notes,
      ...(isEarly && !signal.aborted ? [EARLY] : []),
      ...(best !== defaults && final === undefined ? [uncompared(best)] : []),
      ...(isDisturbed ? [DISTURBED] : []),
      ...(final !== undefined && !isBetter
        ? [`${formatSettings(best)} was the best of the search.`]
        : []),
    ],
    isInterrupted: signal.aborted,
    isDisturbed,
  };
}

const EARLY = "The time ended before all knobs were searched: give it more --budget.";

function uncompared(best: Settings): string {
  return `${formatSettings(best)} led the search but was not compared with the defaults.`;
}

/** Returns a signal that is aborted with another one, or after so many ms. */
function within(ms: number, signal: AbortSignal): AbortSignal {
  // In Node 20 the collector takes a timeout from AbortSignal.any, which then never fires.
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  setTimeout(abort, Math.max(0, ms)).unref();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  return controller.signal;
}

function readDefaults(base: Partial<HeapOptions>): Settings {
  return Object.fromEntries(
    SEARCHED.map(({ name, env, default: value }) => [env, Number(base[name] ?? value)]),
  );
}

/**
 * Measures candidates, and drops the slower half each time, until one is left. If the time ends
 * first, returns the leader of the last measurement in which every value had a round.
 */
async function halve(
  candidates: readonly Settings[],
  tried: Map<string, Tried>,
  stage: AbortSignal,
  measure: (all: readonly Settings[], plan: Plan) => Promise<number[][]>,
): Promise<Settings> {
  let left = [...candidates];
  let plan = SEARCH_PLAN;
  while (left.length > 1 && !stage.aborted) {
    const times = await measure(left, plan);
    const ranked = left
      .map((settings, index) => ({ settings, times: times[index] ?? [] }))
      .filter((own) => own.times.length > 0)
      .sort((a, b) => median(a.times) - median(b.times));
    for (const own of ranked) {
      const key = formatSettings(own.settings);
      const before = tried.get(key)?.times ?? [];
      tried.set(key, { settings: own.settings, times: [...before, ...own.times] });
    }
    const rounds = Math.min(...left.map((_, index) => times[index]?.length ?? 0));
    if (rounds === 0) break;
    left = ranked.slice(0, Math.floor(left.length / 2)).map(({ settings }) => settings);
    // The budget is a time: a disturbed machine gets no turns beyond those planned.
    plan = { ...plan, rounds: 2 * plan.rounds, mostRounds: 2 * plan.rounds };
  }
  return left[0] ?? (candidates[0] as Settings);
}

function timesOf(measured: Measured | undefined): number[] {
  if (measured === undefined) return [];
  const { failure, command, rounds } = measured;
  if (failure !== null && failure !== "interrupted") {
    throw new RunError(`${command.name}: ${failure}`);
  }
  return rounds.map(nsPerOp);
}

function compare([defaults = [], best = []]: number[][]):
  | { gain: Interval; isBetter: boolean }
  | undefined {
  const ratios = pairedRatios(defaults, best);
  if (ratios.length < MIN_ROUNDS) return undefined;
  const gain = medianInterval(ratios);
  return { gain, isBetter: isSignificant(gain) && gain.median > 1 };
}

function toTried(settings: Settings, times: readonly number[]): TuneResult["tried"][number] {
  const nsSpread: Spread = spread(times);
  return { settings, nsPerOp: nsSpread, rounds: times.length };
}

/** Returns a bar that shows how much of the budget has gone. */
function showTime(progress: Progress, budgetMs: number): Progress {
  const start = performance.now();
  const step = (text: string): void => {
    progress.show((performance.now() - start) / budgetMs, text);
  };
  return { ...progress, step };
}
