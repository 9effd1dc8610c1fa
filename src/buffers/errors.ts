/** Errors that buffers, codecs and Node's streams throw, and checks of their arguments. */
import { describe } from "../base/describe.js";
import { BufferError } from "../index.js";

/** Returns the error for an argument or an option that is not what was expected. */
export function invalid(name: string, got: unknown, expected: string): BufferError {
  const message = `${name} is ${describe(got)}; it takes ${expected}`;
  return new BufferError("ERR_INVALID_ARGUMENT", message, { name, got, expected });
}

/**
 * Returns the error for a number outside of its range. With a `position` it is a value for the
 * field there.
 */
export function outOfRange(
  name: string,
  got: unknown,
  least: number | bigint,
  most: number | bigint,
  position?: number,
): BufferError {
  const kind = typeof most === "bigint" ? "a bigint" : "an integer";
  const subject = position === undefined ? `${name} is` : `${name} at ${position} got`;
  const message = `${subject} ${describe(got)}; it takes ${kind} from ${least} to ${most}`;
  const details = { name, got, least, most, ...(position === undefined ? {} : { position }) };
  return new BufferError("ERR_OUT_OF_RANGE", message, details);
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer in the range. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw outOfRange(name, value, least, most);
}
