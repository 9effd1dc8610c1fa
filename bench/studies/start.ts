/**
 * `npm start`: a recorded trace of a real program and HAKMEM's random-mixed through hakmem, beside
 * what JavaScript programs use today. Takes less than a minute, prints tables, and leaves
 * report.html.
 */
import type { BenchResult } from "../base/results.js";
import { printBench } from "../command/bench.js";
import { writeReport } from "../report/write.js";
import { USUAL_RIVALS } from "../rivals/table.js";
import { runBench } from "../run/bench.js";
import { readWorkload } from "../workloads/resolve.js";
import { traceFileOf } from "../workloads/traces.js";
import { runStudy } from "./study.js";

const WORKLOADS = [
  ["replay", traceFileOf("redis")],
  ["random-mixed", "500000", "256", "42"],
];
/** Shorter than in `hakmem bench`, because whoever tries the project first must not wait. */
const PLAN = { rounds: 6, mostRounds: 6, roundMs: 40, warmupMs: 150, limitMs: 10_000 };
const REPORT = "report.html";

async function main(signal: AbortSignal): Promise<void> {
  const results: BenchResult[] = [];
  for (const [name = "", ...values] of WORKLOADS) {
    if (signal.aborted) break;
    const workload = readWorkload(name, values);
    const result = await runBench(workload, USUAL_RIVALS, {}, PLAN, signal);
    printBench(result);
    console.log("");
    results.push(result);
  }
  writeReport(results, REPORT, "hakmem beside what JavaScript programs use");
  console.log(`${REPORT} shows this as plots. \`npx hakmem --help\` has the rest.`);
}

runStudy("npm start", main);
