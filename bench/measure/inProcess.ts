import { median, steady } from "../base/statistics.js";

/** Something that is timed in the process of all that it is compared with. */
export interface Timed {
  readonly name: string;
  /** Does it so many times. */
  readonly run: (times: number) => void;
}

declare const gc: () => void;

/** Operations of the first run, which tells how many fill a round. */
const FIRST_TIMES = 64;

/**
 * Times all in turn, a round of one after a round of another. Returns ns per operation by name, as
 * medians of the later rounds. Needs `--expose-gc`, because the garbage of one round is collected
 * before the next.
 */
export function timeInTurn(
  all: readonly Timed[],
  rounds: number,
  roundMs: number,
): Record<string, number> {
  const times = all.map((one) => timesFor(one, roundMs));
  const figures = all.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let place = 0; place < all.length; place++) {
      const index = (place + round) % all.length;
      figures[index]?.push(time(all[index] as Timed, times[index] as number));
    }
  }
  return Object.fromEntries(
    all.map(({ name }, index) => [name, median(steady(figures[index] as number[]))]),
  );
}

/** Returns how many operations take a round's time, as code that has become warm tells. */
function timesFor(one: Timed, roundMs: number): number {
  let times = FIRST_TIMES;
  for (let ns = 0; ns * times < roundMs * 1e6; times *= 2) ns = time(one, times);
  return times;
}

/** Returns ns per operation. */
function time({ run }: Timed, times: number): number {
  gc();
  const start = process.hrtime.bigint();
  run(times);
  return Number(process.hrtime.bigint() - start) / times;
}
