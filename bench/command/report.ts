import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { Result } from "../base/results.js";
import { RunError, type Session } from "../base/session.js";
import { parseResult } from "../report/check.js";
import { writeReport } from "../report/write.js";
import { formatCount } from "../term/format.js";

interface Flags {
  readonly output: string;
  readonly title?: string;
}

/** Returns null, and writes a line to standard error, if a file holds no result. */
function readResult(file: string): Result | null {
  try {
    return parseResult(readFileSync(file, "utf8"));
  } catch (error) {
    process.stderr.write(`hakmem: ${file}: ${(error as Error).message}\n`);
    return null;
  }
}

function run(files: readonly string[], { output, title }: Flags): void {
  const results = files.map(readResult).filter((result) => result !== null);
  if (results.length === 0) {
    throw new RunError(
      "no file holds a result; bench, ab, tune, profile, inspect write it: --json",
    );
  }
  writeReport(results, output, title);
  const drawn = `${formatCount(results.length)} of ${formatCount(files.length)} results`;
  console.log(`${output}: ${drawn}`);
  if (results.length < files.length) process.exitCode = 1;
}

export function registerReport(program: Command, _session: Session): void {
  program
    .command("report")
    .description("Draws results as one HTML page that needs no network.")
    .argument("<results...>", "JSON files of bench, ab, tune, profile or inspect")
    .option("-o, --output <file>", "the page", "report.html")
    .option("--title <title>", "heading of the page")
    .action((files: string[], flags: Flags) => run(files, flags));
}
