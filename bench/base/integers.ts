import { InvalidArgumentError } from "commander";
import { UsageError } from "./session.js";

function parse(text: string, min: number, max: number): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

/** @throws {UsageError} if the text is no such integer; it says what is accepted. */
export function parseInteger(name: string, text: string, min: number, max: number): number {
  const value = parse(text, min, max);
  if (value !== undefined) return value;
  const accepted = max === 1 ? "0 or 1" : `an integer from ${min} to ${max}`;
  throw new UsageError(`${name} is ${JSON.stringify(text)}; it takes ${accepted}`);
}

/** Returns a parser for a flag. Commander adds the flag's name and the text to its error. */
export function integerBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = parse(text, min, max);
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`It takes an integer from ${min} to ${max}.`);
  };
}
