import * as C from "./control.js";
import type { Explorer, Untold } from "./explore.js";

/** Returns what the threads did to the header of the block of slot 0. */
function storyOf(control: Int32Array): string {
  const story: string[] = [];
  for (let number = 0; number < control[C.LOG_COUNT]; number++) {
    const at = C.LOG + C.LOG_INTS * number;
    const kind = control[at] >>> 4;
    if (kind > C.PLAIN_WRITE || control[at + 1] !== control[C.FIRST_PTR] >>> 4) continue;
    story.push(`${control[at] & 0xf}${kind === C.PLAIN_READ ? "r" : "w"}`);
  }
  return story.join(" ");
}

/** Finds the schedules in which nobody is told that the block of slot 0 was freed twice. */
export function findUntold(
  explorer: Explorer,
  explore: (visit: (switches: readonly number[]) => void) => void,
): Untold[] {
  const { control } = explorer.stage;
  const untold = new Map<string, Untold>();
  explorer.mayDamage = true;
  explore((switches) => {
    if (control[C.TOLD] > 0 && explorer.damage === "") return;
    const damage = control[C.TOLD] > 0 ? `told, but ${explorer.damage}` : explorer.damage;
    const story = storyOf(control);
    const key = `${story}, ${damage}`;
    const same = untold.get(key);
    if (same !== undefined) same.runs++;
    else untold.set(key, { story, damage, runs: 1, switches });
  });
  return [...untold.values()];
}

/**
 * Returns whether two threads read a header before one of them wrote it: the kind of double free
 * that no plain access can tell.
 */
export function isOverlapping({ story }: Untold): boolean {
  const accesses = story.split(" ");
  const before = accesses.slice(
    0,
    accesses.findIndex((access) => access.endsWith("w")),
  );
  return new Set(before.filter((access) => /^[01]r$/.test(access))).size === 2;
}
