/*
 * What the command and the preload, in the program's process, tell each other: settings in a
 * variable of the environment, and a report in a file.
 */

/** The name does not start with HAKMEM_, because unknown ones of those are errors. */
export const SETTINGS_VARIABLE = "_HKM_RECORD";

export interface RecordSettings {
  /** The trace's file, absolute: a program may change its folder. */
  readonly out: string;
  readonly report: string;
  /** One in so many allocations has its stack taken. */
  readonly every: number;
  /** What the program shall find in its environment; null for nothing. */
  readonly nodeOptions: string | null;
}

export interface RecordedTrace {
  readonly file: string;
  readonly source: "heap" | "buffers";
  readonly events: number;
  /** Whether recording ran out of room before the program ended. */
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
  /** Heaps whose traces were not written because there were too many. */
  readonly heapsLeftOut: number;
  /** What went wrong when it was written. */
  readonly errors: readonly string[];
}
