import { type SharedInts, type Sync, sync } from "../../../src/base/sync.js";
import * as C from "./control.js";
import { log, rawOf, setWatcher, track } from "./watch.js";

const SPINS = 2000;

/** One thread's side of the schedule. */
export class Scheduler {
  readonly control: Int32Array;
  readonly me: number;
  /** False while thread 0 prepares or checks, which is not scheduled. */
  isActive = false;
  private isDead = false;

  constructor(control: Int32Array, me: number) {
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

  /** Runs before each operation on shared memory, where the turn may go to another thread. */
  step(): void {
    if (!this.isActive) return;
    const { control, me } = this;
    if (this.isDead) throw C.KILL;
    const own = ++control[C.OWN_STEPS + me];
    const step = control[C.STEP]++;
    if (step >= control[C.STEP_LIMIT]) {
      this.isActive = false;
      throw new Error(`no progress: ${step} steps`);
    }
    const first = own === 1 ? C.TRACE_FIRST : 0;
    control[C.TRACE + step] = me | (control[C.DONE] << C.TRACE_DONE_SHIFT) | first;
    this.turnAt(step);
    this.dieAt(own);
  }

  /** Runs before each plain write, if those are watched; the thread may die here. */
  write(): void {
    if (!this.isActive) return;
    if (this.isDead) throw C.KILL;
    this.dieAt(++this.control[C.OWN_STEPS + this.me]);
  }

  private dieAt(own: number): void {
    const { control, me } = this;
    if (control[C.VICTIM] !== me || control[C.VICTIM_STEP] !== own) return;
    this.isDead = true;
    control[C.DEAD] |= 1 << me;
    throw C.KILL;
  }

  private turnAt(step: number): void {
    const { control, me } = this;
    const cursor = control[C.CURSOR];
    if (control[C.SWITCHES + 2 * cursor] !== step || cursor >= control[C.SWITCH_COUNT]) return;
    control[C.CURSOR] = cursor + 1;
    const to = control[C.SWITCHES + 2 * cursor + 1];
    if (to === me || ((control[C.DONE] >>> to) & 1) === 1) return;
    this.pass(to);
    this.waitTurn(me);
  }

  /** Ends this thread's part; the turn goes to the lowest other thread unless scheduled. */
  end(): void {
    const { control, me } = this;
    this.isActive = false;
    const done = control[C.DONE] | (1 << me);
    control[C.DONE] = done;
    const step = Math.min(control[C.STEP]++, C.MAX_STEPS - 1);
    let to = 0;
    while (to < control[C.THREADS] && ((done >>> to) & 1) === 1) to++;
    const mark = C.TRACE_LEFT | (to << C.TRACE_TO_SHIFT);
    control[C.TRACE + step] = me | (done << C.TRACE_DONE_SHIFT) | mark;
    if (to === control[C.THREADS]) {
      this.pass(C.MAIN);
      return;
    }
    const cursor = control[C.CURSOR];
    if (cursor < control[C.SWITCH_COUNT] && control[C.SWITCHES + 2 * cursor] === step) {
      control[C.CURSOR] = cursor + 1;
      const wanted = control[C.SWITCHES + 2 * cursor + 1];
      if (((done >>> wanted) & 1) === 0) to = wanted;
    }
    this.pass(to);
  }
}

type Rmw = (view: SharedInts, index: number, value: number) => number;

/** Returns a word's address, which is unique for words outside the heap too. */
export function addressOf(view: SharedInts, index: number, control: Int32Array): number {
  const address = view.byteOffset + index * view.BYTES_PER_ELEMENT;
  return view.buffer === control.buffer ? address + C.CONTROL_ADDRESS : address;
}

/** Puts a scheduler in place of Atomics. */
export function install(scheduler: Scheduler): void {
  const { control, me } = scheduler;
  const at = (view: SharedInts, index: number, kind: number): SharedInts => {
    scheduler.step();
    const raw = rawOf(view);
    if (scheduler.isActive && control[C.WATCH] === 2) log(raw, index, kind);
    return raw;
  };
  const did = (op: number, view: SharedInts, index: number, result: number): number => {
    if (scheduler.isActive) C.hashStep(control, me, op, addressOf(view, index, control), result);
    return result;
  };
  const rmw =
    (op: number, operation: Rmw): Rmw =>
    (view, index, value) => {
      const raw = at(view, index, op === C.STORE ? C.SYNC_STORE : C.SYNC_WRITE);
      return did(op, raw, index, operation(raw, index, value));
    };
  const seam: Partial<Sync> = {
    load(view, index) {
      const raw = at(view, index, C.SYNC_READ);
      return did(C.LOAD, raw, index, Atomics.load(raw, index));
    },
    store: rmw(C.STORE, (view, index, value) => Atomics.store(view, index, value)),
    add: rmw(C.ADD, (view, index, value) => Atomics.add(view, index, value)),
    or: rmw(C.OR, (view, index, value) => Atomics.or(view, index, value)),
    and: rmw(C.AND, (view, index, value) => Atomics.and(view, index, value)),
    exchange: rmw(C.EXCHANGE, (view, index, value) => Atomics.exchange(view, index, value)),
    compareExchange(view, index, expected, value) {
      const raw = at(view, index, C.SYNC_WRITE);
      const found = Atomics.compareExchange(raw, index, expected, value);
      return did(C.COMPARE_EXCHANGE, raw, index, found);
    },
    notify: rmw(C.NOTIFY, () => 0),
    waitAsync: () => ({ async: true, value: new Promise(() => undefined) }),
    track: (_, view) => track(view),
  };
  setWatcher(scheduler);
  Object.assign(sync, seam);
}
