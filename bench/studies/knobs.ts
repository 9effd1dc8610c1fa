/**
 * `npm run bench:knobs`: the study from which the defaults of the knobs come. HAKMEM measured its
 * drain interval on working sets of 128 and 256; here, too, and on what uses the knobs. Takes a
 * quarter to half an hour; `npm run bench:knobs -- drain` runs one part.
 */
import { findKnob } from "../base/knobs.js";
import { printAb } from "../command/ab.js";
import { ROUND_MS, WARMUP_MS } from "../measure/inTurn.js";
import { runAb } from "../run/ab.js";
import { readWorkloadText } from "../workloads/resolve.js";
import { traceFileOf } from "../workloads/traces.js";
import { runStudy } from "./study.js";

const REAL = (["redis", "python", "sqlite"] as const).map((name) => `replay ${traceFileOf(name)}`);
const CHURN = ["random-mixed 1000000 65536 42", "larson"];

const STUDIES = [
  {
    name: "drain",
    knob: "SLL_DRAIN_INTERVAL",
    values: [512, 1024, 2048],
    workloads: [
      ...[128, 256].flatMap((size) =>
        [128, 256].map((slots) => `random-mixed 500000 ${slots} 42 --size ${size}`),
      ),
      "random-mixed 500000 128 42",
      "random-mixed 500000 256 42",
      ...REAL,
      ...CHURN,
    ],
  },
  { name: "cap", knob: "FAST_CAP", values: [62, 126, 254, 510], workloads: [...REAL, ...CHURN] },
  {
    name: "hot",
    knob: "REFILL_COUNT_HOT",
    values: [16, 32, 64, 128],
    workloads: [...REAL, ...CHURN],
  },
  {
    name: "mid",
    knob: "REFILL_COUNT_MID",
    values: [8, 16, 32, 64],
    workloads: [...REAL, `replay ${traceFileOf("nginx")}`, ...CHURN],
  },
];
const PLAN = { rounds: 12, roundMs: ROUND_MS, warmupMs: WARMUP_MS, limitMs: 30_000 };

async function main(signal: AbortSignal): Promise<void> {
  const asked = process.argv.slice(2);
  for (const { name, knob, values, workloads } of STUDIES) {
    if (signal.aborted) return;
    if (asked.length > 0 && !asked.includes(name)) continue;
    const knobs = [{ row: findKnob(knob), values }];
    const resolved = workloads.map(readWorkloadText);
    printAb(await runAb(knobs, resolved, {}, PLAN, signal));
    console.log("");
  }
}

runStudy("bench:knobs", main);
