import { writeFileSync } from "node:fs";
import { describeMachine, readMachine } from "../base/machine.js";
import type { Figures } from "../measure/figures.js";
import type { Quiet } from "../measure/quiet.js";
import type { Progress } from "../term/progress.js";

/** The longest that a pass of a study may take. */
export const LIMIT_MS = 60_000;

/** What a study that measures scripts in turn hands to each of its cases. */
export interface StudyRun {
  readonly turns: number;
  /** Slices of a process's round: those of all subjects alternate. */
  readonly rounds: number;
  readonly quiet: Quiet;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Runs a study's main function. Ctrl-C aborts the signal, and a second one ends the study at once.
 * What goes wrong is said in one line that names the study.
 */
export function runStudy(name: string, main: (signal: AbortSignal) => Promise<void>): void {
  const controller = new AbortController();
  const { signal } = controller;
  process.on("SIGINT", () => {
    if (signal.aborted) process.exit(1);
    controller.abort();
  });
  // A reader that stops early, such as `head`, is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  main(signal).then(
    () => {
      if (signal.aborted) fail(name, "interrupted");
    },
    (error: unknown) => {
      // What an interrupted process says is not what went wrong.
      const message = error instanceof Error ? error.message : String(error);
      fail(name, signal.aborted ? "interrupted" : message);
    },
  );
}

function fail(name: string, message: string): void {
  console.error(`${name}: ${message}`);
  process.exitCode = 1;
}

/** Prints what the tables below were measured on, and how. */
export function printMachine(how: string): void {
  console.log(`${describeMachine(readMachine())}; ${how}`);
}

/** Writes all figures where `--json` says, if it was given. */
export function writeFigures(file: string | undefined, figures: Figures): void {
  if (file === undefined) return;
  writeFileSync(file, `${JSON.stringify({ machine: readMachine(), figures }, null, 1)}\n`);
}
