import { existsSync } from "node:fs";
import type { Command } from "commander";
import { OPTION_TABLE } from "../../src/index.js";
import { integerBetween } from "../base/integers.js";
import { addKnobs, readKnobs } from "../base/knobs.js";
import { describeMachine } from "../base/machine.js";
import type { TuneResult } from "../base/results.js";
import { RunError, type Session } from "../base/session.js";
import { runTune } from "../run/tune.js";
import { formatNs, formatRatio, formatSettings } from "../term/format.js";
import { addJson, writeResult } from "../term/json.js";
import { paint } from "../term/paint.js";
import { type Column, printTable } from "../term/table.js";
import { readWorkload, readWorkloadText } from "../workloads/resolve.js";

const DEFAULT_BUDGET_S = 60;
const SHOWN_SETTINGS = 8;

interface TuneFlags {
  readonly budget: number;
  readonly json?: string;
}

export function registerTune(program: Command, session: Session): void {
  const command = program
    .command("tune")
    .description("Searches the knobs that suit a recorded trace, or a workload, best.")
    .argument("<trace>", 'a trace\'s file, or a workload in quotes: "random-mixed 500000 256 42"')
    .option("--budget <s>", "time to spend", integerBetween(10, 86_400), DEFAULT_BUDGET_S);
  addKnobs(addJson(command));
  command.action(async (text: string, flags: TuneFlags) => {
    const workload = existsSync(text) ? readWorkload("replay", [text]) : readWorkloadText(text);
    const options = readKnobs(session.options, flags);
    const result = await runTune(workload, options, 1000 * flags.budget, session.signal);
    if (writeResult(result, flags.json)) printTune(result);
    if (result.isInterrupted) throw new RunError("interrupted: what was measured is shown above");
  });
}

const COLUMNS: readonly Column[] = [
  ...OPTION_TABLE.filter(({ type, name }) => type === "integer" && name !== "capacity").map(
    ({ env }) => ({ name: env, title: env.replace("HAKMEM_TINY_", "") }),
  ),
  { name: "ns", title: "ns per op" },
  { name: "spread", title: "quartiles" },
  { name: "rounds", title: "rounds" },
];

function printTune(result: TuneResult): void {
  console.log(`${paint("bold", result.workload.label)}  ${describeMachine(result.machine)}`);
  const ranked = [...result.tried].sort((a, b) => a.nsPerOp.median - b.nsPerOp.median);
  const shown = ranked.slice(0, SHOWN_SETTINGS);
  console.log(`\nThe best ${shown.length} of ${ranked.length} settings, as the search saw them:\n`);
  printTable(
    COLUMNS,
    shown.map(({ settings, nsPerOp, rounds }) => ({
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, `${value}`])),
      ns: formatNs(nsPerOp.median),
      spread: `${formatNs(nsPerOp.low)}–${formatNs(nsPerOp.high)}`,
      rounds: String(rounds),
    })),
  );
  console.log(`\n${paint("bold", "Verdict:")} ${toVerdict(result)}`);
  for (const note of result.notes) console.log(note);
}

function toVerdict({ best, gain, defaults, isComplete }: TuneResult): string {
  if (gain === null) {
    return isComplete
      ? `keep ${formatSettings(defaults)}: it was the best of the search.`
      : "none, since nothing was compared with the settings it began with.";
  }
  const interval =
    `${formatRatio(gain.median)} the speed of the settings it began with ` +
    `(95 % interval ${formatRatio(gain.low)} to ${formatRatio(gain.high)}, measured anew)`;
  if (best === null) {
    return `keep ${formatSettings(defaults)}: the best setting of the search has ${interval}.`;
  }
  const changed = Object.entries(best).filter(([name, value]) => defaults[name] !== value);
  const lines = changed.map(([name, value]) => `  export ${name}=${value}`);
  return `${interval}. To use it:\n\n${lines.join("\n")}\n`;
}
