import { Buffer } from "node:buffer";
import type { AsyncWait } from "../../../src/base/sync.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import * as C from "./control.js";
import { addressOf, waitAsync } from "./turns.js";

/* Views that report plain accesses: proxies around the views that `sync.track` is given. */

type Ints = Int32Array | Uint8Array;

interface Watcher {
  readonly control: Int32Array;
  readonly me: number;
  readonly isActive: boolean;
  /** Is called before a plain write, if the control buffer says that those are watched. */
  write(): void;
  /** Is called before a plain access to a header, if the control buffer says so. */
  access(): void;
}

const raws = new WeakMap<object, Ints>();
/** The names of views, by what is behind their proxies. */
const names = new WeakMap<object, string>();
let watcher: Watcher | undefined;
let isWatching = false;

export function setWatcher(of: Watcher): void {
  watcher = of;
}

/** Makes watched views, if the control buffer says so. What that reads is no part of a run. */
export function whileWatching<Made>(make: () => Made): Made {
  isWatching = true;
  try {
    return make();
  } finally {
    isWatching = false;
  }
}

/** Stands for `sync.track`; the checks, which are not scheduled, see plain views. */
export function track<View>(name: string, view: View): View {
  if (watcher === undefined || watcher.control[C.WATCH] === 0) return view;
  return isWatching || watcher.isActive ? watched(name, view) : view;
}

/** Returns the view behind a proxy, or the view itself. */
export function rawOf<View extends Ints>(view: View): View {
  return (raws.get(view) as View | undefined) ?? view;
}

/** What the event loop of each thread has to do: a run's timers that have not run. */
const laters: (() => void)[][] = Array.from({ length: 8 }, () => []);

/** Stands for `setTimeout`: an operation of the thread says when the time has come. */
export function addLater(run: () => void): object {
  if (watcher !== undefined) laters[watcher.me]?.push(run);
  return {};
}

/** Returns what a thread's event loop has to do, and forgets it. */
export function takeLaters(me: number): (() => void)[] {
  return laters[me]?.splice(0) ?? [];
}

/** Returns the stack, if the places of accesses are wanted. */
export function stackWanted(): string {
  if (watcher === undefined || watcher.control[C.EXPLAIN] === 0) return "";
  Error.stackTraceLimit = 20;
  return new Error("place").stack ?? "";
}

/** Functions between an access in the sources and its entry in the log. */
const OURS = new RegExp(
  "^(?:log|logAccess|logOperation|plain|get|set|fill|copyWithin|note|stackWanted|" +
    "load|store|add|or|and|exchange|compareExchange|notify|wait)\\d*@",
);

const FRAME = /at (?:[^\s(]*\.)?([\w$]+) \(.*?((?:src|test)\/[^\s(]+\.ts|\w+\.mjs):(\d+):/g;
const MAX_FRAMES = 6;

/**
 * Returns the functions and lines of a stack, the innermost first: `adopt@program.mjs:1234`, or of
 * the sources where the engine maps them.
 */
function framesOf(stack: string): string[] {
  const frames = [...stack.matchAll(FRAME)];
  const all = frames.map(([, name, file, line]) => `${name}@${file}:${line}`);
  const first = all.findIndex((frame) => !OURS.test(frame));
  return first < 0 ? [] : all.slice(first, first + MAX_FRAMES);
}

/** Appends an event to the log, with its place in the sources if that is wanted. */
function log(kind: number, address: number, bytes: number, view = "", stack = ""): void {
  if (watcher === undefined) return;
  const { control, me } = watcher;
  // What a dead thread still reads while its exception unwinds never happened.
  if (((control[C.DEAD] >>> me) & 1) === 1) return;
  const number = control[C.LOG_COUNT]++;
  if (number >= C.MAX_LOG) return;
  const at = C.LOG + C.LOG_INTS * number;
  const isWanted = control[C.EXPLAIN] !== 0 && (control[at] & C.LOG_WANTED) !== 0;
  control[at] = me | (kind << 4) | (isWanted ? C.LOG_WANTED : 0);
  control[at + 1] = address;
  control[at + 2] = bytes;
  if (!isWanted) return;
  writeText(control, `${number} ${view} ${framesOf(stack || stackWanted()).join(" ")}\n`);
}

function logAccess(view: Ints, index: number, kind: number, length = 1, stack = ""): void {
  const width = view.BYTES_PER_ELEMENT;
  const address = view.byteOffset + index * width;
  log(kind, address, length * width, names.get(view), stack);
}

/** Begins a wait that does not block: the engine then knows that the thread lives. */
export function beginAsyncWait(view: Ints, index: number, value: number): AsyncWait {
  const isEqual = rawOf(view)[index] === value;
  if (!isEqual) return { async: false, value: "not-equal" };
  if (watcher?.isActive) {
    const { control, me } = watcher;
    waitAsync(control, me, addressOf(rawOf(view), index, control));
  }
  return { async: true, value: new Promise(() => undefined) };
}

/**
 * Logs that a notify of one waiter has woken nobody: the engine's answer that a worker is dead. Its
 * end comes before that answer, so what it did is ordered before this recovery; nothing else that
 * survives learns of a death.
 * @param index the word of the worker's slot
 */
export function seeDeath(index: number): void {
  if (watcher === undefined || !watcher.isActive) return;
  const { control } = watcher;
  if ((control[C.WATCH] & C.WATCH_LOG) === 0) return;
  const worker = (index - workerSlot.START) >> workerSlot.SHIFT;
  for (let thread = 0; thread < control[C.THREADS]; thread++) {
    const found = control[C.WORKER_OF + thread];
    const isIt = found === worker || found === C.ATTACHING;
    if (isIt && ((control[C.DEAD] >>> thread) & 1) === 1) log(C.DEATH_SEEN, thread, 0);
  }
}

/**
 * Logs an operation of the seam.
 * @param isWrite whether an operation wrote that need not do so
 */
export function logOperation(
  op: number,
  view: Ints,
  index: number,
  isWrite: boolean,
  stack = "",
): void {
  if (watcher === undefined || (watcher.control[C.WATCH] & C.WATCH_LOG) === 0) return;
  const { control } = watcher;
  if (view.buffer === control.buffer) {
    // The harness's own words order nothing. A program hands a ptr over by some message: who takes
    // one from a slot learns from the worker that put it there, and tells it nothing.
    const isSlot = index >= C.SLOT_TABLE && index < C.SLOT_TABLE + C.SLOT_COUNT;
    const address = C.CONTROL_ADDRESS + 4 * index;
    if (isSlot) log(isWrite ? C.SYNC_WRITE : C.SYNC_READ, address, 4, "slots", stack);
    // A list is taken and put back as a whole.
    const isList = index >= C.LISTS && index < C.RECOVERED;
    if (isList) log(op === C.STORE ? C.SYNC_STORE : C.SYNC_READ, address, 4, "lists", stack);
    return;
  }
  if (op === C.NOTIFY || op === C.WOKEN) {
    log(C.WAITERS, view.byteOffset + index * view.BYTES_PER_ELEMENT, 0);
    return;
  }
  logAccess(view, index, operationKind(op, isWrite), 1, stack);
  if (op === C.WAIT) log(C.WAITERS, view.byteOffset + index * view.BYTES_PER_ELEMENT, 0);
}

function operationKind(op: number, isWrite: boolean): number {
  if (op === C.LOAD || op === C.WAIT) return C.SYNC_READ;
  if (op === C.STORE) return C.SYNC_STORE;
  // A compare-exchange that fails is a load: it publishes nothing.
  return op === C.COMPARE_EXCHANGE && !isWrite ? C.SYNC_READ : C.SYNC_WRITE;
}

export function writeText(control: Int32Array, text: string): void {
  const bytes = Buffer.from(control.buffer, control.byteOffset + 4 * C.TEXT, C.TEXT_BYTES);
  const start = control[C.FAILED];
  control[C.FAILED] = start + bytes.write(text, start);
}

export function readText(control: Int32Array): string {
  const bytes = Buffer.from(control.buffer, control.byteOffset + 4 * C.TEXT, C.TEXT_BYTES);
  return bytes.toString("utf8", 0, control[C.FAILED]);
}

function plain(view: Ints, index: number, kind: number, length = 1): void {
  if (watcher === undefined || !watcher.isActive || isWatching || length <= 0) return;
  const mode = watcher.control[C.WATCH];
  if ((mode & C.WATCH_WRITES) !== 0 && kind === C.PLAIN_WRITE) watcher.write();
  if ((mode & C.WATCH_LOG) !== 0) logAccess(view, index, kind, length);
  if ((mode & C.WATCH_HEADERS) !== 0 && view instanceof Uint8Array) {
    watcher.access();
    logAccess(view, index, kind, length);
  }
}

/** Deaths are tried at some of thousands of equal writes. */
function fill(view: Ints, value: number, start = 0, end = view.length): void {
  let from = start;
  for (let index = start + 1; index <= end; index++) {
    if (index < end - 1 && (index - start) % 251 !== 125) continue;
    plain(view, from, C.PLAIN_WRITE, index - from);
    view.fill(value, from, index);
    from = index;
  }
}

/** Copies bytes: one read and one write, between which a worker may die. */
function copyWithin(view: Ints, to: number, start: number, end: number): void {
  plain(view, start, C.PLAIN_READ, end - start);
  plain(view, to, C.PLAIN_WRITE, end - start);
  view.copyWithin(to, start, end);
}

/** Returns a proxy that tells the watcher about each plain access. */
function watched<View>(viewName: string, view: View): View {
  const raw = view as unknown as Ints;
  names.set(raw, viewName);
  const proxy = new Proxy(raw, {
    get(target, name) {
      if (typeof name === "symbol") return Reflect.get(target, name, target);
      const index = Number(name);
      if (Number.isInteger(index)) {
        plain(target, index, C.PLAIN_READ);
        return target[index];
      }
      if (name === "fill") {
        return (value: number, start?: number, end?: number) => fill(target, value, start, end);
      }
      if (name === "some") {
        plain(target, 0, C.PLAIN_READ, target.length);
        return target.some.bind(target);
      }
      if (name === "copyWithin") {
        return (to: number, start: number, end: number) => copyWithin(target, to, start, end);
      }
      if (name === "subarray") {
        return (start?: number, end?: number) => watched(viewName, target.subarray(start, end));
      }
      return Reflect.get(target, name, target);
    },
    set(target, name, value: number) {
      const index = Number(name);
      plain(target, index, C.PLAIN_WRITE);
      target[index] = value;
      return true;
    },
  });
  raws.set(proxy, raw);
  return proxy as unknown as View;
}
