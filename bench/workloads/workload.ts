import type { Script } from "./script.js";

/** A positional argument of a workload. Every value is an integer. */
export interface Parameter {
  readonly name: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly sentence: string;
}

/** The arguments and flags that the user gave. */
export interface WorkloadArguments {
  /** The positional arguments, in the order of the workload's parameters. */
  readonly values: readonly number[];
  readonly seed: number;
  /** `--size`: every request has this many bytes. */
  readonly size: number | undefined;
  /** Workers whose streams of events are merged into one script, which names each event's. */
  readonly workers: number;
  /** `--compat`: draw as the original program does. */
  readonly compat: boolean;
}

/** A synthetic workload. Each has a file, and one situation that it stands for. */
export interface Workload {
  readonly name: string;
  /** The real situation, in a sentence. */
  readonly sentence: string;
  readonly parameters: readonly Parameter[];
  /** Positional arguments of a size that takes milliseconds. */
  readonly smoke: readonly number[];
  /** Whether it is about several workers. */
  readonly isForWorkers: boolean;
  /** Whether `--size`, `--compat`, `--tight` mean anything to it. */
  readonly takes: readonly ("size" | "compat" | "tight")[];
  build(given: WorkloadArguments): Script;
  /** Says what ran, if the name or the arguments could be misread. */
  note?(given: WorkloadArguments): string;
}
