export type BufferErrorCode =
  | "ERR_RELEASED"
  | "ERR_FROZEN"
  | "ERR_OUT_OF_RANGE"
  | "ERR_INVALID_ARGUMENT"
  | "ERR_NOT_CONTIGUOUS"
  | "ERR_NOT_OWNED"
  | "ERR_MALFORMED"
  | "ERR_TOO_LARGE"
  | "ERR_TRUNCATED"
  | "ERR_CLOSED";

/**
 * What buffers, codecs and framers throw. `details` holds what the message says, as data: a
 * `position` where bytes are wrong, and what was expected.
 */
export class BufferError extends Error {
  readonly code: BufferErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: BufferErrorCode, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "BufferError";
    this.code = code;
    this.details = details;
  }
}

/** Shows any value in an error message, briefly and without ever throwing. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value === "object") return value === null ? "null" : showObject(value);
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Names the class, unless it lies about that. */
function showObject(value: object): string {
  if (Array.isArray(value)) return "an array";
  try {
    const name: unknown = value.constructor.name;
    if (typeof name === "string" && name !== "Object" && /^\w{1,40}$/.test(name)) {
      return `an object of ${name}`;
    }
  } catch {
    // It has no constructor, or one that throws.
  }
  return "an object";
}

export function outOfRange(name: string, got: unknown, least: number, most: number): BufferError {
  const message = `${name} is ${show(got)}; it takes an integer from ${least} to ${most}`;
  return new BufferError("ERR_OUT_OF_RANGE", message, { name, got, least, most });
}

/** An argument with named values, such as options. @throws ERR_INVALID_ARGUMENT */
export function checkObject<T>(name: string, value: T): T {
  if (typeof value === "object" && value !== null) return value;
  const message = `${name} is ${show(value)}; it takes an object`;
  throw new BufferError("ERR_INVALID_ARGUMENT", message, { name, got: value });
}

export function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw outOfRange(name, value, least, most);
}
