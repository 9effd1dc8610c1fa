import type { HeapError, Ptr, SharedHeap } from "../../dist/index.js";

/*
 * What the threads of marks.ts share beside the heap: a few words, cells that hold a block or 0
 * each, and the ptrs of one slab. Whoever takes a block out of a cell has it alone.
 */

/** Data that a thread is started with. */
export interface MarkerData {
  readonly module: string;
  readonly heap: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
  readonly role: "freer" | "leaver";
  readonly seed: number;
}

/** What the freer shall do, one of the three below. */
export const TASK = 0;
/** 1 while the leavers shall be parked, 2 when they shall end. */
export const GATE = 1;
/** Leavers that are parked. */
export const PARKED = 2;
/** How often leavers have attached. */
export const ATTACHMENTS = 3;
/** How often a block was taken out of a cell. */
export const TRADES = 4;
/** Ptrs that the freer shall free. */
export const COUNT = 5;
const CELLS = 16;
const CELL_COUNT = 12;
export const PTRS = 32;
const MOST_PTRS = 2048;
export const BOARD_WORDS = PTRS + MOST_PTRS;

export const NOTHING = 0;
export const FREE_ALL = 1;
export const END = 2;

/** Sizes whose numbers of classes are also those of workers, and whose slabs change class. */
export const SMALL_SIZES: readonly number[] = [32, 48, 64, 80, 96];
const SPAN_BYTES = 66_000;

export function pick<T>(next: () => number, from: readonly T[]): T {
  return from[Math.floor(next() * from.length)] as T;
}

/** Writes a block's size and a number made from it at its start, and at its end. */
export function sign({ u32 }: SharedHeap, ptr: number, size: number): void {
  const at = ptr >>> 2;
  u32[at] = size;
  u32[at + 1] = ptr ^ 0x5bd1e995;
  u32[at + (size >>> 2) - 1] = ptr + size;
}

/** Returns the size of a block that was signed. @throws if a word is not what was written. */
export function readSigned({ u32 }: SharedHeap, ptr: number): number {
  const at = ptr >>> 2;
  const size = u32[at] ?? 0;
  const isIntact =
    u32[at + 1] === (ptr ^ 0x5bd1e995) >>> 0 && u32[at + (size >>> 2) - 1] === ptr + size;
  if (!isIntact) throw new Error(`block ${ptr} of ${size} bytes is not what was written`);
  return size;
}

/** Hands a block over. Returns false if the worker has left, or if this one may not do it. */
export function tryHandOver(heap: SharedHeap, ptr: number, workerId: number): boolean {
  try {
    heap.handOver(ptr as Ptr, workerId);
    return true;
  } catch (error) {
    if ((error as HeapError).code !== "ERR_INVALID_WORKER") throw error;
    return false;
  }
}

/** Takes the block out of a cell. Returns 0 if there is none. */
function takeCell(board: Int32Array, cell: number): number {
  return Atomics.exchange(board, CELLS + cell, 0);
}

function putCell(heap: SharedHeap, board: Int32Array, cell: number, ptr: number): void {
  if (Atomics.compareExchange(board, CELLS + cell, 0, ptr) !== 0) heap.free(ptr as Ptr);
}

/**
 * Takes the block of a cell, or allocates one; checks it; and frees it, resizes it or hands it over
 * to a worker, which may be leaving.
 */
export function trade(heap: SharedHeap, board: Int32Array, next: () => number): void {
  const cell = Math.floor(next() * CELL_COUNT);
  const what = next();
  let ptr = takeCell(board, cell);
  Atomics.add(board, TRADES, 1);
  const newSize =
    next() < 0.5 ? pick(next, SMALL_SIZES) : SPAN_BYTES + 16 * Math.floor(next() * 4200);
  if (ptr === 0) {
    ptr = heap.tryMalloc(newSize);
    if (ptr === 0) return;
    sign(heap, ptr, newSize);
  } else {
    readSigned(heap, ptr);
    if (what < 0.3) {
      heap.free(ptr as Ptr);
      return;
    }
    if (what < 0.5) ptr = resize(heap, ptr, newSize);
  }
  if (what < 0.9) tryHandOver(heap, ptr, Math.floor(next() * heap.maxWorkers));
  putCell(heap, board, cell, ptr);
}

function resize(heap: SharedHeap, ptr: number, size: number): number {
  try {
    const moved = heap.realloc(ptr as Ptr, size);
    sign(heap, moved, size);
    return moved;
  } catch (error) {
    if ((error as HeapError).code !== "ERR_HEAP_EXHAUSTED") throw error;
    return ptr;
  }
}

/** Returns how many blocks stand in the cells. */
export function countCells(board: Int32Array): number {
  return board.subarray(CELLS, CELLS + CELL_COUNT).filter((ptr) => ptr !== 0).length;
}

/** Frees the blocks of all cells. */
export function emptyCells(heap: SharedHeap, board: Int32Array): void {
  for (let cell = 0; cell < CELL_COUNT; cell++) {
    const ptr = takeCell(board, cell);
    if (ptr === 0) continue;
    readSigned(heap, ptr);
    heap.free(ptr as Ptr);
  }
}
