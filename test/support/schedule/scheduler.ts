import { type SharedInts, type Sync, sync } from "../../../src/base/sync.js";
import * as C from "./control.js";
import { AtDeath } from "./death.js";
import {
  addressOf,
  beginWait,
  comeToStep,
  endWait,
  isLastStep,
  leaveTurn,
  noteDeath,
  readClock,
  turnAt,
  wake,
} from "./turns.js";
import {
  addLater,
  beginAsyncWait,
  logOperation,
  rawOf,
  seeDeath,
  setWatcher,
  track,
} from "./watch.js";

const SPINS = 2000;

/** One thread's side of the schedule. */
export class Scheduler {
  readonly control: Int32Array;
  readonly me: number;
  /** False while thread 0 prepares or checks, which is not scheduled. */
  isActive = false;
  private isDead = false;
  private readonly atDeath: AtDeath;

  constructor(buffer: SharedArrayBuffer, control: Int32Array, me: number) {
    this.atDeath = new AtDeath(buffer, control);
    this.control = control;
    this.me = me;
  }

  waitTurn(turn: number): void {
    const { control, me } = this;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(control, C.TURN) === turn) return;
    }
    for (;;) {
      Atomics.store(control, C.SLEEPING + me, 1);
      const found = Atomics.load(control, C.TURN);
      if (found !== turn) Atomics.wait(control, C.TURN, found);
      else break;
    }
    Atomics.store(control, C.SLEEPING + me, 0);
  }

  pass(turn: number): void {
    const { control } = this;
    Atomics.store(control, C.TURN, turn);
    for (let thread = 0; thread < 4; thread++) {
      if (Atomics.load(control, C.SLEEPING + thread) === 0) continue;
      Atomics.notify(control, C.TURN);
      return;
    }
  }

  start(): void {
    this.isActive = true;
    this.isDead = false;
  }

  /**
   * Runs before each operation on shared memory, where the turn may go to another thread. Returns
   * whether it did.
   */
  step(): boolean {
    if (!this.isActive) return false;
    const { control, me } = this;
    if (this.isDead) throw C.KILL;
    let step = 0;
    try {
      step = comeToStep(control, me);
    } catch (error) {
      this.isActive = false;
      throw error;
    }
    const to = turnAt(control, step, me);
    this.giveTurn(to);
    this.dieIfLast();
    return to !== me;
  }

  /** Runs before each plain write, if those are watched; the thread may die here. */
  write(): void {
    if (!this.isActive) return;
    if (this.isDead) throw C.KILL;
    C.checkReading(this.control, this.me);
    this.control[C.OWN_STEPS + this.me]++;
    this.dieIfLast();
  }

  /** Runs before each plain access to a header, if those are watched, as before an operation. */
  access(): void {
    this.step();
  }

  private giveTurn(to: number): void {
    if (to === this.me) return;
    this.pass(to);
    this.waitTurn(this.me);
  }

  private dieIfLast(): void {
    const { control, me } = this;
    if (!isLastStep(control, me)) return;
    noteDeath(control, me);
    this.isDead = true;
    this.atDeath.keep();
    throw C.KILL;
  }

  /** Reads the thread's clock, which is a step. */
  readClock(): number {
    const { control, me } = this;
    const ms = readClock(control, me, this.step());
    C.hashStep(control, me, C.CLOCK, 0, ms);
    return ms;
  }

  /** Waits for a word until another thread wakes this one, or its time is over. */
  wait(address: number, ms: number): "ok" | "timed-out" {
    const { control, me } = this;
    beginWait(control, me, address);
    this.giveTurn(leaveTurn(control, me).to);
    return endWait(control, me, ms) ? "timed-out" : "ok";
  }

  /** Ends this thread's part; the turn goes to the lowest other thread unless scheduled. */
  end(): void {
    const { control, me } = this;
    this.isActive = false;
    if (this.isDead) this.atDeath.restore();
    control[C.DONE] |= 1 << me;
    const { to } = leaveTurn(control, me);
    this.pass(to < 0 ? C.MAIN : to);
  }
}

type Rmw = (view: SharedInts, index: number, value: number) => number;

/** Puts a scheduler in place of Atomics, and of the clock. */
export function install(scheduler: Scheduler): void {
  const { control, me } = scheduler;
  const at = (view: SharedInts): SharedInts => {
    scheduler.step();
    return rawOf(view);
  };
  const log = (op: number, view: SharedInts, index: number, changes: boolean): void => {
    if (scheduler.isActive) logOperation(op, view, index, changes);
  };
  const did = (op: number, view: SharedInts, index: number, result: number): number => {
    if (scheduler.isActive) C.hashStep(control, me, op, addressOf(view, index, control), result);
    return result;
  };
  const rmw =
    (op: number, operation: Rmw): Rmw =>
    (view, index, value) => {
      const raw = at(view);
      log(op, raw, index, value !== 0);
      return did(op, raw, index, operation(raw, index, value));
    };
  const seam: Partial<Sync> = {
    load(view, index) {
      const raw = at(view);
      log(C.LOAD, raw, index, false);
      return did(C.LOAD, raw, index, Atomics.load(raw, index));
    },
    store: rmw(C.STORE, (view, index, value) => Atomics.store(view, index, value)),
    add: rmw(C.ADD, (view, index, value) => Atomics.add(view, index, value)),
    or: rmw(C.OR, (view, index, value) => Atomics.or(view, index, value)),
    and: rmw(C.AND, (view, index, value) => Atomics.and(view, index, value)),
    exchange: rmw(C.EXCHANGE, (view, index, value) => Atomics.exchange(view, index, value)),
    compareExchange(view, index, expected, value) {
      const raw = at(view);
      const found = Atomics.compareExchange(raw, index, expected, value);
      log(C.COMPARE_EXCHANGE, raw, index, found === (expected | 0));
      return did(C.COMPARE_EXCHANGE, raw, index, found);
    },
    notify(view, index, count = Infinity) {
      const raw = at(view);
      log(C.NOTIFY, raw, index, false);
      const woken = scheduler.isActive ? wake(control, addressOf(raw, index, control), count) : 0;
      if (count === 1 && woken === 0) seeDeath(index);
      return did(C.NOTIFY, raw, index, woken);
    },
    wait(view, index, value, ms) {
      const raw = at(view);
      log(C.WAIT, raw, index, false);
      const isEqual = scheduler.isActive && Atomics.load(raw, index) === value;
      const result = isEqual ? scheduler.wait(addressOf(raw, index, control), ms) : "not-equal";
      if (isEqual) log(C.WOKEN, raw, index, false);
      did(result === "ok" ? C.WOKEN : C.WAIT, raw, index, result.length);
      return result;
    },
    waitAsync: (view, index, value) => beginAsyncWait(view, index, value),
    track: (name, view) => track(name, view),
  };
  setWatcher(scheduler);
  Object.assign(sync, seam);
  const now = Date.now;
  Date.now = () => (scheduler.isActive ? scheduler.readClock() : now());
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((run: () => void, ms: number) =>
    scheduler.isActive ? addLater(run) : setTimeout(run, ms)) as typeof setTimeout;
}
