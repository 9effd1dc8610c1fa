import type { InspectResult } from "../base/results.js";

/**
 * What a bench and a subject's process say to each other. Each request is a line of JSON on the
 * process's standard input, each answer a line on its standard output. Native subjects do the same.
 */
export type Request =
  | { readonly pass: "check"; readonly limitMs: number }
  | RoundRequest
  | { readonly pass: "latency"; readonly limitMs: number }
  | { readonly pass: "profileStart"; readonly intervalUs: number }
  | { readonly pass: "profileStop"; readonly file: string };

export interface RoundRequest {
  readonly pass: "round";
  readonly times: number;
  readonly limitMs: number;
  /** Whether hakmem is to count; otherwise its counts are 0. It reads the whole heap for them. */
  readonly counts?: boolean;
}

interface Answers {
  readonly check: CheckAnswer;
  readonly round: RoundAnswer;
  readonly latency: LatencyAnswer;
  readonly profileStart: Record<string, never>;
  readonly profileStop: Record<string, never>;
}

export type Answer<R extends Request> = Answers[R["pass"]];

/** A pass that writes and verifies every byte. A subject with another hash is broken. */
export interface CheckAnswer {
  /**
   * FNV-1a over event, size and byte of every block that was freed or reallocated; null if the time
   * limit ended the pass.
   */
  readonly hash: number | null;
  /**
   * The growth of the process's resident memory after its peak was reset. With several workers, the
   * most that their heap has committed, because their threads' own memory is not the allocator's.
   */
  readonly peakBytes: number;
  /** The same over the pass, at equal steps of events. */
  readonly seriesBytes: readonly number[];
  readonly heap: HeapFigures | null;
  /** hakmem's slabs when most blocks were live. */
  readonly map?: InspectResult;
}

/** What hakmem did in one run through the script. */
export interface HeapFigures {
  readonly refills: number;
  readonly drains: number;
  readonly slabsOpened: number;
  readonly peakCommittedBytes: number;
  readonly hits: number;
  readonly misses: number;
  /** Committed bytes over the pass, at equal steps of events. */
  readonly seriesBytes: readonly number[];
}

export interface RoundAnswer {
  readonly ns: number;
  readonly events: number;
  /** Whether the time limit ended the round before its last event. */
  readonly isCut: boolean;
  /** The slower of the probes before and after it: see probe.ts. */
  readonly probeNs?: number;
  readonly cpuUserUs: number;
  readonly cpuSystemUs: number;
  readonly collections: number;
  readonly collectionMs: number;
  /** What hakmem did; see `counts` of the request. */
  readonly slabsOpened: number;
  readonly refills: number;
  readonly drains: number;
  /** What hakmem's heap has committed at most so far; rivals do not tell. */
  readonly peakCommittedBytes?: number;
}

/** The latency of single events, without the timer's own cost. */
export interface LatencyAnswer {
  readonly timerNs: number;
  readonly events: number;
  /** Percentile and ns, rising; 50, 99, 99.9, 99.99 and 100 are among them. */
  readonly curve: readonly (readonly [percentile: number, ns: number])[];
}

export interface Failure {
  readonly error: string;
}

/** Points at which memory is read during a checking pass. */
export const SERIES_POINTS = 64;
