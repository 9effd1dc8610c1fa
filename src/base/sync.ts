/** What `Atomics.waitAsync` returns. */
export type AsyncWait =
  | { readonly async: false; readonly value: "not-equal" | "timed-out" }
  | { readonly async: true; readonly value: Promise<"ok" | "timed-out"> };

/** Views of memory that workers share. */
export type SharedInts = Int32Array | Uint8Array;

/**
 * The one seam through which this library reaches `Atomics`. It costs nothing where it is shipped:
 * the build replaces `sync.` by `Atomics.`, and `sync.track(name, view)` by the view. The tests put
 * a scheduler in its place (test/support/schedule), and views that watch plain accesses.
 */
export interface Sync {
  load(view: SharedInts, index: number): number;
  store(view: SharedInts, index: number, value: number): number;
  add(view: SharedInts, index: number, value: number): number;
  or(view: SharedInts, index: number, value: number): number;
  and(view: SharedInts, index: number, value: number): number;
  exchange(view: SharedInts, index: number, value: number): number;
  compareExchange(view: SharedInts, index: number, expected: number, value: number): number;
  notify(view: Int32Array, index: number, count?: number): number;
  wait(view: Int32Array, index: number, value: number, ms: number): string;
  waitAsync(view: Int32Array, index: number, value: number, ms?: number): AsyncWait;
  /** Names a view of shared memory whose plain accesses must not race. */
  track<View>(name: string, view: View): View;
}

type WaitAsync = Sync["waitAsync"];

export const sync: Sync = {
  load: (view, index) => Atomics.load(view, index),
  store: (view, index, value) => Atomics.store(view, index, value),
  add: (view, index, value) => Atomics.add(view, index, value),
  or: (view, index, value) => Atomics.or(view, index, value),
  and: (view, index, value) => Atomics.and(view, index, value),
  exchange: (view, index, value) => Atomics.exchange(view, index, value),
  compareExchange: (view, index, expected, value) =>
    Atomics.compareExchange(view, index, expected, value),
  notify: (view, index, count) => Atomics.notify(view, index, count),
  wait: (view, index, value, ms) => Atomics.wait(view, index, value, ms),
  waitAsync: (view, index, value, ms) =>
    (Atomics as unknown as { waitAsync: WaitAsync }).waitAsync(view, index, value, ms),
  track: (_, view) => view,
};
