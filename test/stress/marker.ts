/**
 * A thread of marks.ts: the freer frees the blocks of a slab when it is told to, and a leaver
 * detaches and attaches, again and again, and trades blocks in between.
 */
import { workerData } from "node:worker_threads";
import type { SharedHeap as Heap, Ptr } from "../../dist/index.js";
import {
  ATTACHMENTS,
  COUNT,
  END,
  FREE_ALL,
  GATE,
  type MarkerData,
  NOTHING,
  PARKED,
  PTRS,
  readSigned,
  TASK,
  trade,
} from "./board.js";
import { random } from "./plan.js";

const given = workerData as MarkerData;
const { SharedHeap } = (await import(given.module)) as { SharedHeap: typeof Heap };
const board = new Int32Array(given.board);
const next = random(given.seed);
/** The engine keeps the waits of attachments that ended until the event loop turns. */
const TURNS = 20;

if (given.role === "freer") runFreer(SharedHeap.attach(given.heap));
else await runLeaver();

function runFreer(heap: Heap): void {
  for (;;) {
    const task = Atomics.load(board, TASK);
    if (task === END) break;
    if (task !== FREE_ALL) {
      Atomics.wait(board, TASK, NOTHING);
      continue;
    }
    for (let index = (board[COUNT] ?? 0) - 1; index >= 0; index--) {
      const ptr = board[PTRS + index] as Ptr;
      readSigned(heap, ptr);
      heap.free(ptr);
    }
    heap.drain();
    Atomics.store(board, TASK, NOTHING);
  }
  heap.detach();
}

async function runLeaver(): Promise<void> {
  for (let turn = 1; Atomics.load(board, GATE) !== 2; turn++) {
    const heap = SharedHeap.attach(given.heap);
    Atomics.add(board, ATTACHMENTS, 1);
    if (next() < 0.3) trade(heap, board, next);
    if (Atomics.load(board, GATE) === 1) park();
    heap.detach();
    if (turn % TURNS === 0) await new Promise((wake) => setImmediate(wake));
  }
}

function park(): void {
  Atomics.add(board, PARKED, 1);
  while (Atomics.load(board, GATE) === 1) Atomics.wait(board, GATE, 1);
  Atomics.sub(board, PARKED, 1);
}
