/**
 * Every error that the library throws is a `HeapError` with a stable `code`. There are three kinds:
 * exhaustion, misuse (nothing has changed) and corruption (an invariant is broken).
 */
import { describe } from "./describe.js";

/**
 * All codes of the library, by the class that carries them, with when each is thrown. The types and
 * docs/ERRORS.md derive from this table; no bundle contains it.
 */
export const ERRORS = {
  HeapError: {
    ERR_INVALID_SIZE: "A size is not an integer from 0 to what the slabs of the heap hold.",
    ERR_INVALID_ALIGNMENT: "An alignment is not a power of two from 1 to 65536.",
    ERR_INVALID_POINTER:
      "A ptr is not a live block of this heap; also a freed span, or a block of a returned slab.",
    ERR_DOUBLE_FREE:
      "A block was freed before, and its slab is still in use; or two workers freed it at once.",
    ERR_INVALID_ARGUMENT:
      "An argument (a buffer, an array, a count, a length, a signal, options) cannot be used.",
    ERR_INVALID_OPTION: "An option or a `HAKMEM_*` variable is unknown or has a wrong value.",
    ERR_HEAP_EXHAUSTED: "No free memory holds the request. The heap stays usable.",
    ERR_HEAP_DISPOSED:
      "A heap was used after `[Symbol.dispose]()` or `detach()`, or its buffer was detached.",
    ERR_NO_WORKER_SLOT: "All worker slots of a shared heap are taken.",
    ERR_INVALID_WORKER: "A worker is not attached, or may not hand the block over.",
    ERR_WORKER_ALIVE: "`recover` names a worker that may live, or `reset` finds others attached.",
    ERR_BAD_HEAP_IMAGE: "`open`, `attach` or `restore` was not given an intact heap image.",
    ERR_HEAP_CORRUPTED: "`verify`, or an operation, found a broken invariant.",
  },
  BufferError: {
    ERR_RELEASED: "`Bytes` were used after their last `release`.",
    ERR_FROZEN: "`set`, `write` or `view` was called on frozen `Bytes`.",
    ERR_OUT_OF_RANGE: "A position, a length or the value of a field is outside of its range.",
    ERR_INVALID_ARGUMENT: "An argument or an option is of the wrong kind.",
    ERR_NOT_CONTIGUOUS: "One view or patch was asked of bytes that lie in several parts.",
    ERR_NOT_OWNED: "A buffer is not this pool's, or `handOff` was called on shared `Bytes`.",
    ERR_MALFORMED: "Bytes that were read do not have the expected format.",
    ERR_TOO_LARGE:
      "A message, a frame or a field is longer than the maximum, or than any block of the heap.",
    ERR_TRUNCATED: "A stream ended within a frame, or bytes within the value of a struct.",
    ERR_CLOSED: "A writer, a framer or a connection was used after it was closed.",
    ERR_TIMEOUT: "A peer has stalled, or a connection was idle for too long.",
  },
  TraceError: {
    ERR_BAD_TRACE: "The bytes are not an intact HKT1 trace.",
  },
} as const;

/** The codes of buffers, codecs and framers. */
export type BufferErrorCode = keyof typeof ERRORS.BufferError;

/** Every code that an error of this library can have. */
export type HeapErrorCode =
  | keyof typeof ERRORS.HeapError
  | BufferErrorCode
  | keyof typeof ERRORS.TraceError;

const LONG = 200;

/** Every error that this library throws. `details` holds the message's facts as data. */
export class HeapError extends Error {
  readonly code: HeapErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HeapErrorCode, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "HeapError";
    this.code = code;
    this.details = details;
    for (const key in details) {
      const value = details[key];
      const isList = typeof value === "string" || Array.isArray(value) || ArrayBuffer.isView(value);
      // Errors are kept, printed and sent.
      if (isList && (value as string).length > LONG) details[key] = describe(value);
    }
  }
}

/**
 * What buffers, codecs and framers throw. For bytes that are wrong, `details` holds their
 * `position` and what was expected there.
 */
export class BufferError extends HeapError {
  declare readonly code: BufferErrorCode;

  constructor(code: BufferErrorCode, message: string, details?: Record<string, unknown>) {
    super(code, message, details);
    this.name = "BufferError";
  }
}

/** What `decodeTrace` throws. The message says what is wrong with the trace. */
export class TraceError extends HeapError {
  declare readonly code: "ERR_BAD_TRACE";

  constructor(message: string) {
    super("ERR_BAD_TRACE", message);
    this.name = "TraceError";
  }
}

/** Returns the error for a broken invariant, with the byte offset that it is about. */
export function corrupted(
  invariant: string,
  address: number,
  found: unknown,
  expected: unknown,
): HeapError {
  const difference = `found ${describe(found)}, expected ${describe(expected)}`;
  const message = `invariant ${invariant}, at ${address}: ${difference}`;
  return new HeapError("ERR_HEAP_CORRUPTED", message, { invariant, address, found, expected });
}
