import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { integerBetween } from "../base/integers.js";
import { addKnobs, readKnobs } from "../base/knobs.js";
import { describeMachine, readMachine } from "../base/machine.js";
import type { ProfiledFunction, ProfileResult } from "../base/results.js";
import { RunError, type Session } from "../base/session.js";
import { type Change, compareFunctions, compareSides, readBefore } from "../profile/compare.js";
import { reportProfile, standardError, Z_95 } from "../profile/report.js";
import { profileWorkload } from "../profile/run.js";
import { isAllocator } from "../profile/sides.js";
import type { V8Profile } from "../subject/v8.js";
import { formatCount, formatPercent } from "../term/format.js";
import { addJson, writeResult } from "../term/json.js";
import { paint } from "../term/paint.js";
import { startProgress } from "../term/progress.js";
import { type Column, printTable } from "../term/table.js";
import { addWorkload, readWorkload, type WorkloadFlags } from "../workloads/resolve.js";

const TOP = 10;
const SECONDS = 5;
const INTERVAL_US = 200;

interface Flags extends WorkloadFlags {
  readonly before?: string;
  readonly cpuprofile?: string;
  readonly json?: string;
  readonly seconds: number;
  readonly interval: number;
}

const NOTE =
  "A benchmark does little but allocate and free: a program's shares of the allocator are smaller.";

export function registerProfile(program: Command, session: Session): void {
  const command = program
    .command("profile")
    .description(
      "Shows where a workload's time goes, function by function, and when to stop optimising.",
    )
    .argument("<workload>", "as for bench")
    .argument("[args...]", "the workload's arguments")
    .option("--before <file>", "compare with an earlier --json or --cpuprofile file")
    .option("--cpuprofile <file>", "write V8's profile, for the browser's developer tools")
    .option("--seconds <n>", "how long, after a warm-up", integerBetween(1, 3600), SECONDS)
    .option("--interval <µs>", "between two samples", integerBetween(50, 100_000), INTERVAL_US);
  addKnobs(addWorkload(addJson(command))).action(
    async (workload: string, positional: string[], flags: Flags) => {
      await run(workload, positional, flags, session);
    },
  );
}

async function run(
  name: string,
  positional: readonly string[],
  flags: Flags,
  session: Session,
): Promise<void> {
  const knobs = readKnobs(session.options, flags);
  const { script, info, notes } = readWorkload(name, positional, flags);
  const subject = { machine: readMachine(), workload: info, notes: [...notes, NOTE] };
  const before = flags.before === undefined ? null : readBefore(flags.before, subject);
  const progress = startProgress(1);
  progress.step(`profiling ${info.label}`);
  let profile: V8Profile;
  try {
    profile = await profileWorkload(script, knobs, flags.seconds, flags.interval, session.signal);
  } finally {
    progress.done();
  }
  if (flags.cpuprofile !== undefined) writeProfile(flags.cpuprofile, profile);
  const result = reportProfile(profile, subject);
  if (writeResult(result, flags.json)) {
    printProfile(result);
    if (before !== null) printChanges(before, result);
  }
  if (session.signal.aborted) throw new RunError("interrupted: what was sampled is shown above");
}

function writeProfile(file: string, profile: V8Profile): void {
  try {
    writeFileSync(file, JSON.stringify(profile));
  } catch (error) {
    throw new RunError(`cannot write ${file}: ${(error as Error).message}`);
  }
}

function printProfile(result: ProfileResult): void {
  const { functions, samples, shares, workload } = result;
  console.log(paint("bold", `hakmem profile: ${workload.label}`));
  console.log(describeMachine(result.machine));
  console.log(
    `${formatCount(samples)} samples, ${(result.sampledMs / 1000).toFixed(1)} s of CPU\n`,
  );
  const columns: Column[] = [
    { name: "name", title: "function", align: "left" },
    { name: "at", title: "at", align: "left" },
    { name: "side", title: "side", align: "left" },
    { name: "self", title: "self ms" },
    { name: "share", title: "share" },
    { name: "error", title: "±" },
  ];
  printTable(
    columns,
    functions.slice(0, TOP).map((own) => toRow(own, samples)),
  );
  const sum = shares.allocation + shares.free + shares.shared;
  const parts = (["allocation", "free", "shared"] as const).map(
    (side) => `${side} ${formatPercent(shares[side])}`,
  );
  console.log(`\nallocator ${formatPercent(sum)}: ${parts.join(", ")}`);
  const others = (["workload", "collector", "program"] as const).map(
    (side) => `${side} ${formatPercent(shares[side])}`,
  );
  console.log(others.join(", "));
  if (result.caution !== null) console.log(paint("yellow", `\n${result.caution}`));
  console.log(`\n${paint("bold", result.verdict)}`);
  for (const note of result.notes) console.log(paint("dim", note));
}

function toRow({ name, at, side, selfMs, share }: ProfiledFunction, samples: number) {
  return {
    name: isAllocator(side) ? paint("bold", name) : name,
    at,
    side,
    self: selfMs.toFixed(0),
    share: formatPercent(share),
    error: formatPercent(Z_95 * standardError(share, samples)),
  };
}

function printChanges(before: ProfileResult, after: ProfileResult): void {
  console.log(paint("bold", "\nBefore and after:\n"));
  const columns: Column[] = [
    { name: "name", title: "function or side", align: "left" },
    { name: "before", title: "before" },
    { name: "after", title: "after" },
    { name: "points", title: "points" },
    { name: "beyond", title: "beyond sampling error", align: "left" },
  ];
  const functions = compareFunctions(before, after).slice(0, TOP).map(toChangeRow);
  const sides = compareSides(before, after).map((change) => {
    const row = toChangeRow(change);
    return { ...row, name: `all ${row.name}` };
  });
  printTable(columns, [...functions, ...sides]);
  if (before.workload.label !== after.workload.label) {
    const labels = `${before.workload.label}, not ${after.workload.label}`;
    console.log(paint("yellow", `The earlier profile is of another workload: ${labels}.`));
  }
  const caution =
    "A share falls too when other functions grow; runs differ by more than samples do.";
  console.log(paint("dim", caution));
}

function toChangeRow({ name, before, after, difference, isSignificant }: Change) {
  const points = `${difference < 0 ? "−" : "+"}${(100 * Math.abs(difference)).toFixed(1)}`;
  return {
    name,
    before: formatPercent(before),
    after: formatPercent(after),
    points,
    beyond: isSignificant ? "yes" : "no",
  };
}
