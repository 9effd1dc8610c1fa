import type { SharedHeap } from "../../../src/index.js";
import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT } from "../../../src/trace/format.js";
import type { LinearOps } from "../../rivals/linear.js";
import { OP_WORK } from "../../workloads/script.js";
import type { Progress, Setup } from "./shared.js";
import { IN_CELL, PLACE_MASK } from "./split.js";

/** The views of a worker. */
export interface Desk {
  readonly setup: Setup;
  readonly heap: SharedHeap;
  readonly u8: Uint8Array;
  readonly ops: LinearOps;
  readonly cells: Int32Array;
  readonly slots: Int32Array;
  readonly progress: Progress;
}

/** Runs through events from an index into the words at least up to another; returns the next. */
export type WorkerLoop = (from: number, to: number) => number;

/** Words of an event. */
export function lengthOf(word: number): number {
  const op = word >>> OP_SHIFT;
  return 2 + ((word & IN_CELL) !== 0 ? 2 : 0) + (op === OP_REALLOC || op === OP_WORK ? 2 : 0);
}

/** Waits for the event of another worker that the event at an index is to follow, if any. */
export function enter({ setup, progress }: Desk, at: number): void {
  const { words } = setup.stream;
  if (((words[at] as number) & IN_CELL) === 0) return;
  const other = words[at + 2] as number;
  const position = words[at + 3] as number;
  if ((progress.known[other] as number) < position) progress.await(at, other, position);
}

/** The loop that is timed: that of run/loops.ts, for one of several workers. */
export function createWorkerLoop(desk: Desk): WorkerLoop {
  const { slots, u8, ops, setup } = desk;
  const { words } = setup.stream;
  const isAll = setup.touch === "all";
  const isPair = setup.touch === "pair";
  const { malloc, free } = ops;
  const doRare = createRare(desk);
  // The closure's own: see run/loops.ts.
  const opFree = OP_FREE;
  const opShift = OP_SHIFT;
  const inCell = IN_CELL;
  return function replayEvents(from, to) {
    let i = from;
    while (i < to) {
      const word = words[i] as number;
      const size = words[i + 1] as number;
      const op = word >>> opShift;
      if ((word & inCell) !== 0 || op > opFree) {
        i = doRare(i);
        continue;
      }
      const slot = word & ~(3 << opShift);
      if (op === opFree) {
        const block = slots[slot] as number;
        if (isAll) readAll(u8, block, size);
        free(block);
        slots[slot] = 0;
      } else {
        const block = malloc(size);
        if (isAll) u8.fill((i >>> 1) & 0xff, block, block + size);
        else if (size !== 0) u8[block] = i >>> 1;
        if (isPair && size > 1) u8[block + 1] = i >>> 1;
        slots[slot] = block;
      }
      i += 2;
    }
    return i;
  };
}

function readAll(u8: Uint8Array, block: number, size: number): void {
  const value = u8[block];
  for (let at = block + 1; at < block + size; at++) {
    if (u8[at] !== value) throw new Error("a block's bytes have changed");
  }
}

/** An event on a cell, a realloc, or work: the event at an index; returns the next one's. */
function createRare(desk: Desk): (at: number) => number {
  const { slots, cells, u8, ops, setup } = desk;
  const { touch, stream } = setup;
  const { words } = stream;
  const { malloc, free, realloc } = ops;
  const write = (block: number, size: number, event: number): void => {
    const bytes = touch === "all" ? size : Math.min(size, touch === "pair" ? 2 : 1);
    if (bytes <= 2) {
      if (bytes > 0) u8[block] = event;
      if (bytes > 1) u8[block + 1] = event;
    } else u8.fill(event & 0xff, block, block + bytes);
  };
  return function doRare(at) {
    const word = words[at] as number;
    const size = words[at + 1] as number;
    const op = word >>> OP_SHIFT;
    const isCell = (word & IN_CELL) !== 0;
    const blocks = isCell ? cells : slots;
    const place = word & PLACE_MASK;
    enter(desk, at);
    if (op === OP_MALLOC) {
      const block = malloc(size);
      write(block, size, at >>> 1);
      blocks[place] = block;
    } else if (op === OP_FREE) {
      const block = blocks[place] as number;
      if (touch === "all") readAll(u8, block, size);
      free(block);
      blocks[place] = 0;
    } else if (op === OP_REALLOC) {
      const block = realloc(blocks[place] as number, size);
      write(block, size, at >>> 1);
      blocks[place] = block;
    } else {
      const block = blocks[place] as number;
      const bytes = words[at + (isCell ? 4 : 2)] as number;
      for (let time = 0; time < size; time++) {
        u8.fill(((at >>> 1) + time) & 0xff, block, block + bytes);
      }
    }
    return at + lengthOf(word);
  };
}
