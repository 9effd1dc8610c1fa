import { Worker } from "node:worker_threads";
import type { SharedHeap } from "../../dist/index.js";
import { random } from "./plan.js";

/** Data for a thread that attaches and detaches, or that supervises such threads. */
export interface Churner {
  readonly module: string;
  readonly script: string;
  readonly heap: SharedArrayBuffer;
  /** `BEGUN` of a churner. */
  readonly flags: SharedArrayBuffer;
  readonly seed: number;
  /** Only a supervisor has this. */
  readonly supervise?: Pick<SupervisePlan, "end" | "kills">;
}

export interface SupervisePlan {
  readonly script: string;
  readonly module: string;
  readonly seed: number;
  /** When to stop at the earliest, and after how many kills. */
  readonly end: number;
  readonly kills: number;
}

export interface Supervised {
  kills: number;
  recovered: number;
}

/** Set by a churner when it is about to attach first. */
export const BEGUN = 0;
/** Longest life of a churner in microseconds. */
const LIFE_US = 3000;
const SEATS = 2;

/** Guards threads that attach and detach, and kills them at random instants. */
export async function supervise(heap: SharedHeap, plan: SupervisePlan): Promise<Supervised> {
  const next = random(plan.seed);
  const done: Supervised = { kills: 0, recovered: 0 };
  const sit = async (): Promise<void> => {
    while (Date.now() < plan.end || done.kills < plan.kills) {
      await killOne(heap, plan, next, () => void done.recovered++);
      done.kills++;
    }
  };
  await Promise.all(Array.from({ length: SEATS }, sit));
  // A guard that found its worker dead asks about the others once more.
  await new Promise((wake) => setTimeout(wake, 1200));
  return done;
}

async function killOne(
  heap: SharedHeap,
  { module, script }: SupervisePlan,
  next: () => number,
  onRecover: () => void,
): Promise<void> {
  const flags = new SharedArrayBuffer(4);
  const seed = Math.floor(next() * 2 ** 32);
  const workerData: Churner = { module, script, heap: heap.buffer, flags, seed };
  const worker = new Worker(script, { workerData });
  let failure: Error | undefined;
  worker.once("error", (error) => {
    failure = error;
  });
  const hasExited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  heap.guard(worker, { freeLive: true, onRecover });
  const words = new Int32Array(flags);
  const wait = Atomics as unknown as {
    waitAsync(words: Int32Array, index: number, value: number): { value: unknown };
  };
  await Promise.race([wait.waitAsync(words, BEGUN, 0).value, hasExited]);
  const end = performance.now() + (next() * LIFE_US) / 1000;
  while (performance.now() < end);
  await worker.terminate();
  await hasExited;
  if (failure !== undefined) throw failure;
}
