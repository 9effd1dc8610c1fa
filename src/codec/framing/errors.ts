import { BufferError } from "../buffers.js";
import { invalid } from "../errors.js";

export { invalid };

/** Bytes of a stream that make no frame; `position` counts from the beginning of the stream. */
export function malformedAt(
  position: number,
  got: string,
  expected: string,
  details: Record<string, unknown> = {},
): BufferError {
  const message = `malformed at ${position}: ${got}; expected ${expected}`;
  return new BufferError("ERR_MALFORMED", message, { position, got, expected, ...details });
}

/** A frame of `got` bytes or more, which begins at `position`. */
export function frameTooLarge(
  position: number,
  got: number,
  maximum: number,
  details: Record<string, unknown> = {},
): BufferError {
  const expected = `at most ${maximum} bytes`;
  const message = `the frame at ${position} has ${got} bytes or more; expected ${expected}`;
  return new BufferError("ERR_TOO_LARGE", message, {
    position,
    got,
    maximum,
    expected,
    ...details,
  });
}

export function truncatedAt(position: number, got: number, expected: string): BufferError {
  const message = `the stream ended within the frame at ${position}: got ${got} bytes of it`;
  return new BufferError("ERR_TRUNCATED", `${message}; expected ${expected}`, {
    position,
    got,
    expected,
  });
}

export function checkInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw invalid(name, value, `an integer from ${least} to ${most}`);
}
