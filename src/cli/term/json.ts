import { writeFileSync } from "node:fs";
import type { Result } from "../results.js";
import { RunError } from "../session.js";

export const JSON_FLAG = "--json <file>";
export const JSON_SENTENCE = 'write the result as JSON; "-" is standard output, without tables';

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
