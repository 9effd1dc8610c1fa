import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { integerBetween } from "../base/integers.js";
import { RunError, type Session } from "../base/session.js";
import { showGain } from "../record/gain.js";
import { commandLineOf, type Exit, runProgram } from "../record/program.js";
import type { RecordReport } from "../record/settings.js";
import { printSummary, type RecordResult, shorten, summarize } from "../record/summary.js";
import { addJson } from "../term/json.js";

const TRACE = "trace.hkt.gz";

interface Flags {
  readonly output: string;
  readonly every: number;
  readonly json?: string;
}

function writeFile(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new RunError(`cannot write ${file}: ${(error as Error).message}`);
  }
}

/** Better now than after the program has run for an hour. */
function checkWritable(out: string): void {
  try {
    rmSync(mkdtempSync(join(dirname(out), ".hakmem-")), { recursive: true });
  } catch (error) {
    throw new RunError(`cannot write ${out}: ${(error as Error).message}`);
  }
}

async function recordProgram(
  program: readonly string[],
  flags: Flags,
  session: Session,
): Promise<{ exit: Exit; report: RecordReport | undefined }> {
  const folder = mkdtempSync(join(tmpdir(), "hakmem-record-"));
  const report = join(folder, "report.json");
  const nodeOptions = process.env.NODE_OPTIONS ?? null;
  const settings = { out: resolve(flags.output), report, every: flags.every, nodeOptions };
  try {
    const exit = await runProgram(program, settings, session, flags.json === "-");
    return { exit, report: readReport(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Undefined if the program was killed, or ended before recording could start. */
function readReport(file: string): RecordReport | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as RecordReport;
  } catch {
    return undefined;
  }
}

function describeEnd({ code, signal }: Exit): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}

async function record(program: readonly string[], flags: Flags, session: Session): Promise<void> {
  commandLineOf(program);
  checkWritable(resolve(flags.output));
  const { exit, report } = await recordProgram(program, flags, session);
  const end = describeEnd(exit);
  if (report === undefined) throw new RunError(`nothing recorded: the program ${end}`);
  const [failure] = report.errors;
  if (failure !== undefined) throw new RunError(failure);
  const [first] = report.traces;
  if (first === undefined) {
    throw new RunError(`nothing recorded: the program ${end} and made no heap and no buffer`);
  }
  const result: RecordResult = {
    kind: "hakmem record",
    version: 1,
    program,
    exitCode: exit.code,
    signal: exit.signal,
    traces: summarize(report.traces),
    sites: report.sites,
    heapsLeftOut: report.heapsLeftOut,
  };
  const json = `${JSON.stringify(result, null, 1)}\n`;
  if (flags.json === "-") process.stdout.write(json);
  else {
    if (flags.json !== undefined) writeFile(flags.json, json);
    printSummary(result);
  }
  // A server is recorded until Ctrl-C. However it ends then, it has not failed.
  const hasFailed = exit.code !== 0 && !session.signal.aborted;
  if (hasFailed) throw new RunError(`the program ${end}; its trace was written all the same`);
  if (flags.json !== "-") await showGain(shorten(first.file), session);
}

export function registerRecord(program: Command, session: Session): void {
  const command = program
    .command("record")
    .description("Runs a program of Node and records what it allocates, as a trace to replay.")
    .usage("[options] -- node app.js [args...]")
    .argument("<program...>", "node with its arguments, or a script")
    .option("-o, --output <file>", "the trace's file; compressed if it ends with .gz", TRACE)
    .option("--every <n>", "take a stack of one in so many buffers", integerBetween(1, 1e6), 16);
  addJson(command).action((words: string[], flags: Flags) => record(words, flags, session));
}
