import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Command } from "commander";
import type { Result } from "../base/results.js";
import { RunError } from "../base/session.js";

const SENTENCE = 'write the result as JSON; "-" is standard output, without tables';

/** Gives a command `--json FILE`. Whether FILE can be written is checked before a long run. */
export function addJson(command: Command): Command {
  return command.option("--json <file>", SENTENCE, (file) => {
    try {
      if (file !== "-") accessSync(dirname(resolve(file)), constants.W_OK);
      return file;
    } catch (error) {
      throw new RunError(`cannot write ${file}: ${(error as Error).message}`);
    }
  });
}

/** Writes a result where `--json` says. Returns whether the tables should be printed too. */
export function writeResult(result: Result, file: string | undefined): boolean {
  if (file === undefined) return true;
  const text = `${JSON.stringify(result, null, 1)}\n`;
  if (file === "-") {
    process.stdout.write(text);
    return false;
  }
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new RunError(`cannot write ${file}: ${(error as Error).message}`);
  }
  return true;
}
