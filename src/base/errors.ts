/**
 * Failures come in three kinds: exhaustion, misuse (nothing has changed) and corruption (a broken
 * invariant). All are `HeapError`s with a stable `code`.
 */

import { describe } from "./describe.js";

export type HeapErrorCode =
  | "ERR_INVALID_SIZE"
  | "ERR_INVALID_ALIGNMENT"
  | "ERR_INVALID_POINTER"
  | "ERR_DOUBLE_FREE"
  | "ERR_INVALID_ARGUMENT"
  | "ERR_INVALID_OPTION"
  | "ERR_HEAP_EXHAUSTED"
  | "ERR_HEAP_DISPOSED"
  | "ERR_NO_WORKER_SLOT"
  | "ERR_INVALID_WORKER"
  | "ERR_WORKER_ALIVE"
  | "ERR_BAD_HEAP_IMAGE"
  | "ERR_HEAP_CORRUPTED";

/** Every error this library throws. `details` holds what the message says, as data. */
export class HeapError extends Error {
  readonly code: HeapErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HeapErrorCode, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "HeapError";
    this.code = code;
    this.details = details;
  }
}

/** The error for a broken invariant: its name, the byte offset it is about, what was found. */
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
