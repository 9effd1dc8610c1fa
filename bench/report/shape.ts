/**
 * Checks of JSON values. A check returns null, or where a value is wrong and what it should be:
 * `.subjects[2].title is 3; it takes a string`.
 */
export type Check = (value: unknown, at: string) => string | null;

/** A check for every field of a type; the compiler finds a field that was forgotten. */
type Shape<T> = { readonly [Name in keyof T]-?: Check };

function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function wrong(at: string, value: unknown, accepted: string): string {
  return `${at === "" ? "the file" : at} is ${show(value)}; it takes ${accepted}`;
}

export const number: Check = (value, at) =>
  typeof value === "number" ? null : wrong(at, value, "a number");

export const text: Check = (value, at) =>
  typeof value === "string" ? null : wrong(at, value, "a string");

export const flag: Check = (value, at) =>
  typeof value === "boolean" ? null : wrong(at, value, "true or false");

export function oneOf(...accepted: readonly unknown[]): Check {
  const names = accepted.map((one) => JSON.stringify(one)).join(", ");
  return (value, at) => (accepted.includes(value) ? null : wrong(at, value, names));
}

export function nullable(check: Check): Check {
  return (value, at) => (value === null ? null : check(value, at));
}

/** Accepts a field that older results do not have. */
export function optional(check: Check): Check {
  return (value, at) => (value === undefined ? null : check(value, at));
}

export function list(check: Check): Check {
  return (value, at) => {
    if (!Array.isArray(value)) return wrong(at, value, "a list");
    for (const [index, entry] of value.entries()) {
      const problem = check(entry, `${at}[${index}]`);
      if (problem !== null) return problem;
    }
    return null;
  };
}

function fields(value: unknown): Readonly<Record<string, unknown>> | null {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : null;
}

/** Accepts an object with these fields, and any others. */
export function object<T>(shape: Shape<T>): Check {
  return (value, at) => {
    const given = fields(value);
    if (given === null) return wrong(at, value, "an object");
    for (const [name, check] of Object.entries<Check>(shape)) {
      const problem = check(given[name], `${at}.${name}`);
      if (problem !== null) return problem;
    }
    return null;
  };
}

/** Accepts an object of any names. */
export function named(check: Check): Check {
  return (value, at) => {
    const given = fields(value);
    if (given === null) return wrong(at, value, "an object");
    for (const [name, entry] of Object.entries(given)) {
      const problem = check(entry, `${at}.${name}`);
      if (problem !== null) return problem;
    }
    return null;
  };
}
