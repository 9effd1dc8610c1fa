/** Checks of the arguments that the studies take. */
import { parseInteger } from "../base/integers.js";

const MOST = 9_999_999_999;

/** @throws Error unless each of these options is a whole number from 1. */
export function checkWhole<N extends string>(
  values: Readonly<Record<N, string>>,
  names: readonly N[],
): void {
  for (const name of names) parseInteger(`--${name}`, values[name], 1, MOST);
}

/** Returns the cases whose names match `--only`. @throws Error when there is none. */
export function chooseCases<C>(
  cases: readonly C[],
  nameOf: (entry: C) => string,
  only: string,
): C[] {
  const pattern = toPattern(only);
  const chosen = cases.filter((entry) => pattern.test(nameOf(entry)));
  if (chosen.length > 0) return chosen;
  const names = cases.map(nameOf).join(", ");
  throw new Error(`--only is ${only}; it takes a pattern that matches some of: ${names}`);
}

function toPattern(only: string): RegExp {
  try {
    return new RegExp(only);
  } catch {
    throw new Error(`--only is ${only}; it takes a regular expression (see --help)`);
  }
}
