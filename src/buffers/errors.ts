/** Errors that buffers, codecs and Node's streams throw, and checks of their arguments. */
import { describe } from "../base/describe.js";
import { BufferError, HeapError } from "../index.js";

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
  if (kind === "a bigint" || typeof got === "bigint") {
    Object.defineProperty(details, "toJSON", { value: asTexts });
  }
  return new BufferError("ERR_OUT_OF_RANGE", message, details);
}

/** JSON takes no bigints. */
function asTexts(this: object): Record<string, unknown> {
  const entries = Object.entries(this);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "bigint" ? String(value) : value]),
  );
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer in the range. */
export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw outOfRange(name, value, least, most);
}

/**
 * Returns the position that an index means in `length` bytes. A negative one counts from the end.
 * @throws {BufferError} ERR_OUT_OF_RANGE
 */
export function toPosition(name: string, index: number, length: number): number {
  if (Number.isInteger(index) && index >= -length && index <= length) {
    return index < 0 ? index + length : index;
  }
  throw outOfRange(name, index, -length, length);
}

/**
 * Returns the position that any number means in `length` bytes, as arrays understand it.
 * @throws {BufferError} ERR_INVALID_ARGUMENT for what is no number
 */
export function clamp(name: string, index: number, length: number): number {
  if (typeof index !== "number") throw invalid(name, index, "a number");
  const whole = Math.trunc(index) || 0;
  return Math.min(length, whole < 0 ? Math.max(0, whole + length) : whole);
}

/** Checks that `length` bytes fit at the position `at` of something that has `size` bytes. */
export function checkRoom(name: string, at: number, length: number, size: number): void {
  if (length <= size) {
    checkRange(name, at, 0, size - length);
    return;
  }
  const message = `there is room for ${size} bytes, not for ${length}`;
  throw new BufferError("ERR_OUT_OF_RANGE", message, { got: length, most: size });
}

/** Returns the error for a handle that was released. */
export function released(): BufferError {
  const message = "these bytes were released; the handle cannot be used any more";
  return new BufferError("ERR_RELEASED", message);
}

/** Returns the error for a write to frozen bytes. */
export function frozen(): BufferError {
  return new BufferError("ERR_FROZEN", "these bytes are frozen: they can only be read");
}

/** Returns the error for a heap whose memory was taken away. */
export function detached(): HeapError {
  return new HeapError("ERR_HEAP_DISPOSED", "the buffer of this heap was detached");
}
