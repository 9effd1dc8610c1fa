import type { HeapOptions } from "../../src/index.js";

/** What every command gets. It is read once, in main. */
export interface Session {
  /** Ctrl-C aborts it. A command then ends its round and shows what it has. */
  readonly signal: AbortSignal;
  /** The `HAKMEM_*` knobs of the environment. */
  readonly options: Partial<HeapOptions>;
}

/** Wrong usage: one line that says what is accepted. The command ends with code 2. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** A run that failed: one line that says what to do. The command ends with code 1. */
export class RunError extends Error {
  override readonly name: string = "RunError";
}
