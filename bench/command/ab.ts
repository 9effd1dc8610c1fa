import type { Command } from "commander";
import { integerBetween } from "../base/integers.js";
import { addKnobs, findKnob, parseKnobValue, readKnobs } from "../base/knobs.js";
import { describeMachine } from "../base/machine.js";
import type { AbCell, AbResult } from "../base/results.js";
import { RunError, type Session, UsageError } from "../base/session.js";
import { type Plan, ROUND_MS, WARMUP_MS } from "../measure/inTurn.js";
import { type KnobValues, runAb } from "../run/ab.js";
import {
  formatInterval,
  formatMegabytes,
  formatNs,
  formatRatio,
  formatSettings,
} from "../term/format.js";
import { addJson, writeResult } from "../term/json.js";
import { paint } from "../term/paint.js";
import { type Column, printTable } from "../term/table.js";
import { describeWorkloads, readWorkloadText } from "../workloads/resolve.js";
import { addPlan, readPlan } from "./plan.js";

const AB_PLAN: Plan = { rounds: 15, roundMs: ROUND_MS, warmupMs: WARMUP_MS, limitMs: 30_000 };
const MAX_CELLS = 64;

interface AbFlags {
  readonly knob: string[];
  readonly workload: string[];
  readonly iterations?: number;
  readonly rounds: number;
  readonly roundMs: number;
  readonly limit: number;
  readonly json?: string;
}

const collect = (text: string, all: string[]): string[] => [...all, text];

export function registerAb(program: Command, session: Session): void {
  const command = program
    .command("ab")
    .description("Measures every combination of knobs in turn, and says which to take.")
    .option("--knob <name=v1,v2,...>", "a knob and its values; may be repeated", collect, [])
    .option("--workload <text>", "a workload with its arguments; may be repeated", collect, [])
    .option("--iterations <n>", "the same as --rounds", integerBetween(1, 10_000))
    .addHelpText("after", EXAMPLE)
    .addHelpText("after", () => describeWorkloads());
  addKnobs(addPlan(addJson(command), AB_PLAN));
  command.action(async (flags: AbFlags) => {
    const knobs = flags.knob.map(readKnobValues);
    if (knobs.length === 0) throw new UsageError("ab takes at least one --knob NAME=V1,V2");
    refuseTwice(knobs, flags);
    const cells = knobs.reduce((product, { values }) => product * values.length, 1);
    if (cells < 2 || cells > MAX_CELLS) {
      throw new UsageError(`these knobs make ${cells} combinations; ab takes 2 to ${MAX_CELLS}`);
    }
    const texts = flags.workload.length === 0 ? ["random-mixed"] : flags.workload;
    const workloads = texts.map(readWorkloadText);
    const options = readKnobs(session.options, flags);
    const plan = readPlan({ ...flags, rounds: flags.iterations ?? flags.rounds });
    const result = await runAb(knobs, workloads, options, plan, session.signal);
    if (writeResult(result, flags.json)) printAb(result);
    if (result.isInterrupted) throw new RunError("interrupted: what was measured is shown above");
  });
}

const EXAMPLE = `
Example:
  hakmem ab --knob SLL_DRAIN_INTERVAL=512,1024,2048 --workload "random-mixed 500000 256 42"`;

/** Refuses a knob that is given twice, or as a flag too: one value would be lost. */
function refuseTwice(knobs: readonly KnobValues[], flags: object): void {
  const names = knobs.map(({ row }) => row.name);
  const twice = knobs.find(
    ({ row }, index) => names.indexOf(row.name) !== index || row.name in flags,
  );
  if (twice !== undefined) throw new UsageError(`${twice.row.env} is given twice`);
}

/** @throws {UsageError} that says what the knob takes. */
function readKnobValues(text: string): KnobValues {
  const [name = "", list, ...rest] = text.split("=");
  if (list === undefined || rest.length > 0) {
    throw new UsageError(`--knob takes NAME=V1,V2,..., not ${text}`);
  }
  const row = findKnob(name);
  const values = list.split(",").map((value) => parseKnobValue(row, value.trim()));
  if (new Set(values).size !== values.length) {
    throw new UsageError(`--knob ${text} has a value twice`);
  }
  return { row, values };
}

const COLUMNS: readonly Column[] = [
  { name: "settings", title: "", align: "left" },
  { name: "ns", title: "ns per op" },
  { name: "mops", title: "M ops/s" },
  { name: "interval", title: "interval" },
  { name: "ratio", title: "/ base" },
  { name: "ratioInterval", title: "interval of it" },
  { name: "slabs", title: "slabs a run" },
  { name: "peak", title: "peak, MB" },
  { name: "user", title: "user, ms" },
  { name: "system", title: "system, ms" },
];

export function printAb(result: AbResult): void {
  console.log(paint("dim", describeMachine(result.machine)));
  for (const { label } of result.workloads) {
    const cells = result.cells.filter(({ workload }) => workload === label);
    if (cells.length === 0) continue;
    console.log(`\n${paint("bold", label)}\n`);
    printTable(COLUMNS, cells.map(toRow));
    const verdict = result.verdicts.find(({ workload }) => workload === label);
    console.log(`\n${paint("bold", "Verdict:")} ${verdict?.sentence ?? "none"}.`);
  }
  for (const note of result.notes) console.log(note);
}

function toRow(cell: AbCell): Record<string, string> {
  const { ratio, opsPerSecond } = cell;
  const isWide = opsPerSecond.confidence >= 0.95;
  const millions = (value: number): string => (value / 1e6).toFixed(1);
  return {
    settings: formatSettings(cell.settings).replaceAll("HAKMEM_TINY_", ""),
    ns: formatNs(cell.nsPerOp.median),
    mops: millions(opsPerSecond.median),
    interval: isWide ? `${millions(opsPerSecond.low)}–${millions(opsPerSecond.high)}` : "-",
    ratio: ratio === null ? "base" : formatRatio(ratio.median),
    ratioInterval: ratio === null ? "" : formatInterval(ratio),
    slabs: cell.slabsOpened.toFixed(1),
    peak: formatMegabytes(cell.peakCommittedBytes),
    user: cell.cpuUserMs.toFixed(0),
    system: cell.cpuSystemMs.toFixed(0),
  };
}
