import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../trace/format.js";
import type { Script } from "../script.js";
import type { Slots, Subject } from "../subjects/subject.js";

/** Runs through a part of a script's words. */
export type Loop = (from: number, to: number) => void;

/** What is in the slots, and how large it was asked to be; EMPTY where there is nothing. */
export interface State<Block> {
  readonly slots: Slots<Block>;
  /** What an empty slot holds. */
  readonly none: Block;
  readonly sizes: Int32Array;
}

export const EMPTY = -1;

export function createState<Block>(subject: Subject<Block>, { slotCount }: Script): State<Block> {
  return {
    slots: subject.createSlots(slotCount),
    none: subject.createSlots(1)[0] as Block,
    sizes: new Int32Array(slotCount).fill(EMPTY),
  };
}

type Rare = (op: number, slot: number, size: number, event: number) => void;

/**
 * The loop that is timed. What `touch` asks is constant in the closure, and V8 compiles the
 * branches away.
 */
export function createLoop<Block>(
  subject: Subject<Block>,
  script: Script,
  state: State<Block>,
): Loop {
  const { words, touch } = script;
  const { slots, none, sizes } = state;
  const isAll = touch === "all";
  const isPair = touch === "pair";
  const doRare = createRare(subject, script, state);
  return function replayEvents(from, to) {
    for (let i = from; i < to; i += 2) {
      const word = words[i] as number;
      const slot = word & SLOT_MASK;
      const op = word >>> OP_SHIFT;
      if (op === OP_FREE) {
        if (isAll) readAll(subject, slots[slot] as Block, sizes[slot] as number);
        subject.free(slots[slot] as Block);
        slots[slot] = none;
        sizes[slot] = EMPTY;
        continue;
      }
      const size = words[i + 1] as number;
      if (op === OP_MALLOC) {
        const block = subject.malloc(size);
        if (isAll) subject.fill(block, size, (i >>> 1) & 0xff);
        else if (size !== 0) subject.write(block, 0, i >>> 1);
        if (isPair && size > 1) subject.write(block, 1, i >>> 1);
        slots[slot] = block;
        sizes[slot] = size;
      } else doRare(op, slot, size, i >>> 1);
    }
  };
}

function readAll<Block>(subject: Subject<Block>, block: Block, size: number): void {
  if (size === 0) return;
  const value = subject.read(block, 0);
  for (let offset = 1; offset < size; offset++) {
    if (subject.read(block, offset) !== value) throw new Error("a block's bytes have changed");
  }
}

/** A realloc, or work on a block: out of the loops, so that they stay small. */
function createRare<Block>(
  subject: Subject<Block>,
  { touch }: Script,
  { slots, sizes }: State<Block>,
): Rare {
  return function doRare(op, slot, size, event) {
    const oldSize = sizes[slot] as number;
    if (op !== OP_REALLOC) {
      for (let time = 0; time < size; time++) {
        subject.fill(slots[slot] as Block, oldSize, (event + time) & 0xff);
      }
      return;
    }
    const block =
      oldSize === EMPTY
        ? subject.malloc(size)
        : subject.realloc(slots[slot] as Block, size, oldSize);
    const written = touch === "all" ? size : touch === "pair" ? Math.min(size, 2) : 0;
    if (written > 0) subject.fill(block, written, event & 0xff);
    else if (size !== 0) subject.write(block, 0, event);
    slots[slot] = block;
    sizes[slot] = size;
  };
}

/** Frees what a run through the script has left. */
export function freeAll<Block>(
  subject: Subject<Block>,
  { slots, none, sizes }: State<Block>,
): void {
  for (let slot = 0; slot < sizes.length; slot++) {
    if (sizes[slot] === EMPTY) continue;
    subject.free(slots[slot] as Block);
    slots[slot] = none;
    sizes[slot] = EMPTY;
  }
}
