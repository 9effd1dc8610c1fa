import * as C from "./control.js";
import type { Explorer } from "./explore.js";
import type { Schedule, Victim } from "./stage.js";

/** Explores schedules, and calls `visit` after each. */
type Explore = (visit: (switches: readonly number[]) => void) => void;

/** Returns every so manieth of `items`, so that at most `limit` are left. */
function thin<Item>(items: Item[], limit: number): Item[] {
  const stride = Math.max(1, Math.ceil(items.length / limit));
  return items.filter((_, place) => place % stride === 0);
}

function withFreeLive(schedule: Schedule): Schedule[] {
  return [
    { ...schedule, freeLive: false },
    { ...schedule, freeLive: true },
  ];
}

/** Returns each death of one thread in the schedules that are explored. */
function firstDeaths(explorer: Explorer, explore: Explore): Schedule[] {
  const { control, scenario } = explorer.stage;
  const deaths: Schedule[] = [];
  explore((switches) => {
    for (let thread = 0; thread < scenario.threads.length; thread++) {
      for (let step = 1; step <= control[C.OWN_STEPS + thread]; step++) {
        deaths.push({ switches, victim: [thread, step] });
      }
    }
  });
  return deaths;
}

/** Returns the deaths of other threads after the first death, in the run that ended. */
export function laterDeaths(control: Int32Array): Victim[] {
  const deaths: Victim[] = [];
  if (control[C.DEAD] === 0) return deaths;
  for (let thread = 0; thread < control[C.THREADS]; thread++) {
    if (((control[C.DEAD] >>> thread) & 1) === 1) continue;
    const from = control[C.OWN_AT_DEATH + thread] + 1;
    for (let step = from; step <= control[C.OWN_STEPS + thread]; step++) {
      deaths.push([thread, step]);
    }
  }
  return deaths;
}

/** In each schedule explored, kills each thread before each of its steps: `limit` of these. */
export function killEach(explorer: Explorer, limit: number, explore: Explore): void {
  const all = firstDeaths(explorer, explore).flatMap(withFreeLive);
  const chosen = thin(all, limit);
  if (chosen.length < all.length) explorer.outcome.isComplete = false;
  chosen.every((schedule) => explorer.run(schedule));
}

/**
 * In each schedule explored, kills each thread before each of its steps, and then each other thread
 * before each of its later steps: one that recovers the first one, for example. `limit` of these;
 * a quarter of it at least if there are more.
 */
export function killPairs(explorer: Explorer, limit: number, explore: Explore): void {
  const { outcome } = explorer;
  const all = firstDeaths(explorer, explore);
  const chosen = thin(all, Math.ceil(limit / 2));
  if (chosen.length < all.length) outcome.isComplete = false;
  const end = outcome.runs + limit;
  chosen.every((schedule, place) => {
    const share = (end - outcome.runs) / (chosen.length - place);
    return killSecond(explorer, schedule, Math.max(1, Math.floor((share - 1) / 2)));
  });
}

function killSecond(explorer: Explorer, first: Schedule, limit: number): boolean {
  if (!explorer.run(first)) return false;
  const all = laterDeaths(explorer.stage.control);
  const chosen = thin(all, limit);
  if (chosen.length < all.length) explorer.outcome.isComplete = false;
  return chosen
    .flatMap((secondVictim) => withFreeLive({ ...first, secondVictim }))
    .every((schedule) => explorer.run(schedule));
}
