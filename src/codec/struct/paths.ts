/** Where in a value an error lies, as `items[3].name`. It is made only when something fails. */
import { BufferError } from "../../index.js";

const paths = new WeakMap<BufferError, string>();
const IDENTIFIER = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;
const MAX_NAME = 40;

function toStep(name: string | number): string {
  if (typeof name === "number") return `[${name}]`;
  if (IDENTIFIER.test(name) && name.length <= MAX_NAME) return name;
  return `[${JSON.stringify(name.length > MAX_NAME ? `${name.slice(0, MAX_NAME)}…` : name)}]`;
}

/** Notes that an error comes from a field or an element of that name. Returns the error. */
export function located(error: unknown, name: string | number): unknown {
  if (!(error instanceof BufferError)) return error;
  const rest = paths.get(error) ?? "";
  const dot = rest === "" || rest.startsWith("[") ? "" : ".";
  paths.set(error, toStep(name) + dot + rest);
  return error;
}

/** Whether structs are read and written field by field, to find out where an error lies. */
export let isTracing = false;

/**
 * Returns what an action throws that does again what has thrown an error, and notes where. The
 * code that is fast notes nothing, so that it takes no time.
 */
export function trace(error: unknown, action: () => void): unknown {
  // A struct that is read within another one is traced with it.
  if (isTracing || !(error instanceof BufferError)) return withPath(error);
  isTracing = true;
  try {
    action();
  } catch (again) {
    if (again instanceof BufferError) return withPath(again);
  } finally {
    isTracing = false;
  }
  return error;
}

/** Returns the error with its path, in the message and as a detail. */
export function withPath(error: unknown): unknown {
  if (!(error instanceof BufferError)) return error;
  const path = paths.get(error);
  if (path === undefined) return error;
  // Details of bigints have a hidden toJSON.
  const facts = Object.defineProperties({}, Object.getOwnPropertyDescriptors(error.details));
  return new BufferError(error.code, `${path}: ${error.message}`, Object.assign(facts, { path }));
}
