/**
 * `npm run bench:agreement -- redis`: asks `hakmem bench` and `bench:native` one question, how the
 * natives do on a trace, and shows both answers side by side. They agree if the intervals of their
 * ratios overlap; with fewer than 6 turns there are no such intervals.
 */
import { parseArgs } from "node:util";
import type { Interval } from "../base/results.js";
import { BENCH_PLAN } from "../command/bench.js";
import { Quiet } from "../measure/quiet.js";
import { Subjects } from "../measure/subjects.js";
import { runBench } from "../run/bench.js";
import { formatInterval, formatRatio } from "../term/format.js";
import { startProgress } from "../term/progress.js";
import { printRows } from "../term/table.js";
import { readWorkload } from "../workloads/resolve.js";
import { checkWhole } from "./arguments.js";
import { listCases } from "./native/cases.js";
import { measureCase, ratioOf } from "./native/measure.js";
import { printMachine, runStudy } from "./study.js";

const RIVALS = ["mimalloc", "glibc"];
const ROUNDS = 14;

type Answers = ReadonlyMap<string, Interval>;

async function askBench(trace: string, turns: number, signal: AbortSignal): Promise<Answers> {
  const workload = readWorkload("replay", [`bench/traces/${trace}.hkt.gz`]);
  const plan = { ...BENCH_PLAN, rounds: turns };
  const { subjects } = await runBench(workload, RIVALS, {}, plan, signal);
  return new Map(
    subjects.flatMap(({ name, ratio }) => (ratio === null ? [] : [[name, ratio] as const])),
  );
}

async function askNative(trace: string, turns: number, signal: AbortSignal): Promise<Answers> {
  const entry = listCases(1).find(({ group, name }) => group === "trace" && name === trace);
  if (entry === undefined) throw new Error(`${trace} is no trace of bench:native`);
  const subjects = await Subjects.find(["hakmem", ...RIVALS]);
  const progress = startProgress(turns * subjects.names.length);
  const common = { turns, rounds: ROUNDS, quiet: new Quiet(), progress, signal };
  const [own, ...rivals] = await measureCase(entry, { ...common, subjects });
  progress.done();
  if (own === undefined) return new Map();
  return new Map(rivals.map((rival) => [rival.command.name, ratioOf(rival, own)]));
}

function toRow(trace: string, rival: string, bench: Answers, native: Answers): string[] {
  const [ours, theirs] = [bench.get(rival), native.get(rival)];
  if (ours === undefined || theirs === undefined) return [`${trace}, ${rival}`, "", "", "", "", ""];
  const isAgreed = ours.low <= theirs.high && theirs.low <= ours.high;
  const show = (ratio: Interval): string[] => [formatRatio(ratio.median), formatInterval(ratio)];
  return [`${trace}, ${rival}`, ...show(ours), ...show(theirs), isAgreed ? "yes" : "no"];
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { turns: { type: "string", default: "10" } },
    allowPositionals: true,
  });
  checkWhole(values, ["turns"]);
  const turns = Number(values.turns);
  const { signal } = new AbortController();
  const rows: string[][] = [];
  for (const trace of positionals.length === 0 ? ["redis"] : positionals) {
    const native = await askNative(trace, turns, signal);
    const bench = await askBench(trace, turns, signal);
    for (const rival of RIVALS) rows.push(toRow(trace, rival, bench, native));
  }
  printMachine(`${turns} turns`);
  const interval = "95 % interval";
  const titles = ["rival / hakmem", "hakmem bench", interval, "bench:native", interval, "agree"];
  printRows("One question, two commands", titles, rows);
}

runStudy("agreement", main);
