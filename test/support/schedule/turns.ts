import type { SharedInts } from "../../../src/base/sync.js";
import * as C from "./control.js";

/*
 * Whose turn it is, and who dies: the same on threads and on fibers, so that a schedule gives the
 * same run on both. All of it is in the control buffer.
 */

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

function lowestOf(threads: number): number {
  return 31 - Math.clz32(threads & -threads);
}

/** Returns the threads that may not have the turn: ended, or waiting without a time-out. */
function outOf(control: Int32Array): number {
  return control[C.DONE] | (control[C.PATIENT] === 0 ? 0 : control[C.WAITING]);
}

function readyOf(control: Int32Array): number {
  return ((1 << control[C.THREADS]) - 1) & ~(control[C.DONE] | control[C.WAITING]);
}

/** Notes that a thread comes to a step; returns the step's number. */
export function comeToStep(control: Int32Array, me: number): number {
  const own = ++control[C.OWN_STEPS + me];
  const step = control[C.STEP]++;
  if (step >= control[C.STEP_LIMIT]) throw new Error(`no progress: ${step} steps`);
  const first = own === 1 ? C.TRACE_FIRST : 0;
  control[C.TRACE + step] = me | (outOf(control) << C.TRACE_DONE_SHIFT) | first;
  return step;
}

/** Returns the thread that the list of switches names for a step; -1 if it names none. */
function switchAt(control: Int32Array, step: number): number {
  const cursor = control[C.CURSOR];
  if (control[C.SWITCHES + 2 * cursor] !== step || cursor >= control[C.SWITCH_COUNT]) return -1;
  control[C.CURSOR] = cursor + 1;
  return control[C.SWITCHES + 2 * cursor + 1];
}

/** Returns the thread that has the turn at a step to which `me` has come. */
export function turnAt(control: Int32Array, step: number, me: number, decider?: Decider): number {
  if (decider !== undefined) return decider.decide(step, me, readyOf(control), control[C.WAITING]);
  const to = switchAt(control, step);
  return to < 0 || ((outOf(control) >>> to) & 1) === 1 ? me : to;
}

/** What follows when a thread has ended, or waits. */
interface Leaving {
  readonly step: number;
  /** The thread that is next unless scheduled: the lowest. */
  readonly standard: number;
  /** The thread that is next; -1 when all have ended. */
  readonly to: number;
}

/** Notes that a thread has ended or waits, and finds the next one. */
export function leaveTurn(control: Int32Array, me: number, decider?: Decider): Leaving {
  const step = Math.min(control[C.STEP]++, C.MAX_STEPS - 1);
  const waiting = control[C.WAITING] & ~control[C.DONE];
  const able = ((1 << control[C.THREADS]) - 1) & ~outOf(control);
  const ready = readyOf(control);
  const standard = able === 0 ? 0 : lowestOf(ready || able);
  const mark = C.TRACE_LEFT | (standard << C.TRACE_TO_SHIFT);
  control[C.TRACE + step] = me | (outOf(control) << C.TRACE_DONE_SHIFT) | mark;
  if (able === 0) {
    if (waiting !== 0) throw new Error(`threads ${waiting.toString(2)} (bits) wait for ever`);
    return { step, standard, to: -1 };
  }
  if (decider !== undefined) {
    return { step, standard, to: decider.decide(step, -1, ready, able & waiting) };
  }
  const to = switchAt(control, step);
  return { step, standard, to: to >= 0 && ((able >>> to) & 1) === 1 ? to : standard };
}

/** Returns whether a thread dies before the step to which it came last. */
export function isLastStep(control: Int32Array, me: number): boolean {
  const own = control[C.OWN_STEPS + me];
  if (control[C.VICTIM] === me && control[C.VICTIM_STEP] === own) return true;
  return control[C.SECOND_VICTIM] === me && control[C.SECOND_VICTIM_STEP] === own;
}

/** Notes that a thread dies, and how far the others were at the first death. */
export function noteDeath(control: Int32Array, me: number): void {
  if (control[C.DEAD] === 0) {
    control.copyWithin(C.OWN_AT_DEATH, C.OWN_STEPS, C.OWN_STEPS + 8);
  }
  control[C.DEAD] |= 1 << me;
  const first = C.ASYNC_WAITS + 2 * C.ASYNC_WORDS * me;
  control.fill(0, first, first + 2 * C.ASYNC_WORDS);
}

/**
 * Returns the time that a thread reads. A millisecond passes with each read, and more where the
 * thread lost the turn.
 */
export function readClock(control: Int32Array, me: number, hasLostTurn: boolean): number {
  control[C.CLOCKS + me] += hasLostTurn ? C.PAUSE_MS : 1;
  return control[C.CLOCKS + me];
}

/** Returns a word's address, which is unique for words outside the heap too. */
export function addressOf(view: SharedInts, index: number, control: Int32Array): number {
  const address = view.byteOffset + index * view.BYTES_PER_ELEMENT;
  return view.buffer === control.buffer ? address + C.CONTROL_ADDRESS : address;
}

/** Makes a thread wait for a word. */
export function beginWait(control: Int32Array, me: number, address: number): void {
  control[C.WAITING] |= 1 << me;
  control[C.WAIT_ADDRESS + me] = address;
}

/** Ends the wait of a thread that has the turn; returns whether its time was over. */
export function endWait(control: Int32Array, me: number, ms: number): boolean {
  const bit = 1 << me;
  // Nobody woke it if it still waits.
  if ((control[C.WAITING] & bit) === 0) return false;
  control[C.WAITING] &= ~bit;
  control[C.CLOCKS + me] += ms;
  return true;
}

/** Wakes threads that wait for a word; returns how many. */
export function wake(control: Int32Array, address: number, count: number): number {
  let woken = 0;
  for (let thread = 0; thread < control[C.THREADS] && woken < count; thread++) {
    const isWaiting = ((control[C.WAITING] >>> thread) & 1) === 1;
    if (!isWaiting || control[C.WAIT_ADDRESS + thread] !== address) continue;
    control[C.WAITING] &= ~(1 << thread);
    woken++;
  }
  return woken + wakeAsync(control, address, count - woken);
}

/** Begins waits of a thread that do not block it. */
export function waitAsync(control: Int32Array, me: number, address: number, waits = 1): void {
  const first = C.ASYNC_WAITS + 2 * C.ASYNC_WORDS * me;
  let free = -1;
  for (let at = first; at < first + 2 * C.ASYNC_WORDS; at += 2) {
    if (control[at] === address && control[at + 1] > 0) {
      control[at + 1] += waits;
      return;
    }
    if (control[at + 1] === 0 && free < 0) free = at;
  }
  if (free < 0) throw new Error(`thread ${me} waits on more than ${C.ASYNC_WORDS} words`);
  control[free] = address;
  control[free + 1] = waits;
}

function wakeAsync(control: Int32Array, address: number, count: number): number {
  let woken = 0;
  const end = C.ASYNC_WAITS + 2 * C.ASYNC_WORDS * control[C.THREADS];
  for (let at = C.ASYNC_WAITS; at < end && woken < count; at += 2) {
    if (control[at] !== address) continue;
    const waits = Math.min(control[at + 1] as number, count - woken);
    control[at + 1] -= waits;
    woken += waits;
  }
  return woken;
}
