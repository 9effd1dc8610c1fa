/** Errors that only codecs and framers throw, and checks of their arguments. */
import { invalid, outOfRange } from "../buffers/errors.js";
import { BytesPool } from "../buffers/internal.js";
import { BufferError } from "../index.js";

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

/**
 * Returns the error for a frame of `got` bytes or more that begins at `position`. `limit` says what
 * the maximum is, if it is not the one of the framer.
 */
export function frameTooLarge(
  position: number,
  got: number,
  maximum: number,
  details: Record<string, unknown> = {},
  limit: string = "",
): BufferError {
  const expected = `at most ${maximum} bytes${limit}`;
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

/** @throws {BufferError} ERR_INVALID_ARGUMENT unless a constructor has made this pool. */
export function checkPool(pool: unknown): void {
  if (pool instanceof BytesPool && pool.heap !== undefined) return;
  throw invalid("pool", pool, "a BytesPool");
}

/**
 * Returns the bytes of an array from `start` to `end` as a view of fixed length, which has no
 * methods of its own.
 * @throws {BufferError} ERR_INVALID_ARGUMENT if the buffer was detached or cut
 */
export function cutArray(array: Uint8Array, start: number, end: number): Uint8Array {
  try {
    return new Uint8Array(array.buffer, array.byteOffset + start, end - start);
  } catch {
    throw new BufferError("ERR_INVALID_ARGUMENT", "the array's buffer was detached or cut");
  }
}

/**
 * Returns an argument with named values, such as options.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function checkObject<T>(name: string, value: T): T {
  if (typeof value === "object" && value !== null) return value;
  throw invalid(name, value, "an object");
}

/**
 * Returns options that all have one of these names. A misspelt one would be a bound that is not
 * kept.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function checkNames<T extends object>(options: T, names: readonly (keyof T)[]): T {
  // `Object.keys` would take twice as long, which counts for a reader of one message.
  for (const name in checkObject("options", options)) {
    if (names.includes(name) || !Object.hasOwn(options, name)) continue;
    throw invalid("an option", name, `one of ${names.join(", ")}`);
  }
  return options;
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT unless an option is an integer in the range. */
export function checkIntegerOption(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(name, value, `an integer from ${least} to ${most}`);
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT unless an option is true or false. */
export function checkBoolean(name: string, value: unknown): void {
  if (typeof value !== "boolean") throw invalid(name, value, "a boolean");
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer from 0 to `most`. */
export function checkWhole(name: string, value: unknown, most: number, position?: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  throw outOfRange(name, value, 0, most, position);
}

/** Returns whether the last frame of a stream needs no end. @throws {BufferError} */
export function checkUnended(unended: unknown): boolean {
  if (unended === "frame" || unended === "error") return unended === "frame";
  throw invalid("unended", unended, '"error" or "frame"');
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is a safe integer from `least`. */
export function checkSafe(name: string, value: number, least: number, position: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw outOfRange(name, value, least, Number.MAX_SAFE_INTEGER, position);
}
