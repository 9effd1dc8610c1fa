import * as C from "../control.js";
import type { Decider } from "../turns.js";
import type { Engine } from "./engine.js";

/*
 * Dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with sleep sets (Godefroid):
 * schedules that differ only in the order of independent operations form a class, and at least one
 * of each class is run, and few more. Two operations depend on one another if they access the same
 * word and at least one is not a load. This is complete for code without data races and waits.
 */

/** A choice of the next thread, and what each thread was about to do there. */
interface Choice {
  thread: number;
  /** Threads as bits: to try here, already tried, and those whose turn here is nothing new. */
  wanted: number;
  tried: number;
  asleep: number;
  readonly addresses: Int32Array;
  readonly reads: Uint8Array;
  ready: number;
}

const THREADS = 4;

function isDependent(a: Choice, thread: number, b: Choice, other: number): boolean {
  if (a.addresses[thread] !== b.addresses[other]) return false;
  return a.reads[thread] === 0 || b.reads[other] === 0;
}

export class Reduction implements Decider {
  private readonly engine: Engine;
  private readonly choices: Choice[] = [];
  private depth = 0;
  /** What the last run was about to do at its end, as a choice that was never made. */
  private last: Choice | undefined;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  decide(_step: number, me: number, ready: number): number {
    const { choices, engine } = this;
    // All threads first come to their first operations.
    for (let left = ready; left !== 0; left &= left - 1) {
      const thread = 31 - Math.clz32(left & -left);
      if (engine.steps[thread]?.op === 0) return thread;
    }
    // A read of the clock depends on no other thread.
    if (engine.steps[me]?.op === C.CLOCK) return me;
    const known = choices[this.depth];
    if (known !== undefined) {
      this.depth++;
      return known.thread;
    }
    const choice = this.look(ready);
    const awake = ready & ~choice.asleep;
    if (awake === 0) {
      this.last = choice;
      return -1;
    }
    choice.thread = ((awake >>> me) & 1) === 1 && me >= 0 ? me : 31 - Math.clz32(awake & -awake);
    choice.wanted = choice.tried = 1 << choice.thread;
    choices.push(choice);
    this.depth++;
    return choice.thread;
  }

  /** Notes the threads' next operations. A thread stays asleep if the last step did not wake it. */
  private look(ready: number): Choice {
    const addresses = new Int32Array(THREADS);
    const reads = new Uint8Array(THREADS);
    const choice = { thread: 0, wanted: 0, tried: 0, asleep: 0, addresses, reads, ready };
    for (let thread = 0; thread < THREADS; thread++) {
      const step = this.engine.steps[thread];
      if (step === undefined || ((ready >>> thread) & 1) === 0) continue;
      addresses[thread] = step.address;
      reads[thread] = step.op === C.LOAD ? 1 : 0;
    }
    const before = this.choices[this.depth - 1];
    if (before === undefined) return choice;
    const asleep = (before.asleep | before.tried) & ~(1 << before.thread);
    for (let left = asleep; left !== 0; left &= left - 1) {
      const thread = 31 - Math.clz32(left & -left);
      if (!isDependent(before, before.thread, before, thread)) choice.asleep |= 1 << thread;
    }
    return choice;
  }

  begin(): void {
    this.depth = 0;
    this.last = undefined;
  }

  /** Asks, after a run, for the other order of what raced; returns whether a schedule is left. */
  next(): boolean {
    const { choices } = this;
    this.findRaces();
    for (let choice = choices.pop(); choice !== undefined; choice = choices.pop()) {
      const left = choice.wanted & ~choice.tried & ~choice.asleep;
      if (left === 0) continue;
      choice.thread = 31 - Math.clz32(left & -left);
      choice.tried |= 1 << choice.thread;
      choices.push(choice);
      return true;
    }
    return false;
  }

  private findRaces(): void {
    const { choices, last } = this;
    const clocks: Int32Array[] = [];
    const latest = new Int32Array(THREADS).fill(-1);
    choices.forEach((choice, at) => {
      clocks.push(this.meet(choice, choice.thread, at, clocks, latest));
      latest[choice.thread] = at;
    });
    if (last === undefined) return;
    for (let thread = 0; thread < THREADS; thread++) {
      if (((last.ready >>> thread) & 1) === 0) continue;
      this.meet(last, thread, choices.length, clocks, latest);
    }
  }

  /** Returns what is ordered before an operation, and notes the last one that raced with it. */
  private meet(
    choice: Choice,
    thread: number,
    at: number,
    clocks: readonly Int32Array[],
    latest: Int32Array,
  ): Int32Array {
    const { choices } = this;
    const own = latest[thread] as number;
    const clock = own < 0 ? new Int32Array(THREADS).fill(-1) : (clocks[own] as Int32Array).slice();
    const before = clock.slice();
    let isFound = false;
    for (let index = at - 1; index >= 0; index--) {
      const other = choices[index] as Choice;
      if (other.thread === thread || !isDependent(other, other.thread, choice, thread)) continue;
      if (!isFound && (before[other.thread] as number) < index) {
        other.wanted |= 1 << thread;
        isFound = true;
      }
      const theirs = clocks[index] as Int32Array;
      for (let one = 0; one < THREADS; one++) {
        clock[one] = Math.max(clock[one] as number, theirs[one] as number);
      }
    }
    clock[thread] = at;
    return clock;
  }
}
