import type { SharedInts } from "../../../../src/base/sync.js";
import type { Agent } from "../agent.js";
import * as C from "../control.js";

type Program = Omit<typeof import("./program.js"), "Agent"> & {
  readonly Agent: new (
    ...of: ConstructorParameters<typeof Agent>
  ) => { runOps(): Generator<undefined, void> };
  readonly clock: { ms: number };
};

/** An operation that a fiber is about to do. */
interface Step {
  op: number;
  view: SharedInts;
  index: number;
  value: number;
  expected: number;
  /** The address of its word. */
  address: number;
}

/** Decides which thread has the turn at each step, where no list of switches does. */
export interface Decider {
  /**
   * @param me the thread that comes to the step; -1 when it has ended, or waits
   * @param ready threads that may have the turn, as bits
   * @param waiting threads that wait and would time out, as bits
   * @returns the thread, or -1 to end the run
   */
  decide(step: number, me: number, ready: number, waiting: number): number;
}

function newStep(): Step {
  return { op: 0, view: new Int32Array(0), index: 0, value: 0, expected: 0, address: 0 };
}

/**
 * Runs threads as fibers of one thread: generators that stop before each operation. Steps have the
 * same numbers as on real threads, so a schedule gives the same run on both.
 */
export class Engine {
  readonly control: Int32Array;
  me = 0;
  isActive = false;
  decider: Decider | undefined;
  /** Whether the decider cut the run short. */
  isCut = false;
  /** Whether to compute a run's class. */
  isClassing = false;
  /** The switches of the run, decided or given. */
  readonly taken: number[] = [];
  readonly steps: Step[] = Array.from({ length: 4 }, newStep);
  private readonly program: Program;
  private readonly agents: InstanceType<Program["Agent"]>[] = [];
  private fibers: Generator<undefined, void>[] = [];
  /** Whether each thread waits, for the word of its step. */
  private waiting = 0;
  private isDying = false;

  constructor(program: Program, control: Int32Array) {
    this.program = program;
    this.control = control;
    program.setWatcher(this);
  }

  /** Makes the threads of a scenario. */
  open(buffer: SharedArrayBuffer): void {
    const { Agent, World } = this.program;
    const { agents, control } = this;
    agents.length = 0;
    for (let me = 0; me < control[C.THREADS]; me++) {
      agents.push(new Agent(new World(buffer, control, true), me));
    }
  }

  /** Runs all threads; returns whether the run came to its end. */
  run(): boolean {
    const { agents, control, program, taken } = this;
    const { pending } = program;
    program.clock.ms = 0;
    taken.length = 0;
    pending.op = 0;
    this.waiting = 0;
    this.isActive = true;
    this.fibers = agents.map((agent) => agent.runOps());
    for (const step of this.steps) step.op = 0;
    let turn = 0;
    while (turn >= 0) {
      this.me = turn;
      const step = this.steps[turn] as Step;
      if (step.op === 0 || this.perform(turn, step)) turn = this.resume(turn, step);
      else if (step.op === C.DIE) turn = this.end(turn);
      else turn = this.leave(turn);
    }
    this.isActive = false;
    this.isCut = control[C.DONE] !== (1 << control[C.THREADS]) - 1;
    return !this.isCut;
  }

  /** Runs a thread up to its next operation; returns whose turn it is then. */
  private resume(me: number, step: Step): number {
    const { control } = this;
    const { pending } = this.program;
    this.isDying = false;
    const { done } = (this.fibers[me] as Generator).next();
    if (this.isDying) {
      pending.op = 0;
      return this.end(me);
    }
    if (done) {
      if (pending.op !== 0) throw new Error("an operation outside of a step");
      return this.end(me);
    }
    if (pending.op === 0) throw new Error("a step without an operation");
    step.op = pending.op;
    step.view = control[C.WATCH] === 0 ? pending.view : this.program.rawOf(pending.view);
    step.index = pending.index;
    step.value = pending.value;
    step.expected = pending.expected;
    const { view } = step;
    const base = view.buffer === control.buffer ? C.CONTROL_ADDRESS : 0;
    step.address = base + view.byteOffset + step.index * view.BYTES_PER_ELEMENT;
    pending.op = 0;
    return this.step(me);
  }

  /** Does what `Scheduler.step` does on threads. */
  private step(me: number): number {
    const { control } = this;
    const own = ++control[C.OWN_STEPS + me];
    const step = control[C.STEP]++;
    if (step >= control[C.STEP_LIMIT]) throw new Error(`no progress: ${step} steps`);
    const first = own === 1 ? C.TRACE_FIRST : 0;
    control[C.TRACE + step] = me | (this.out() << C.TRACE_DONE_SHIFT) | first;
    const to = this.turnAt(step, me);
    if (control[C.VICTIM] !== me || control[C.VICTIM_STEP] !== own) return to;
    // It dies when it has the turn again, and runs nothing until then.
    (this.steps[me] as Step).op = C.DIE;
    return to;
  }
  private turnAt(step: number, me: number): number {
    const { control, decider } = this;
    if (decider !== undefined) {
      const to = decider.decide(step, me, this.ready(), this.waiting);
      if (to !== me) this.taken.push(step, to);
      return to;
    }
    const cursor = control[C.CURSOR];
    if (control[C.SWITCHES + 2 * cursor] !== step || cursor >= control[C.SWITCH_COUNT]) return me;
    control[C.CURSOR] = cursor + 1;
    const to = control[C.SWITCHES + 2 * cursor + 1];
    return ((this.out() >>> to) & 1) === 1 ? me : to;
  }

  /** Returns the threads that may not have the turn: ended, or waiting without a time-out. */
  private out(): number {
    const { control } = this;
    return control[C.DONE] | (control[C.PATIENT] === 0 ? 0 : this.waiting);
  }

  private ready(): number {
    const { control } = this;
    return ((1 << control[C.THREADS]) - 1) & ~(control[C.DONE] | this.waiting);
  }

  private end(me: number): number {
    this.control[C.DONE] |= 1 << me;
    return this.leave(me);
  }

  /** Returns the thread that is next: the lowest unless scheduled, or -1 when all have ended. */
  private leave(me: number): number {
    const { control, decider } = this;
    const step = Math.min(control[C.STEP]++, C.MAX_STEPS - 1);
    const all = (1 << control[C.THREADS]) - 1;
    const waiting = this.waiting & ~control[C.DONE];
    const able = all & ~this.out();
    const ready = this.ready();
    const standard = able === 0 ? 0 : 31 - Math.clz32((ready || able) & -(ready || able));
    const mark = C.TRACE_LEFT | (standard << C.TRACE_TO_SHIFT);
    control[C.TRACE + step] = me | (this.out() << C.TRACE_DONE_SHIFT) | mark;
    if (able === 0) {
      if (waiting !== 0) throw new Error(`threads ${waiting.toString(2)} (bits) wait for ever`);
      return -1;
    }
    if (decider !== undefined) {
      const to = decider.decide(step, -1, ready, able & waiting);
      if (to !== standard) this.taken.push(step, to);
      return to;
    }
    const cursor = control[C.CURSOR];
    if (cursor >= control[C.SWITCH_COUNT] || control[C.SWITCHES + 2 * cursor] !== step) {
      return standard;
    }
    control[C.CURSOR] = cursor + 1;
    const wanted = control[C.SWITCHES + 2 * cursor + 1];
    return ((able >>> wanted) & 1) === 1 ? wanted : standard;
  }

  /** Runs before each plain write of the running thread, if those are watched. */
  write(): void {
    const { control, me } = this;
    if (!this.isDying) {
      const own = ++control[C.OWN_STEPS + me];
      if (control[C.VICTIM] !== me || control[C.VICTIM_STEP] !== own) return;
      this.isDying = true;
      control[C.DEAD] |= 1 << me;
    }
    throw this.program.KILL;
  }

  /** Does a thread's pending operation; returns false if it waits or dies instead of going on. */
  private perform(me: number, step: Step): boolean {
    const { control } = this;
    const { pending } = this.program;
    const { address, index, op, view } = step;
    if (op === C.DIE) {
      control[C.DEAD] |= 1 << me;
      return false;
    }
    if (control[C.WATCH] === 2) {
      const write = op === C.STORE ? C.SYNC_STORE : C.SYNC_WRITE;
      this.program.log(view, index, op === C.LOAD ? C.SYNC_READ : write);
    }
    if (op >= C.NOTIFY) return this.performWait(me, step);
    const found = view[index] as number;
    const { expected, value } = step;
    if (op === C.STORE) view[index] = value;
    else if (op === C.ADD) view[index] = found + value;
    else if (op === C.OR) view[index] = found | value;
    else if (op === C.AND) view[index] = found & value;
    else if (op === C.EXCHANGE) view[index] = value;
    else if (op === C.COMPARE_EXCHANGE && found === (expected | 0)) view[index] = value;
    const result = op === C.STORE ? value : found;
    C.hashStep(control, me, op, address, result);
    if (this.isClassing) this.addToClass(me, address, found, result);
    pending.result = result;
    return true;
  }

  private addToClass(me: number, address: number, found: number, result: number): void {
    const { control } = this;
    let hash = Math.imul(me + 8 * control[C.OWN_STEPS + me], 0x2c1b3c6d) ^ address;
    hash = Math.imul(hash ^ (hash >>> 15), 0x297a2d39) ^ found;
    hash = Math.imul(hash ^ (hash >>> 13), 0x1b56c4e9) ^ result;
    control[C.CLASS] = (control[C.CLASS] + Math.imul(hash ^ (hash >>> 14), 0x2c1b3c6d)) | 0;
  }

  private performWait(me: number, step: Step): boolean {
    const { control } = this;
    const { clock, pending } = this.program;
    const { address, index, op, value, view } = step;
    const bit = 1 << me;
    let result: number | string = "ok";
    if (op === C.NOTIFY) {
      result = this.wake(address, value);
    } else if (op === C.WAIT && (this.waiting & bit) !== 0) {
      // It has the turn although nobody woke it, so its wait has timed out.
      this.waiting &= ~bit;
      clock.ms += step.expected;
      result = "timed-out";
    } else if (op === C.WAIT && view[index] !== value) {
      result = "not-equal";
    } else if (op === C.WAIT) {
      this.waiting |= bit;
      return false;
    }
    C.hashStep(control, me, op, address, typeof result === "number" ? result : result.length);
    pending.result = result;
    return true;
  }

  private wake(address: number, count: number): number {
    let woken = 0;
    for (let thread = 0; thread < this.control[C.THREADS] && woken < count; thread++) {
      const step = this.steps[thread] as Step;
      if (((this.waiting >>> thread) & 1) === 0 || step.address !== address) continue;
      this.waiting &= ~(1 << thread);
      step.op = C.WOKEN;
      woken++;
    }
    return woken;
  }
}
