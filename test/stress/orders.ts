/*
 * What the main thread and a recoverer share: a few words, and the report of its last recovery. A
 * recoverer is a thread that recovers dead workers when it is told to. It may be killed while it
 * does, and then it has told nothing.
 */

/** Data that a recoverer is started with. */
export interface RecovererData {
  readonly module: string;
  readonly heap: SharedArrayBuffer;
  readonly report: SharedArrayBuffer;
}

/** A message to a recoverer. */
export interface Order {
  readonly workerId: number;
  readonly freeLive: boolean;
  /** Whether it recovers as `guard` does. */
  readonly isGuard: boolean;
  /** Whether another worker may be faster. */
  readonly isRace: boolean;
}

/** What a recovery told of one worker. */
export interface Told {
  readonly workerId: number;
  readonly live: readonly number[];
  readonly reclaimedBlocks: number;
  readonly reclaimedSlabs: number;
}

// Words of a report.
export const STATUS = 0;
/** Its own worker id, once it is ready. */
export const OWN_ID = 1;
/** Recoveries that had to rely on the exit event, because the engine could not tell. */
export const UNTOLD = 2;
/** Recoveries in the report. */
const COUNT = 3;
const TEXT = 4;
export const REPORT_WORDS = 16_384;

export const STARTING = 0;
export const READY = 1;
/** It is about to call `recover`, or inside. */
export const BEGUN = 2;
/** `recover` has returned, and the report is not complete. */
export const RETURNED = 3;
/** The report is complete. */
export const TOLD = 4;
/** Another worker was faster. */
export const REFUSED = 5;

export const STATUSES: readonly string[] = [
  "starts",
  "is ready",
  "recovers",
  "reports",
  "has told",
  "was refused",
];

/** Writes a report, which is valid once the status is `TOLD`. */
export function writeReport(words: Int32Array, recoveries: readonly Told[]): void {
  let at = TEXT;
  for (const { workerId, live, reclaimedBlocks, reclaimedSlabs } of recoveries) {
    words.set([workerId, live.length, reclaimedBlocks, reclaimedSlabs, ...live], at);
    at += 4 + live.length;
  }
  words[COUNT] = recoveries.length;
}

export function readReport(words: Int32Array): Told[] {
  const recoveries: Told[] = [];
  let at = TEXT;
  for (let left = words[COUNT] ?? 0; left > 0; left--) {
    const [workerId = -1, count = 0, reclaimedBlocks = 0, reclaimedSlabs = 0] = words.subarray(at);
    const live = [...words.subarray(at + 4, at + 4 + count)];
    recoveries.push({ workerId, live, reclaimedBlocks, reclaimedSlabs });
    at += 4 + count;
  }
  return recoveries;
}
