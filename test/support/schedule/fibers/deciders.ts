import type { Decider } from "../turns.js";

/** Draws numbers below a bound from a seed. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 1;
  }

  below(bound: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return Math.floor(((this.state >>> 4) / 2 ** 28) * bound);
  }
}

/** One wait in this many that could time out does. */
const ONE_TIMEOUT_OF = 16;

function bitOf(mask: number, place: number): number {
  let left = mask;
  for (let skip = place; skip > 0; skip--) left &= left - 1;
  return 31 - Math.clz32(left & -left);
}

function countBits(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count++;
  return count;
}

/** Returns whether a waiting thread times out, instead of a ready one going on. */
function isTimeout(random: Random, ready: number, waiting: number): boolean {
  return waiting !== 0 && (ready === 0 || random.below(ONE_TIMEOUT_OF) === 0);
}

/** A uniform random walk: before each step, every thread has the same chance. */
export class Walk implements Decider {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  decide(_step: number, _me: number, ready: number, waiting: number): number {
    const { random } = this;
    const mask = isTimeout(random, ready, waiting) ? waiting : ready;
    return bitOf(mask, random.below(countBits(mask)));
  }
}

/**
 * Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): threads have random
 * priorities, and the highest that is ready runs; at `depth - 1` random steps the thread that runs
 * gets a priority below all. A bug of that depth is found with a chance of at least
 * 1 / (threads * steps ** (depth - 1)) by each run.
 */
export class Pct implements Decider {
  private readonly random: Random;
  private readonly priorities: number[] = [];
  private readonly changes: number[] = [];

  constructor(random: Random, threads: number, steps: number, depth: number) {
    this.random = random;
    for (let thread = 0; thread < threads; thread++) {
      this.priorities.splice(random.below(thread + 1), 0, depth + thread);
    }
    for (let change = 1; change < depth; change++) this.changes.push(random.below(steps));
  }

  decide(step: number, me: number, ready: number, waiting: number): number {
    const { changes, priorities, random } = this;
    for (let change = 0; change < changes.length; change++) {
      if (changes[change] === step && me >= 0) priorities[me] = changes.length - 1 - change;
    }
    if (isTimeout(random, ready, waiting)) return bitOf(waiting, random.below(countBits(waiting)));
    let best = -1;
    for (let left = ready; left !== 0; left &= left - 1) {
      const thread = bitOf(left, 0);
      if (best < 0 || (priorities[thread] as number) > (priorities[best] as number)) best = thread;
    }
    return best;
  }
}
