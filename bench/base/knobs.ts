import type { Command } from "commander";
import {
  type HeapOptions,
  OPTION_SENTENCES,
  OPTION_TABLE,
  type OptionRow,
} from "../../src/index.js";
import { parseInteger } from "./integers.js";
import { UsageError } from "./session.js";

/** `sllDrainInterval` becomes `--sll-drain-interval`. */
function flagOf(row: OptionRow): string {
  return `--${row.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Finds a knob by its option, flag or variable, the last with or without `HAKMEM_[TINY_]`. */
export function findKnob(name: string): OptionRow {
  const wanted = name.toUpperCase().replace(/-/g, "_");
  const row = OPTION_TABLE.find(
    (candidate) =>
      candidate.name === name ||
      flagOf(candidate) === name ||
      ["", "HAKMEM_", "HAKMEM_TINY_"].some((prefix) => candidate.env === prefix + wanted),
  );
  if (row !== undefined) return row;
  const names = OPTION_TABLE.map((candidate) => candidate.env).join(", ");
  throw new UsageError(`${name} is no knob; the knobs are ${names}`);
}

/** @throws {UsageError} that says what the knob takes. */
export function parseKnobValue(row: OptionRow, text: string, name: string = row.env): number {
  return parseInteger(name, text, row.min, row.max);
}

/** Gives a command a flag for every knob; `readKnobs` reads them. */
export function addKnobs(command: Command): Command {
  for (const row of OPTION_TABLE) {
    const sentence = `${OPTION_SENTENCES[row.name]} [${row.env}, default ${row.default}]`;
    command.option(`${flagOf(row)} <${row.type === "switch" ? "0|1" : row.unit}>`, sentence);
  }
  return command;
}

/** Returns the knobs of the environment, overridden by those of the flags. */
export function readKnobs(fromEnv: Partial<HeapOptions>, flags: object): Partial<HeapOptions> {
  const texts = flags as Readonly<Record<string, unknown>>;
  const options: Record<string, number | boolean> = { ...fromEnv };
  for (const row of OPTION_TABLE) {
    const text = texts[row.name];
    if (typeof text !== "string") continue;
    const value = parseKnobValue(row, text, flagOf(row));
    options[row.name] = row.type === "switch" ? value === 1 : value;
  }
  return options as Partial<HeapOptions>;
}

/** Returns options as environment variables for a new process. */
export function toEnv(options: Partial<HeapOptions>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const row of OPTION_TABLE) {
    const value = options[row.name];
    if (value !== undefined) env[row.env] = String(Number(value));
  }
  return env;
}
