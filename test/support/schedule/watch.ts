import { Buffer } from "node:buffer";
import * as C from "./control.js";

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
let watcher: Watcher | undefined;
let isWatching = false;

export function setWatcher(of: Watcher): void {
  watcher = of;
}

/** Makes watched views, if the control buffer says so. */
export function whileWatching<Made>(make: () => Made): Made {
  isWatching = true;
  try {
    return make();
  } finally {
    isWatching = false;
  }
}

/** Stands for `sync.track`; the checks, which are not scheduled, see plain views. */
export function track<View>(view: View): View {
  if (watcher === undefined || watcher.control[C.WATCH] === 0) return view;
  return isWatching || watcher.isActive ? watched(view) : view;
}

/** Returns the view behind a proxy, or the view itself. */
export function rawOf<View extends Ints>(view: View): View {
  return (raws.get(view) as View | undefined) ?? view;
}

/** Appends an access to the log, with its stack if the control buffer asks for it. */
export function log(view: Ints, index: number, kind: number, length = 1): void {
  if (watcher === undefined) return;
  const { control, me } = watcher;
  const number = control[C.LOG_COUNT];
  if (number >= C.MAX_LOG) return;
  control[C.LOG_COUNT] = number + 1;
  const at = C.LOG + C.LOG_INTS * number;
  control[at] = me | (kind << 4);
  const base = view.buffer === control.buffer ? C.CONTROL_ADDRESS : 0;
  control[at + 1] = base + view.byteOffset + index * view.BYTES_PER_ELEMENT;
  control[at + 2] = length * view.BYTES_PER_ELEMENT;
  if (control[C.WANTED] !== number && control[C.WANTED + 1] !== number) return;
  const stack = new Error(`access ${number} by thread ${me}`).stack ?? "";
  writeText(control, `${stack}\n`);
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

function plain(view: Ints, index: number, kind: number): void {
  if (watcher === undefined || !watcher.isActive) return;
  const mode = watcher.control[C.WATCH];
  if (mode === 1 && kind === C.PLAIN_WRITE) watcher.write();
  else if (mode === 2) log(view, index, kind);
  else if (mode === 4 && view instanceof Uint8Array) {
    watcher.access();
    log(view, index, kind);
  }
}

function fill(view: Ints, value: number, start = 0, end = view.length): void {
  const isLogged = watcher?.isActive === true && watcher.control[C.WATCH] === 2;
  if (isLogged && end > start) log(view, start, C.PLAIN_WRITE, end - start);
  for (let index = start; index < end; index++) {
    // Deaths are tried at some of thousands of equal writes.
    const isStep = index === start || index === end - 1 || (index - start) % 251 === 125;
    if (isStep && !isLogged) plain(view, index, C.PLAIN_WRITE);
    view[index] = value;
  }
}

/** Returns a proxy that tells the watcher about each plain access. */
function watched<View>(view: View): View {
  const raw = view as unknown as Ints;
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
      if (name === "subarray") {
        return (start?: number, end?: number) => watched(target.subarray(start, end));
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
