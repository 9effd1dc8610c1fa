import { writeFileSync } from "node:fs";
import { describeMachine, readMachine } from "../base/machine.js";
import type { Figures } from "../measure/figures.js";

/** Runs a study's main function. What goes wrong is said in one line that names the study. */
export function runStudy(name: string, main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(`bench:${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
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
