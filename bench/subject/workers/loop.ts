import type { SharedHeap } from "../../../src/index.js";
import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT } from "../../../src/trace/format.js";
import type { Subject } from "../../rivals/subject.js";
import { OP_WORK } from "../../workloads/script.js";
import { createLoop, type Loop, readAll, type Track, writeTouched } from "../loops.js";
import type { Progress, Setup } from "./shared.js";
import { IN_CELL, PLACE_MASK } from "./split.js";

/** What a worker works with. */
export interface Desk {
  readonly setup: Setup;
  readonly heap: SharedHeap;
  readonly subject: Subject<number>;
  readonly cells: Int32Array;
  readonly slots: Int32Array;
  readonly progress: Progress;
}

/** Returns the words that an event takes. */
export function lengthOf(word: number): number {
  const op = word >>> OP_SHIFT;
  return 2 + ((word & IN_CELL) !== 0 ? 2 : 0) + (op === OP_REALLOC || op === OP_WORK ? 2 : 0);
}

/** Waits for the event of another worker, if there is one, that an event must follow. */
export function enter({ setup, progress }: Desk, at: number): void {
  const { words } = setup.stream;
  if (((words[at] as number) & IN_CELL) === 0) return;
  const other = words[at + 2] as number;
  const position = words[at + 3] as number;
  if ((progress.known[other] as number) < position) progress.await(at, other, position);
}

/** Returns the loop that is timed, for one worker's part of a split script. */
export function createWorkerLoop(desk: Desk): Loop {
  const { subject, slots, setup } = desk;
  const track: Track<number> = {
    words: setup.stream.words,
    slots,
    none: 0,
    touch: setup.touch,
    sizes: new Int32Array(0),
    hasSizes: false,
    isSplit: true,
  };
  return createLoop(subject, track, createRare(desk));
}

/** Returns the function for what the loop leaves: events on cells, work, some reallocs. */
function createRare(desk: Desk): (at: number) => number {
  const { slots, cells, subject, setup } = desk;
  const { touch, stream } = setup;
  const { words } = stream;
  return function doRare(at) {
    const word = words[at] as number;
    const size = words[at + 1] as number;
    const op = word >>> OP_SHIFT;
    const isCell = (word & IN_CELL) !== 0;
    const blocks = isCell ? cells : slots;
    const place = word & PLACE_MASK;
    enter(desk, at);
    const old = blocks[place] as number;
    if (op === OP_FREE) {
      if (touch === "all") readAll(subject, old, size);
      subject.free(old);
      blocks[place] = 0;
    } else if (op === OP_WORK) {
      const bytes = words[at + (isCell ? 4 : 2)] as number;
      for (let time = 0; time < size; time++) {
        subject.fill(old, bytes, ((at >>> 1) + time) & 0xff);
      }
    } else {
      const block = op === OP_MALLOC ? subject.malloc(size) : subject.realloc(old, size);
      writeTouched(subject, touch, block, size, at >>> 1);
      blocks[place] = block;
    }
    return at + lengthOf(word);
  };
}
