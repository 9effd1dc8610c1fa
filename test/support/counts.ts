import { appendCounts } from "./countsFile.js";

/** What a test ran besides itself; the reporter adds these up. */
export interface Counts {
  propertyRuns: number;
  schedules: number;
}

declare module "vitest" {
  interface TaskMeta {
    counts?: Counts;
  }
}

let counts: Counts = { propertyRuns: 0, schedules: 0 };

export function count(what: keyof Counts, runs: number): void {
  counts[what] += runs;
  appendCounts({ [what]: runs });
}

/** Returns what was counted since the last call. */
export function takeCounts(): Counts {
  const taken = counts;
  counts = { propertyRuns: 0, schedules: 0 };
  return taken;
}
