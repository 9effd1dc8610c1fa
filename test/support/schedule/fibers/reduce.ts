import * as C from "../control.js";
import type { Decider, Engine } from "./engine.js";

/*
 * Dynamic partial-order reduction (Flanagan and Godefroid, POPL 2005) with sleep sets (Godefroid):
 * of the schedules that differ only in the order of operations that do not depend on one another,
 * at least one is run, and few more. Two operations depend on one another if they are of the same
 * word and not both loads. That is complete for code without data races and waits.
 */

/** A choice of who does the next operation, and what the threads were about to do there. */
interface Choice {
  thread: number;
  /** As bits: threads to try here, those tried, those whose turn here would be nothing new. */
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
  /** What the last run did not get to do: as a choice that was never made. */
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

  /** The threads as they are now; those asleep before stay so if the last step is not theirs. */
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

  /** After a run: asks for the other order of what raced, and chooses anew. Whether it could. */
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

  /** What comes before an operation; the last that only happened to be before it raced with it. */
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
