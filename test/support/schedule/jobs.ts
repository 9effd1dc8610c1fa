import * as C from "./control.js";
import { killEach, killPairs } from "./deaths.js";
import type { Explorer, Outcome, Visit } from "./explore.js";
import { type Explore, exploreDeaths, findRaces } from "./raceFinder.js";
import type { Scenario } from "./scenarios.js";
import type { Schedule, Watch } from "./stage.js";
import { findUntold } from "./untold.js";

/** Kinds of jobs; only threads do "untold", and only fibers the last seven. */
export type Kind =
  | "exhaust"
  | "kills"
  | "plainKills"
  | "pairs"
  | "walk"
  | "races"
  | "deathRaces"
  | "replay"
  | "untold"
  | "reduce"
  | "reducedKills"
  | "reducedPairs"
  | "reducedRaces"
  | "random"
  | "twoDeaths"
  | "randomRaces";

export interface Job {
  readonly kind: Kind;
  readonly scenario: Scenario;
  /** Time in ms after which the job stops, which is a failure unless it may be cut. */
  readonly ms: number;
  /** Says that not all need be explored, but at least so many schedules. */
  readonly mayBeCut?: number;
  readonly bound?: number;
  /** How many schedules to draw; else the most that are explored, and the most with a death. */
  readonly runs?: number;
  readonly seed?: number;
  readonly schedules?: readonly Schedule[];
  readonly watch?: Watch;
  /** Asks for the classes of equivalent runs, which only fibers know. */
  readonly isClassed?: boolean;
}

export function watchOf({ kind, watch }: Job): Watch {
  if (kind === "untold") return 4;
  if (kind === "plainKills") return 1;
  if (kind === "randomRaces") return 3;
  return /races/i.test(kind) ? 2 : (watch ?? 0);
}

export function runJob(explorer: Explorer, job: Job): Outcome {
  const { outcome } = explorer;
  const { kind, bound = 0, runs = Infinity, seed = 1 } = job;
  const explore = (visit: (switches: readonly number[]) => void): void => {
    explorer.exhaust(bound, runs, visit);
  };
  const exhaust: Explore = (visit) => explore((switches) => visit({ switches }));
  const replay = (visit?: Visit): void => explorer.replay(job.schedules ?? [], visit);
  if (kind === "exhaust") explorer.exhaust(bound, runs);
  else if (kind === "kills" || kind === "plainKills") killEach(explorer, runs, explore);
  else if (kind === "pairs") killPairs(explorer, runs, explore);
  else if (kind === "walk") explorer.walk(runs, seed);
  else if (kind === "untold") outcome.untold = findUntold(explorer, explore);
  else if (kind === "races") findRaces(explorer, exhaust);
  else if (kind === "deathRaces") findRaces(explorer, exploreDeaths(explorer, exhaust));
  else if (kind === "replay" && (watchOf(job) & C.WATCH_LOG) !== 0) findRaces(explorer, replay);
  else if (kind === "replay") replay();
  return outcome;
}
