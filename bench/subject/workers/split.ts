import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../../src/trace/format.js";
import { OP_WORK, type Script } from "../../workloads/script.js";

/*
 * A script's events, split by worker. Most blocks stay with one worker and lie in its own slots. A
 * block that several use lies in a cell, which all see. Its events keep their order in the script:
 * an event that follows another worker's waits until that worker has done it. The cell that was
 * free for the longest is taken next, so that a worker waits for cells only when it is far ahead.
 * No more blocks are on their way than there are cells.
 *
 * An event takes two words: `op << 30 | place`, and the block's size (for OP_WORK, how often it is
 * written). With IN_CELL two more follow: a worker, and the place in its words that it must have
 * reached, or 0. For OP_REALLOC and OP_WORK two more follow: the size that the block has, and 0.
 */
export const IN_CELL: number = 1 << 29;
export const PLACE_MASK: number = IN_CELL - 1;

/** What one worker does. */
export interface WorkerStream {
  readonly words: Int32Array;
  /** By event of this worker: its index in the script. */
  readonly events: Int32Array;
  /** By event of this worker: which event wrote the block's bytes before. */
  readonly written: Int32Array;
  /** Where in the words a successor of this worker begins. */
  readonly ends: Int32Array;
  readonly slotCount: number;
}

/** A block that is live at the end. */
export interface LeftBlock {
  readonly worker: number;
  /** A slot of that worker, or a cell with IN_CELL. */
  readonly place: number;
  readonly size: number;
  readonly written: number;
}

export interface Split {
  readonly streams: readonly WorkerStream[];
  readonly cellCount: number;
  /** In the order of their slots in the script. */
  readonly left: readonly LeftBlock[];
}

const MIN_SPARE_CELLS = 256;
const NONE = -1;

/** A list of integers that grows. */
class Ints {
  #values: Int32Array = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Int32Array(2 * this.length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  finish(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}

interface Draft {
  readonly words: Ints;
  readonly events: Ints;
  readonly written: Ints;
  readonly ends: Ints;
  /** By slot of the script: this worker's own, or NONE. */
  readonly ownSlots: Int32Array;
  slotCount: number;
}

/** The blocks that several workers use, by the event that allocates them; and most live at once. */
function findCrossing(
  script: Script,
  workers: Uint8Array,
): { isCrossing: Uint8Array; most: number } {
  const { words, slotCount } = script;
  const births = new Int32Array(slotCount).fill(NONE);
  const isCrossing = new Uint8Array(workers.length);
  for (const [event, worker] of workers.entries()) {
    const word = words[2 * event] as number;
    const slot = word & SLOT_MASK;
    const birth = births[slot] as number;
    if (birth === NONE) births[slot] = event;
    else if (workers[birth] !== worker) isCrossing[birth] = 1;
    if (word >>> OP_SHIFT === OP_FREE) births[slot] = NONE;
  }
  births.fill(NONE);
  let now = 0;
  let most = 0;
  for (let event = 0; event < workers.length; event++) {
    const word = words[2 * event] as number;
    const slot = word & SLOT_MASK;
    if (births[slot] === NONE) {
      births[slot] = event;
      now += isCrossing[event] as number;
      most = Math.max(most, now);
    }
    if (word >>> OP_SHIFT !== OP_FREE) continue;
    now -= isCrossing[births[slot] as number] as number;
    births[slot] = NONE;
  }
  return { isCrossing, most };
}

/** The cells: which are free, and for each the worker of its last event and that event's end. */
class Cells {
  readonly count: number;
  readonly #workers: Int32Array;
  readonly #ends: Int32Array;
  readonly #queue: Int32Array;
  #used = 0;
  #given = 0;
  #taken = 0;

  constructor(count: number, crossings: number) {
    this.count = count;
    this.#workers = new Int32Array(count).fill(NONE);
    this.#ends = new Int32Array(count);
    this.#queue = new Int32Array(crossings);
  }

  take(): number {
    if (this.#used < this.count) return this.#used++;
    return this.#queue[this.#taken++] as number;
  }

  give(cell: number): void {
    this.#queue[this.#given++] = cell;
  }

  /** Adds to a worker's words what the next event on a cell must wait for. */
  enter(cell: number, worker: number, words: Ints): void {
    const other = this.#workers[cell] as number;
    const waits = other !== NONE && other !== worker;
    words.push(waits ? other : 0);
    words.push(waits ? (this.#ends[cell] as number) : 0);
  }

  /** Notes where an event that has been added ends in its worker's words. */
  leave(cell: number, worker: number, end: number): void {
    this.#workers[cell] = worker;
    this.#ends[cell] = end;
  }
}

/** What is known of a slot of the script while it is full. */
class Slots {
  readonly places: Int32Array;
  readonly sizes: Int32Array;
  readonly written: Int32Array;
  readonly workers: Uint8Array;

  constructor(count: number) {
    this.places = new Int32Array(count).fill(NONE);
    this.sizes = new Int32Array(count);
    this.written = new Int32Array(count);
    this.workers = new Uint8Array(count);
  }

  left(): LeftBlock[] {
    return Array.from(this.places).flatMap((place, slot) => {
      if (place === NONE) return [];
      const worker = this.workers[slot] as number;
      const [size, written] = [this.sizes[slot] as number, this.written[slot] as number];
      return [{ worker, place, size, written }];
    });
  }
}

/** Splits a script by its workers. The script must not be repeated. */
export function splitScript(script: Script, workerCount: number): Split {
  const { words, slotCount, workers, repeat } = script;
  if (workers === undefined || repeat !== 1) throw new Error("not a script of several workers");
  const { isCrossing, most } = findCrossing(script, workers);
  const spare = Math.max(MIN_SPARE_CELLS, most >>> 1);
  const crossings = isCrossing.reduce((a, b) => a + b, 0);
  const cells = new Cells(Math.min(crossings, most + spare), crossings);
  const slots = new Slots(slotCount);
  const drafts = Array.from({ length: workerCount }, (): Draft => {
    const ownSlots = new Int32Array(slotCount).fill(NONE);
    const [own, events, written, ends] = [new Ints(), new Ints(), new Ints(), new Ints()];
    return { words: own, events, written, ends, ownSlots, slotCount: 0 };
  });
  const successors = script.successors ?? new Int32Array(0);
  let nextSuccessor = 0;
  for (const [event, worker] of workers.entries()) {
    const word = words[2 * event] as number;
    const slot = word & SLOT_MASK;
    const draft = drafts[worker] as Draft;
    if (successors[nextSuccessor] === event) {
      draft.ends.push(draft.words.length);
      nextSuccessor++;
    }
    if (slots.places[slot] === NONE) {
      slots.places[slot] = isCrossing[event] === 1 ? cells.take() | IN_CELL : ownSlot(draft, slot);
      addEvent({ op: OP_MALLOC, slot, event, worker, words }, slots, cells, draft);
    } else {
      addEvent({ op: word >>> OP_SHIFT, slot, event, worker, words }, slots, cells, draft);
    }
  }
  const streams = drafts.map(({ words: own, events, written, ends, slotCount: count }) => ({
    words: own.finish(),
    events: events.finish(),
    written: written.finish(),
    ends: ends.finish(),
    slotCount: count,
  }));
  return { streams, cellCount: cells.count, left: slots.left() };
}

function ownSlot(draft: Draft, slot: number): number {
  if (draft.ownSlots[slot] === NONE) draft.ownSlots[slot] = draft.slotCount++;
  return draft.ownSlots[slot] as number;
}

interface Event {
  readonly op: number;
  readonly slot: number;
  readonly event: number;
  readonly worker: number;
  readonly words: Int32Array;
}

function addEvent(
  { op, slot, event, worker, words }: Event,
  slots: Slots,
  cells: Cells,
  draft: Draft,
): void {
  const place = slots.places[slot] as number;
  const oldSize = slots.sizes[slot] as number;
  const size = words[2 * event + 1] as number;
  draft.events.push(event);
  draft.written.push(slots.written[slot] as number);
  draft.words.push((op << OP_SHIFT) | place);
  draft.words.push(op === OP_FREE ? oldSize : size);
  const isCell = (place & IN_CELL) !== 0;
  if (isCell) cells.enter(place & PLACE_MASK, worker, draft.words);
  if (op === OP_REALLOC || op === OP_WORK) {
    draft.words.push(oldSize);
    draft.words.push(0);
  }
  if (isCell) cells.leave(place & PLACE_MASK, worker, draft.words.length);
  if (op === OP_WORK) return;
  slots.sizes[slot] = size;
  slots.written[slot] = event;
  slots.workers[slot] = worker;
  if (op !== OP_FREE) return;
  if (isCell) cells.give(place & PLACE_MASK);
  slots.places[slot] = NONE;
}
