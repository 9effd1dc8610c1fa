import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../src/trace/format.js";
import type { Slots, Subject } from "../rivals/subject.js";
import { OP_WORK, type Script } from "../workloads/script.js";

/** Runs through a part of the window's words. */
export type Loop = (from: number, to: number) => void;

/** Words that a loop can run through at once: 64 KiB, which stay in the processor's cache. */
export const WINDOW_WORDS = 16_384;

/** What a loop works on. */
export interface State<Block> {
  /** Events that are run through next; all of a script's, if they are few. */
  readonly window: Int32Array;
  readonly slots: Slots<Block>;
  /** What an empty slot holds. */
  readonly none: Block;
  /** Sizes of the blocks; kept only if `hasSizes`, since they cost time that no program pays. */
  readonly sizes: Int32Array;
  readonly hasSizes: boolean;
}

export function createState<Block>(subject: Subject<Block>, script: Script): State<Block> {
  const { words, slotCount, touch } = script;
  const isShort = words.length <= WINDOW_WORDS;
  const hasSizes = touch === "all" || words.some((word, at) => at % 2 === 0 && isWork(word));
  return {
    window: isShort ? words : new Int32Array(WINDOW_WORDS),
    slots: subject.createSlots(slotCount),
    none: subject.createSlots(1)[0] as Block,
    sizes: new Int32Array(hasSizes ? slotCount : 0),
    hasSizes,
  };
}

function isWork(word: number): boolean {
  return word >>> OP_SHIFT === OP_WORK;
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
  const { touch } = script;
  const { window, slots, none, sizes, hasSizes } = state;
  const isAll = touch === "all";
  const isPair = touch === "pair";
  const { malloc, free, write, fill } = subject;
  const doRare = createRare(subject, script, state);
  // The closure's own: constants of another module V8 loads anew for each event, which took 3 ns.
  const opFree = OP_FREE;
  const opMalloc = OP_MALLOC;
  const opShift = OP_SHIFT;
  const slotMask = SLOT_MASK;
  return function replayEvents(from, to) {
    for (let i = from; i < to; i += 2) {
      const word = window[i] as number;
      const slot = word & slotMask;
      const op = word >>> opShift;
      if (op === opFree) {
        if (isAll) readAll(subject, slots[slot] as Block, sizes[slot] as number);
        free(slots[slot] as Block);
        slots[slot] = none;
        continue;
      }
      const size = window[i + 1] as number;
      if (op === opMalloc) {
        const block = malloc(size);
        if (isAll) fill(block, size, (i >>> 1) & 0xff);
        else if (size !== 0) write(block, 0, i >>> 1);
        if (isPair && size > 1) write(block, 1, i >>> 1);
        slots[slot] = block;
        if (hasSizes) sizes[slot] = size;
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
  { slots, none, sizes, hasSizes }: State<Block>,
): Rare {
  return function doRare(op, slot, size, event) {
    const old = slots[slot] as Block;
    if (op !== OP_REALLOC) {
      for (let time = 0; time < size; time++) {
        subject.fill(old, sizes[slot] as number, (event + time) & 0xff);
      }
      return;
    }
    const block = old === none ? subject.malloc(size) : subject.realloc(old, size);
    const written = touch === "all" ? size : touch === "pair" ? Math.min(size, 2) : 0;
    if (written > 0) subject.fill(block, written, event & 0xff);
    else if (size !== 0) subject.write(block, 0, event);
    slots[slot] = block;
    if (hasSizes) sizes[slot] = size;
  };
}

/** Frees what a run through the script has left. */
export function freeAll<Block>(subject: Subject<Block>, { slots, none }: State<Block>): void {
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] === none) continue;
    subject.free(slots[slot] as Block);
    slots[slot] = none;
  }
}
