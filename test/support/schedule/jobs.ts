import type { Explorer, Outcome } from "./explore.js";
import { findRaces } from "./races.js";
import type { Scenario } from "./scenarios.js";
import type { Schedule, Watch } from "./stage.js";

/** Kinds of jobs; only fibers do the last four. */
export type Kind =
  | "exhaust"
  | "kills"
  | "plainKills"
  | "walk"
  | "races"
  | "replay"
  | "reduce"
  | "reducedKills"
  | "reducedRaces"
  | "random";

export interface Job {
  readonly kind: Kind;
  readonly scenario: Scenario;
  /** Time in ms after which the job stops. */
  readonly ms: number;
  readonly bound?: number;
  readonly runs?: number;
  readonly seed?: number;
  readonly schedules?: readonly Schedule[];
  readonly watch?: Watch;
  /** Asks for the classes of equivalent runs, which only fibers know. */
  readonly isClassed?: boolean;
}

export function watchOf({ kind, watch }: Job): Watch {
  return kind === "plainKills" ? 1 : /races/i.test(kind) ? 2 : (watch ?? 0);
}

export function runJob(explorer: Explorer, job: Job): Outcome {
  const { outcome } = explorer;
  const { kind, bound = 0, runs = 0, seed = 1 } = job;
  if (kind === "exhaust") explorer.exhaust(bound);
  else if (kind === "kills" || kind === "plainKills") explorer.kills(bound);
  else if (kind === "walk") explorer.walk(runs, seed);
  else if (kind === "replay") explorer.replay(job.schedules ?? []);
  else if (kind === "races") {
    outcome.races = findRaces(explorer, (visit) => explorer.exhaust(bound, visit));
  }
  return outcome;
}
