import { basename } from "node:path";
import { Command } from "commander";
import { parseInteger } from "../base/integers.js";
import type { WorkloadInfo } from "../base/results.js";
import { UsageError } from "../base/session.js";
import { eventsOf, peakOf, type Script, workersOf } from "./script.js";
import { WORKLOADS } from "./table.js";
import { readTrace } from "./traceFile.js";
import type { Parameter, Workload } from "./workload.js";

/** The workload that the user asked for, as the script of its events. */
export interface Resolved {
  readonly script: Script;
  readonly info: WorkloadInfo;
  readonly notes: readonly string[];
}

/** The flags that `addWorkload` adds, as commander hands them over. */
export interface WorkloadFlags {
  readonly workers?: string;
  readonly size?: string;
  readonly seed?: string;
  readonly compat?: boolean;
  readonly tight?: boolean;
}

const DEFAULT_WORKERS = 4;
const MAX_WORKERS = 64;
const MAX_SIZE_BYTES = 2 ** 30;
const MAX_SEED = 2 ** 31 - 1;

/** Gives a command the flags that tune a workload. */
export function addWorkload(command: Command): Command {
  return command
    .option("--workers <n>", "workers that share the events: threads of hakmem over one SharedHeap")
    .option("--size <bytes>", "every request has this size")
    .option("--seed <n>", "seed of the workload's draws")
    .option("--compat", "draw as the original program does")
    .option("--tight", "run the workload's own loop in rounds, not a list of its events");
}

/** Returns the workloads and their arguments, for `--help`. */
export function describeWorkloads(): string {
  const rows = WORKLOADS.map((workload) => {
    const values = workload.parameters.map(({ name, default: value }) => `${name}=${value}`);
    return `  ${[workload.name, ...values].join(" ")}\n      ${workload.sentence}`;
  });
  const replay = "  replay TRACE\n      A recorded trace, .hkt or .hkt.gz: see `hakmem record`.";
  return `\nWorkloads, with their arguments and defaults:\n${[...rows, replay].join("\n")}`;
}

/** @throws {UsageError} for an unknown workload or an argument that it does not take. */
export function readWorkload(
  name: string,
  positional: readonly string[],
  flags: WorkloadFlags = {},
): Resolved {
  if (name === "replay") return readReplay(positional, flags);
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined) {
    const names = [...WORKLOADS.map((candidate) => candidate.name), "replay"].join(", ");
    throw new UsageError(`${name} is no workload; the workloads are ${names}`);
  }
  checkFlags(workload, positional, flags);
  const values = workload.parameters.map((parameter, index) =>
    readParameter(workload, parameter, positional[index], flags),
  );
  const named = (parameter: string): number | undefined =>
    values[workload.parameters.findIndex((candidate) => candidate.name === parameter)];
  const fallback = workload.isForWorkers ? DEFAULT_WORKERS : 1;
  const given = {
    values,
    seed: named("SEED") ?? readFlag("--seed", flags.seed, 0, MAX_SEED) ?? 42,
    size: readFlag("--size", flags.size, 0, MAX_SIZE_BYTES),
    workers: named("WORKERS") ?? readFlag("--workers", flags.workers, 1, MAX_WORKERS) ?? fallback,
    compat: flags.compat === true,
  };
  const script = chooseLoop(name, workload.build(given), flags);
  const size = given.size === undefined ? [] : [`--size ${given.size}`];
  const workers = workload.isForWorkers && named("WORKERS") === undefined;
  const label = [
    name,
    ...values,
    ...size,
    ...(workers ? [`--workers ${given.workers}`] : []),
    ...(given.compat ? ["--compat"] : []),
    ...(flags.tight === true ? ["--tight"] : []),
  ].join(" ");
  const notes = [
    ...(workload.note === undefined ? [] : [workload.note(given)]),
    ...(script.workers === undefined ? [] : [sayWorkers(workersOf(script))]),
  ];
  return { script, info: describe(name, label, workload.sentence, script), notes };
}

/** Reads a workload as it would follow `hakmem bench`. */
export function readWorkloadText(text: string): Resolved {
  const [name = "", ...words] = text.trim().split(/\s+/);
  const parser = addWorkload(new Command()).argument("[arguments...]").exitOverride();
  parser.configureOutput({ writeErr: () => {} });
  try {
    parser.parse(words, { from: "user" });
  } catch (error) {
    throw new UsageError(`--workload "${text}": ${(error as Error).message}`);
  }
  return readWorkload(name, parser.args, parser.opts<WorkloadFlags>());
}

/** Returns the script with its tight loop if the user asked for it, otherwise without. */
function chooseLoop(name: string, built: Script, { tight }: WorkloadFlags): Script {
  const { tight: loop, ...script } = built;
  if (tight !== true) return script;
  if (loop !== undefined) return { ...script, tight: loop };
  throw new UsageError(`${name} --tight takes a power of two of slots, no --size and no --compat`);
}

function sayWorkers(workers: number): string {
  return (
    `hakmem ran ${workers} workers, each a thread, over one SharedHeap; native allocators ran as ` +
    "many threads. ns per op is the time from the common start to the end of the last worker, " +
    "divided by the events of all workers. Peak memory of hakmem is what its heap committed; " +
    "that of the others is the growth of resident memory, the stacks of their threads included."
  );
}

function readReplay(positional: readonly string[], flags: WorkloadFlags): Resolved {
  const [file, ...rest] = positional;
  if (file === undefined || rest.length > 0) {
    throw new UsageError("replay takes one argument, a trace's file (.hkt or .hkt.gz)");
  }
  const given = Object.keys(flags).filter((flag) =>
    ["workers", "size", "seed", "compat", "tight"].includes(flag),
  );
  if (given.length > 0) throw new UsageError(`replay takes no --${given[0]}: a trace is as it is`);
  const trace = readTrace(file);
  const script: Script = { ...trace, repeat: 1, touch: "first" };
  if (trace.eventCount === 0) throw new UsageError(`${file} has no events`);
  const label = `replay ${basename(file).replace(/\.hkt(\.gz)?$/, "")}`;
  return { script, info: describe("replay", label, "A recorded trace.", script), notes: [] };
}

function describe(name: string, label: string, sentence: string, script: Script): WorkloadInfo {
  const { bytes: peakLiveBytes, blocks: peakLiveBlocks } = peakOf(script);
  const events = eventsOf(script);
  const slots = script.slotCount;
  return { name, label, sentence, events, slots, peakLiveBytes, peakLiveBlocks };
}

/** Refuses a flag that means nothing to a workload, because the user would rely on it. */
function checkFlags(workload: Workload, positional: readonly string[], flags: WorkloadFlags): void {
  const { name, parameters, takes, isForWorkers } = workload;
  if (positional.length > parameters.length) {
    const names = parameters.map((parameter) => parameter.name).join(" ");
    throw new UsageError(`${name} takes at most ${parameters.length} arguments: ${names}`);
  }
  const has = (parameter: string): boolean => parameters.some((own) => own.name === parameter);
  if (flags.size !== undefined && !takes.includes("size") && !has("SIZE")) {
    throw new UsageError(`${name} takes no --size`);
  }
  if (flags.seed !== undefined && !has("SEED")) {
    throw new UsageError(`${name} takes no --seed: it draws nothing`);
  }
  if (flags.compat === true && !takes.includes("compat")) {
    throw new UsageError(`${name} takes no --compat: its draws are the original's`);
  }
  if (flags.tight === true && !takes.includes("tight")) {
    throw new UsageError(`${name} takes no --tight: it has no loop of its own`);
  }
  if (flags.workers !== undefined && !isForWorkers) {
    throw new UsageError(`${name} takes no --workers: it is a workload of one worker`);
  }
}

function readParameter(
  workload: Workload,
  { name, default: fallback, min, max }: Parameter,
  text: string | undefined,
  flags: WorkloadFlags,
): number {
  const flag = { WORKERS: flags.workers, SEED: flags.seed, SIZE: flags.size }[name];
  return readFlag(`${workload.name}: ${name}`, flag ?? text, min, max) ?? fallback;
}

function readFlag(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  return text === undefined ? undefined : parseInteger(name, text, min, max);
}
