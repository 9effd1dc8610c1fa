import type { SharedInts } from "../../../../src/base/sync.js";
import type { Agent } from "../agent.js";
import * as C from "../control.js";
import { AtDeath } from "../death.js";
import {
  addressOf,
  beginWait,
  comeToStep,
  type Decider,
  endWait,
  isLastStep,
  leaveTurn,
  noteDeath,
  readClock,
  turnAt,
  wake,
} from "../turns.js";

type Program = Omit<typeof import("./program.js"), "Agent"> & {
  readonly Agent: new (
    ...of: ConstructorParameters<typeof Agent>
  ) => { runOps(): Generator<undefined, void> };
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
  /** Whether another thread had the turn between the step and its operation. */
  hasLostTurn: boolean;
  isWaiting: boolean;
  /** How often the thread has read the clock. */
  clockReads: number;
  /** Where in the sources the operation is, if that is wanted. */
  stack: string;
}

function newStep(): Step {
  return {
    op: 0,
    view: new Int32Array(0),
    index: 0,
    value: 0,
    expected: 0,
    address: 0,
    hasLostTurn: false,
    isWaiting: false,
    clockReads: 0,
    stack: "",
  };
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
  private isDying = false;
  private readonly buffer: SharedArrayBuffer;
  private readonly atDeath: AtDeath;

  constructor(program: Program, buffer: SharedArrayBuffer, control: Int32Array) {
    this.buffer = buffer;
    this.atDeath = new AtDeath(buffer, control);
    this.program = program;
    this.control = control;
    program.setWatcher(this);
  }

  /** Makes the threads of a scenario. */
  open(): void {
    const { Agent, World } = this.program;
    const { agents, buffer, control } = this;
    agents.length = 0;
    for (let me = 0; me < control[C.THREADS]; me++) {
      agents.push(new Agent(new World(buffer, control, true), me));
    }
  }

  /** Runs all threads; returns whether the run came to its end. */
  run(): boolean {
    const { agents, control, program, taken } = this;
    const { pending } = program;
    taken.length = 0;
    pending.op = 0;
    this.isActive = true;
    this.fibers = agents.map((agent) => agent.runOps());
    for (const step of this.steps) {
      step.op = 0;
      step.isWaiting = false;
      step.clockReads = 0;
    }
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
      this.atDeath.restore();
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
    step.stack = pending.stack;
    const { view } = step;
    step.address = addressOf(view, step.index, control);
    pending.op = 0;
    return this.step(me);
  }

  /** Does what `Scheduler.step` does on threads. */
  private step(me: number): number {
    const { control, decider, taken } = this;
    const step = comeToStep(control, me);
    const to = turnAt(control, step, me, decider);
    if (decider !== undefined && to !== me) taken.push(step, to);
    const own = this.steps[me] as Step;
    own.hasLostTurn = to !== me;
    // It dies when it has the turn again, and runs nothing until then.
    if (isLastStep(control, me)) own.op = C.DIE;
    return to;
  }

  private end(me: number): number {
    this.control[C.DONE] |= 1 << me;
    return this.leave(me);
  }

  /** Returns the thread that is next: the lowest unless scheduled, or -1 when all have ended. */
  private leave(me: number): number {
    const { control, decider, taken } = this;
    const { step, standard, to } = leaveTurn(control, me, decider);
    const hasDecided = decider !== undefined && control[C.DONE] !== (1 << control[C.THREADS]) - 1;
    if (hasDecided && to !== standard) taken.push(step, to);
    return to;
  }

  /** Runs before each plain write of the running thread, if those are watched. */
  write(): void {
    const { control, me } = this;
    if (!this.isDying) {
      C.checkReading(control, me);
      control[C.OWN_STEPS + me]++;
      if (!isLastStep(control, me)) return;
      this.isDying = true;
      noteDeath(control, me);
      this.atDeath.keep();
    }
    throw this.program.KILL;
  }

  access(): void {
    throw new Error("a fiber has no steps at plain accesses; threads have");
  }

  /** Does a thread's pending operation; returns false if it waits or dies instead of going on. */
  private perform(me: number, step: Step): boolean {
    const { control } = this;
    const { pending } = this.program;
    const { address, index, op, view } = step;
    if (op === C.DIE) {
      noteDeath(control, me);
      return false;
    }
    if (op === C.CLOCK) {
      step.clockReads++;
      const ms = readClock(control, me, step.hasLostTurn);
      C.hashStep(control, me, op, 0, ms);
      pending.result = ms;
      return true;
    }
    const found = view[index] as number;
    const { expected, value } = step;
    if ((control[C.WATCH] & C.WATCH_LOG) !== 0) {
      const hasWaited = op === C.WAIT && step.isWaiting;
      const changes = op === C.COMPARE_EXCHANGE ? found === (expected | 0) : value !== 0;
      this.program.logOperation(hasWaited ? C.WOKEN : op, view, index, changes, step.stack);
    }
    if (op >= C.NOTIFY) return this.performWait(me, step);
    if (op === C.STORE) view[index] = value;
    else if (op === C.ADD) view[index] = found + value;
    else if (op === C.OR) view[index] = found | value;
    else if (op === C.AND) view[index] = found & value;
    else if (op === C.EXCHANGE) view[index] = value;
    else if (op === C.COMPARE_EXCHANGE && found === (expected | 0)) view[index] = value;
    const result = op === C.STORE ? value : found;
    C.hashStep(control, me, op, address, result);
    if (this.isClassing) this.addToClass(me, step, found, result);
    pending.result = result;
    return true;
  }

  private addToClass(
    me: number,
    { address, clockReads }: Step,
    found: number,
    result: number,
  ): void {
    const { control } = this;
    const own = control[C.OWN_STEPS + me] - clockReads;
    let hash = Math.imul(me + 8 * own, 0x2c1b3c6d) ^ address;
    hash = Math.imul(hash ^ (hash >>> 15), 0x297a2d39) ^ found;
    hash = Math.imul(hash ^ (hash >>> 13), 0x1b56c4e9) ^ result;
    control[C.CLASS] = (control[C.CLASS] + Math.imul(hash ^ (hash >>> 14), 0x2c1b3c6d)) | 0;
  }

  private performWait(me: number, step: Step): boolean {
    const { control } = this;
    const { pending } = this.program;
    const { address, index, op, value, view } = step;
    let result: number | string;
    let did = op;
    if (op === C.NOTIFY) {
      result = wake(control, address, value);
      if (value === 1 && result === 0) this.program.seeDeath(index);
    } else if (step.isWaiting) {
      step.isWaiting = false;
      const isOver = endWait(control, me, step.expected);
      result = isOver ? "timed-out" : "ok";
      if (!isOver) did = C.WOKEN;
    } else if (view[index] !== value) {
      result = "not-equal";
    } else {
      step.isWaiting = true;
      beginWait(control, me, address);
      return false;
    }
    C.hashStep(control, me, did, address, typeof result === "number" ? result : result.length);
    pending.result = result;
    return true;
  }
}
