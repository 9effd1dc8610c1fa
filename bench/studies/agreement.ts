/**
 * `npm run bench:agreement -- redis`: asks `hakmem bench` and `bench:native` one question, how the
 * native allocators do on a trace, and shows both answers side by side. They agree if the 95 %
 * intervals of their ratios overlap. Fewer than 6 turns have no such intervals, and no answer.
 */
import { parseArgs } from "node:util";
import type { Interval } from "../base/results.js";
import { BENCH_PLAN } from "../command/plan.js";
import { Quiet } from "../measure/quiet.js";
import { Subjects } from "../measure/subjects.js";
import { runBench } from "../run/bench.js";
import { formatInterval, formatRatio } from "../term/format.js";
import { startProgress } from "../term/progress.js";
import { printRows } from "../term/table.js";
import { readWorkload } from "../workloads/resolve.js";
import { TRACES, traceFileOf } from "../workloads/traces.js";
import { checkWhole } from "./arguments.js";
import { listCases } from "./native/cases.js";
import { measureCase, ratioOf } from "./native/measure.js";
import { printMachine, runStudy } from "./study.js";

const RIVALS = ["mimalloc", "glibc"];
const ROUNDS = 14;

const HELP = `usage: npm run bench:agreement -- [options] [TRACE...]

  --turns N  turns of each command (default 10); fewer than 6 have no 95 % interval
  --help

A TRACE is one of bench:native, such as redis, which is the default.
`;

type Trace = (typeof TRACES)[number];

/** @throws Error for a name that is none of a trace. */
function readTraceName(name: string): Trace {
  const trace = TRACES.find((own) => own === name);
  if (trace !== undefined) return trace;
  throw new Error(`${name} is no trace; the traces are ${TRACES.join(", ")}`);
}

type Answers = ReadonlyMap<string, Interval>;

async function askBench(trace: Trace, turns: number, signal: AbortSignal): Promise<Answers> {
  const workload = readWorkload("replay", [traceFileOf(trace)]);
  const plan = { ...BENCH_PLAN, rounds: turns };
  const { subjects } = await runBench(workload, RIVALS, {}, plan, signal);
  return new Map(
    subjects.flatMap(({ name, ratio }) => (ratio === null ? [] : [[name, ratio] as const])),
  );
}

async function askNative(trace: Trace, turns: number, signal: AbortSignal): Promise<Answers> {
  const entry = listCases(1).find(({ group, name }) => group === "trace" && name === trace);
  if (entry === undefined) throw new Error(`${trace} is no trace of bench:native`);
  const subjects = await Subjects.find(["hakmem", ...RIVALS]);
  const progress = startProgress(turns * subjects.names.length);
  const common = { turns, rounds: ROUNDS, quiet: new Quiet(), progress, signal };
  try {
    const [own, ...rivals] = await measureCase(entry, { ...common, subjects });
    if (own === undefined) return new Map();
    return new Map(rivals.map((rival) => [rival.command.name, ratioOf(rival, own)]));
  } finally {
    progress.done();
  }
}

function toRow(trace: string, rival: string, bench: Answers, native: Answers): string[] {
  const [ours, theirs] = [bench.get(rival), native.get(rival)];
  if (ours === undefined || theirs === undefined) return [`${trace}, ${rival}`, "", "", "", "", ""];
  const isOverlap = ours.low <= theirs.high && theirs.low <= ours.high;
  const areIntervals = Math.min(ours.confidence, theirs.confidence) >= 0.95;
  const isAgreed = areIntervals ? (isOverlap ? "yes" : "no") : "-";
  const show = (ratio: Interval): string[] => [formatRatio(ratio.median), formatInterval(ratio)];
  return [`${trace}, ${rival}`, ...show(ours), ...show(theirs), isAgreed];
}

async function main(signal: AbortSignal): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      turns: { type: "string", default: "10" },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return console.log(HELP);
  checkWhole(values, ["turns"]);
  const turns = Number(values.turns);
  const rows: string[][] = [];
  const traces = (positionals.length === 0 ? ["redis"] : positionals).map(readTraceName);
  for (const trace of traces) {
    if (signal.aborted) break;
    const native = await askNative(trace, turns, signal);
    const bench = await askBench(trace, turns, signal);
    for (const rival of RIVALS) rows.push(toRow(trace, rival, bench, native));
  }
  printMachine(`${turns} turns`);
  const interval = "95 % interval";
  const titles = ["rival / hakmem", "hakmem bench", interval, "bench:native", interval, "agree"];
  printRows("One question, two commands", titles, rows);
}

runStudy("bench:agreement", main);
