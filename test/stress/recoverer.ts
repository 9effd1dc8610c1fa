/** A thread that recovers dead workers as it is told. It may be killed between any instructions. */
import { parentPort, workerData } from "node:worker_threads";
import type { SharedHeap as Heap, HeapError as Misuse, Recovered } from "../../dist/index.js";
import {
  BEGUN,
  type Order,
  OWN_ID,
  READY,
  REFUSED,
  RETURNED,
  type RecovererData,
  STATUS,
  TOLD,
  UNTOLD,
  writeReport,
} from "./orders.js";

const { module, report, heap: buffer } = workerData as RecovererData;
const { SharedHeap, HeapError } = (await import(module)) as {
  SharedHeap: typeof Heap;
  HeapError: typeof Misuse;
};
const words = new Int32Array(report);
const heap = SharedHeap.attach(buffer);

/** Recovers by the guard of a thread that has ended. Returns undefined if it told nothing. */
function guardNow({ workerId, freeLive }: Order): Recovered[] | undefined {
  const told: Recovered[] = [];
  const ended = { once: (_: "exit", listener: () => void): void => listener() };
  const onRecover = (what: Recovered): void => void told.push(what);
  heap.guard(ended, { workerId, freeLive, onRecover })();
  return told.length > 0 ? told : undefined;
}

/** Recovers a worker and those that it was recovering. Returns undefined if another was faster. */
function recover({ workerId, freeLive, isRace }: Order): Recovered[] | undefined {
  try {
    const what = heap.recover(workerId, { freeLive });
    return [what, ...what.others];
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    const { code, details } = error;
    if (isRace && (code === "ERR_WORKER_ALIVE" || code === "ERR_INVALID_WORKER")) return undefined;
    if (code !== "ERR_WORKER_ALIVE" || details.life !== "unknown") throw error;
    Atomics.add(words, UNTOLD, 1);
    const what = heap.recover(workerId, { freeLive, exited: true });
    return [what, ...what.others];
  }
}

function obey(order: Order): void {
  Atomics.store(words, STATUS, BEGUN);
  const told = (order.isGuard ? guardNow(order) : undefined) ?? recover(order);
  Atomics.store(words, STATUS, RETURNED);
  if (told !== undefined) writeReport(words, told);
  Atomics.store(words, STATUS, told === undefined ? REFUSED : TOLD);
}

parentPort?.on("message", (order: Order) => obey(order));
Atomics.store(words, OWN_ID, heap.workerId);
Atomics.store(words, STATUS, READY);
