/** The errors of buffers, codecs and framers, and the checks that throw them. */
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

/** Returns the error for bytes without meaning. Their value begins at `position`. */
export function malformed(position: number, expected: string): BufferError {
  const message = `malformed at ${position}: expected ${expected}`;
  return new BufferError("ERR_MALFORMED", message, { position, expected });
}

/** Returns the error for something at `position` that is longer than the maximum. */
export function tooLarge(what: string, position: number, got: number, most: number): BufferError {
  const message = `${what} at ${position} is ${got}; at most ${most} is accepted`;
  return new BufferError("ERR_TOO_LARGE", message, { position, got, most });
}

/** Returns the error for bytes that make no frame. `position` counts from the stream's start. */
export function malformedFrame(
  position: number,
  got: string,
  expected: string,
  details: Record<string, unknown> = {},
): BufferError {
  const message = `malformed at ${position}: ${got}; expected ${expected}`;
  return new BufferError("ERR_MALFORMED", message, { position, got, expected, ...details });
}

/** Returns the error for a frame of `got` bytes or more that begins at `position`. */
export function frameTooLarge(
  position: number,
  got: number,
  maximum: number,
  details: Record<string, unknown> = {},
): BufferError {
  const expected = `at most ${maximum} bytes`;
  const message = `the frame at ${position} has ${got} bytes or more; expected ${expected}`;
  const facts = { position, got, maximum, expected, ...details };
  return new BufferError("ERR_TOO_LARGE", message, facts);
}

/** Returns the error for a stream that ended within the frame at `position`. */
export function truncatedFrame(position: number, got: number, expected: string): BufferError {
  const message = `the stream ended within the frame at ${position}: got ${got} bytes of it`;
  const facts = { position, got, expected };
  return new BufferError("ERR_TRUNCATED", `${message}; expected ${expected}`, facts);
}

/**
 * Returns an argument with named values, such as options.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function checkObject<T>(name: string, value: T): T {
  if (typeof value === "object" && value !== null) return value;
  throw invalid(name, value, "an object");
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT unless an option is an integer in the range. */
export function checkIntegerOption(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(name, value, `an integer from ${least} to ${most}`);
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer in the range. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw outOfRange(name, value, least, most);
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer from 0 to `most`. */
export function checkWhole(name: string, value: unknown, most: number, position?: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  throw outOfRange(name, value, 0, most, position);
}
