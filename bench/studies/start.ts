/**
 * `npm start`: a recorded trace of a real program and HAKMEM's random-mixed through hakmem, beside
 * what JavaScript programs use today. Takes half a minute, prints tables and leaves report.html.
 */

import type { BenchResult } from "../base/results.js";
import { printBench } from "../command/bench.js";
import { writeReport } from "../report/write.js";
import { runBench } from "../run/bench.js";
import { readWorkload } from "../workloads/resolve.js";

const WORKLOADS = [
  ["replay", "bench/traces/redis.hkt.gz"],
  ["random-mixed", "500000", "256", "42"],
];
const RIVALS = ["buffer", "uint8array"];
const PLAN = { rounds: 6, roundMs: 40, warmupMs: 100, limitMs: 10_000 };
const REPORT = "report.html";

async function main(): Promise<void> {
  const results: BenchResult[] = [];
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  for (const [name = "", ...values] of WORKLOADS) {
    if (controller.signal.aborted) break;
    const workload = readWorkload(name, values);
    const result = await runBench(workload, RIVALS, {}, PLAN, controller.signal);
    printBench(result);
    console.log("");
    results.push(result);
  }
  writeReport(results, REPORT, "hakmem beside what JavaScript programs use");
  console.log(`${REPORT} shows this as plots. \`npx hakmem --help\` has the rest.`);
}

main().catch((error: unknown) => {
  console.error(`npm start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
