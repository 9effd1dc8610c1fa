/*
 * What the command and the preload, in the program's process, tell each other: settings in a
 * variable of the environment, and a report in a file.
 */

/** No name that starts with HAKMEM_: an unknown one of those is an error. */
export const SETTINGS_VARIABLE = "_HKM_RECORD";

export interface RecordSettings {
  /** The trace's file, absolute: a program may change its folder. */
  readonly out: string;
  readonly report: string;
  /** A stack is taken of one in so many allocations. */
  readonly every: number;
  /** What the program is to find in its environment; null for none. */
  readonly nodeOptions: string | null;
}

export interface RecordedTrace {
  readonly file: string;
  readonly source: "heap" | "buffers";
  readonly events: number;
  /** Whether recording ended before the program did, for want of room. */
  readonly isFull: boolean;
}

/** Where buffers are made. Counts and bytes are estimated from samples. */
export interface Site {
  readonly place: string;
  readonly functionName: string;
  readonly samples: number;
  readonly count: number;
  readonly bytes: number;
}

export interface RecordReport {
  readonly traces: readonly RecordedTrace[];
  readonly sites: readonly Site[];
  /** Heaps with events whose traces were not written, as there were too many of them. */
  readonly heapsLeftOut: number;
  /** What went wrong when it was written. */
  readonly errors: readonly string[];
}
