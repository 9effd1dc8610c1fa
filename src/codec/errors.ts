import { BufferError, show } from "../buffers/index.js";

/** A value that a field does not take, or an argument; `position` is where the field would be. */
export function refused(
  name: string,
  got: unknown,
  least: number | bigint,
  most: number | bigint,
  position?: number,
): BufferError {
  const kind = typeof most === "bigint" ? "a bigint" : "an integer";
  const where = position === undefined ? "" : ` at ${position}`;
  const message = `${name}${where} got ${show(got)}; it takes ${kind} from ${least} to ${most}`;
  const details = { name, got, least, most, ...(position === undefined ? {} : { position }) };
  return new BufferError("ERR_OUT_OF_RANGE", message, details);
}

export function invalid(name: string, got: unknown, expected: string): BufferError {
  const message = `${name} is ${show(got)}; it takes ${expected}`;
  return new BufferError("ERR_INVALID_ARGUMENT", message, { name, got, expected });
}

/** Bytes that mean nothing. `position` is where the value begins that they belong to. */
export function malformed(position: number, expected: string): BufferError {
  const message = `malformed at ${position}: expected ${expected}`;
  return new BufferError("ERR_MALFORMED", message, { position, expected });
}

export function tooLarge(what: string, position: number, got: number, most: number): BufferError {
  const message = `${what} at ${position} is ${got}; at most ${most} is accepted`;
  return new BufferError("ERR_TOO_LARGE", message, { position, got, most });
}

/** @throws {BufferError} ERR_OUT_OF_RANGE unless `value` is an integer from 0 to `most`. */
export function checkWhole(name: string, value: unknown, most: number, position?: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  throw refused(name, value, 0, most, position);
}
