import { OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../src/trace/format.js";
import type { Slots, Subject } from "../rivals/subject.js";
import { OP_WORK, type Script, type Touch } from "../workloads/script.js";

/**
 * Runs through events from an index into the words at least up to another. Returns the index of
 * the next event.
 */
export type Loop = (from: number, to: number) => number;

/** Words that a loop may run through at once: 64 KiB, which stay in the processor's cache. */
const WINDOW_WORDS = 16_384;

/** What a loop works on. */
export interface Track<Block> {
  /** The events that are run through next. A short script is here as a whole. */
  readonly words: Int32Array;
  readonly slots: Slots<Block>;
  /** What an empty slot holds. */
  readonly none: Block;
  readonly touch: Touch;
  /** Sizes of the blocks; kept only if `hasSizes`, because they cost time that no program pays. */
  readonly sizes: Int32Array;
  readonly hasSizes: boolean;
  /** Whether the words are one worker's of a split script (workers/split.ts). */
  readonly isSplit: boolean;
}

export function createTrack<Block>(subject: Subject<Block>, script: Script): Track<Block> {
  const { words, slotCount, touch } = script;
  const isShort = words.length <= WINDOW_WORDS;
  const hasSizes = touch === "all" || words.some((word, at) => at % 2 === 0 && isWork(word));
  return {
    words: isShort ? words : new Int32Array(WINDOW_WORDS),
    slots: subject.createSlots(slotCount),
    none: subject.createSlots(1)[0] as Block,
    touch,
    sizes: new Int32Array(hasSizes ? slotCount : 0),
    hasSizes,
    isSplit: false,
  };
}

function isWork(word: number): boolean {
  return word >>> OP_SHIFT === OP_WORK;
}

/**
 * Returns the loop that is timed. It is the only one in TypeScript; native/loops.h has its twin.
 * It allocates, frees and, if one byte is touched, reallocates. `doRare` does the event at an index
 * that the loop leaves, and returns the index of the next.
 *
 * V8 compiles the closure's constants into the code, and the branches on them away. So the
 * subject's functions are called directly: when each realloc went through a function of ours, redis
 * took 5.1 ns instead of 4.0 and sqlite 4.8 instead of 3.6. And the numbers are the closure's own:
 * constants of another module are loaded for each event, which took 3 ns.
 */
export function createLoop<Block>(
  subject: Pick<Subject<Block>, "malloc" | "free" | "realloc" | "write" | "read" | "fill">,
  track: Track<Block>,
  doRare: (at: number) => number,
): Loop {
  const { malloc, free, realloc, write, fill } = subject;
  const { words, slots, none, sizes, hasSizes, isSplit, touch } = track;
  const isFirst = touch === "first";
  const isPair = touch === "pair";
  const isAll = touch === "all";
  const inCell = 0x20000000;
  const slotMask = 0x3fffffff;
  // A positive word is an allocation or, from here, a free; a negative one a realloc or work.
  const firstFree = 0x40000000;
  const firstWork = 0xc0000000 | 0;
  const reallocWords = isSplit ? 4 : 2;
  return function replayEvents(from, to) {
    const end = to | 0;
    let at = from | 0;
    while (at < end) {
      const word = words[at] as number;
      if (isSplit && (word & inCell) !== 0) {
        at = doRare(at);
      } else if (word >= 0) {
        if (word < firstFree) {
          const size = words[at | 1] as number;
          const block = malloc(size);
          if (isAll) fill(block, size, (at >>> 1) & 0xff);
          else if (size !== 0) write(block, 0, at);
          if (isPair && size > 1) write(block, 1, at);
          slots[word] = block;
          if (hasSizes) sizes[word] = size;
        } else {
          const slot = word & slotMask;
          const block = slots[slot] as Block;
          if (isAll) readAll(subject, block, (isSplit ? words[at | 1] : sizes[slot]) as number);
          free(block);
          slots[slot] = none;
        }
        at = (at + 2) | 0;
      } else {
        const slot = word & slotMask;
        const old = slots[slot] as Block;
        if (isFirst && !hasSizes && word < firstWork && old !== none) {
          const size = words[at | 1] as number;
          const block = realloc(old, size);
          if (size !== 0) write(block, 0, at);
          slots[slot] = block;
          at = (at + reallocWords) | 0;
        } else at = doRare(at);
      }
    }
    return at;
  };
}

/** @throws Error if a block's bytes are no longer all the same. */
export function readAll<Block>(
  subject: Pick<Subject<Block>, "read">,
  block: Block,
  size: number,
): void {
  if (size === 0) return;
  const value = subject.read(block, 0);
  for (let offset = 1; offset < size; offset++) {
    if (subject.read(block, offset) !== value) throw new Error("a block's bytes have changed");
  }
}

/** Writes what a script's touch asks for to a block that is new or has moved. */
export function writeTouched<Block>(
  subject: Pick<Subject<Block>, "write" | "fill">,
  touch: Touch,
  block: Block,
  size: number,
  event: number,
): void {
  const bytes = touch === "all" ? size : Math.min(size, touch === "pair" ? 2 : 1);
  if (bytes > 1) subject.fill(block, bytes, event & 0xff);
  else if (bytes === 1) subject.write(block, 0, event);
}

/** Returns the function for what the loop leaves: work, and some reallocs. */
export function createRare<Block>(
  subject: Subject<Block>,
  { words, slots, none, sizes, hasSizes, touch }: Track<Block>,
): (at: number) => number {
  return function doRare(at) {
    const word = words[at] as number;
    const size = words[at + 1] as number;
    const slot = word & SLOT_MASK;
    const old = slots[slot] as Block;
    if (word >>> OP_SHIFT === OP_REALLOC) {
      const block = old === none ? subject.malloc(size) : subject.realloc(old, size);
      writeTouched(subject, touch, block, size, at >>> 1);
      slots[slot] = block;
      if (hasSizes) sizes[slot] = size;
    } else {
      for (let time = 0; time < size; time++) {
        subject.fill(old, sizes[slot] as number, ((at >>> 1) + time) & 0xff);
      }
    }
    return at + 2;
  };
}

/** Frees the blocks that a run through the script has left. */
export function freeAll<Block>(subject: Subject<Block>, { slots, none }: Track<Block>): void {
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] === none) continue;
    subject.free(slots[slot] as Block);
    slots[slot] = none;
  }
}
