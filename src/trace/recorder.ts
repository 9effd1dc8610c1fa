import { describe } from "../base/describe.js";
import { HeapError, type Ptr, type PtrArray } from "../index.js";
import { encodeTrace, OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, type Trace } from "./format.js";

/** The operations of a heap that are recorded. Each may call others. */
export interface RecordableHeap {
  readonly malloc: (size: number) => Ptr;
  readonly tryMalloc: (size: number) => Ptr;
  readonly free: (ptr: Ptr) => void;
  readonly realloc: (ptr: Ptr, size: number) => Ptr;
  calloc(size: number): Ptr;
  alignedAlloc(alignment: number, size: number): Ptr;
  mallocBatch(size: number, count: number, out: PtrArray): void;
  freeBatch(ptrs: PtrArray, count: number): void;
  reset(): void;
}

/** How much is recorded. */
export interface RecorderOptions {
  /** How many events are recorded at most: 1 to 2^28, by default 2^26. An event takes 8 bytes. */
  readonly limit?: number;
}

/** A trace in the making. It does not keep the heap alive. */
export interface Recording {
  /** How many events are recorded. */
  readonly eventCount: number;
  /** True once recording has stopped, at the limit or because memory ran out. */
  readonly isFull: boolean;
  /** Restores the operations of the heap. The events stay. A second call does nothing. */
  stop(): void;
  /** Returns a copy of the events so far, 8 bytes per event. Recording goes on. */
  toTrace(): Trace;
  /** Returns the same in the format HKT1. It takes about 40 ns per event. */
  toBytes(): Uint8Array<ArrayBuffer>;
}

export const DEFAULT_LIMIT: number = 2 ** 26;
const MAX_LIMIT = 2 ** 28;
const FIRST_WORDS = 256;
const NO_SLOT = -1;

/** Ptrs are multiples of 16. */
const GRANULE_SHIFT = 4;

/**
 * Returns `words` if they are at least `length`, else a longer copy: twice as long, or `length`.
 * @throws {RangeError} if there is no memory for it.
 */
function grown(words: Int32Array, length: number): Int32Array {
  if (length <= words.length) return words;
  const larger = new Int32Array(Math.max(2 * words.length, length));
  larger.set(words);
  return larger;
}

/** Collects events and assigns slots. The slot that was freed last is used first. */
export class TraceWriter {
  isFull = false;
  eventCount = 0;
  readonly #limit: number;
  #words: Int32Array = new Int32Array(FIRST_WORDS);
  #slotCount = 0;
  #freeSlots: Int32Array = new Int32Array(FIRST_WORDS);
  #freeSlotCount = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Returns the slot, or -1 when the recording is full. */
  malloc(size: number): number {
    const isReused = this.#freeSlotCount > 0;
    const slot = isReused ? this.#freeSlots[this.#freeSlotCount - 1] : this.#slotCount;
    if (!this.#push(OP_MALLOC, slot, size)) return NO_SLOT;
    if (isReused) this.#freeSlotCount--;
    else this.#slotCount++;
    return slot;
  }

  free(slot: number): void {
    if (!this.#push(OP_FREE, slot, 0)) return;
    try {
      this.#freeSlots = grown(this.#freeSlots, this.#freeSlotCount + 1);
      this.#freeSlots[this.#freeSlotCount++] = slot;
    } catch {
      this.isFull = true;
    }
  }

  realloc(slot: number, size: number): void {
    this.#push(OP_REALLOC, slot, size);
  }

  toTrace(): Trace {
    const words = this.#words.slice(0, 2 * this.eventCount);
    return { eventCount: this.eventCount, slotCount: this.#slotCount, words };
  }

  #push(op: number, slot: number, size: number): boolean {
    if (this.isFull) return false;
    const at = 2 * this.eventCount;
    try {
      if (this.eventCount === this.#limit) throw new RangeError("limit");
      this.#words = grown(this.#words, at + 2);
    } catch {
      // The program that is recorded must not get an error because the recorder lacks memory.
      this.isFull = true;
      return false;
    }
    this.#words[at] = (op << OP_SHIFT) | slot;
    this.#words[at + 1] = size;
    this.eventCount++;
    return true;
  }
}

/** Turns operations on ptrs into events of slots. It refers to no heap, so it keeps none alive. */
class HeapLog {
  /** Set during an operation that is recorded as a whole after it has succeeded. */
  isPaused = false;
  isStopped = false;
  readonly writer: TraceWriter;
  /** Slot + 1 by granule of the ptr; 0 for no slot. A `Map` holds at most 2^24 blocks. */
  #slots: Int32Array = new Int32Array(FIRST_WORDS);

  constructor(limit: number) {
    this.writer = new TraceWriter(limit);
  }

  get isOff(): boolean {
    return this.isPaused || this.isStopped || this.writer.isFull;
  }

  allocated(ptr: Ptr, size: number): void {
    if (ptr === 0 || this.isOff) return;
    // The block that was here was freed unseen, for example through another handle of the heap.
    this.freed(ptr);
    this.#set(ptr, this.writer.malloc(size));
  }

  freed(ptr: Ptr): void {
    if (this.isOff) return;
    const slot = this.#slotOf(ptr);
    if (slot === NO_SLOT) return;
    this.#slots[ptr >>> GRANULE_SHIFT] = 0;
    this.writer.free(slot);
  }

  reallocated(from: Ptr, to: Ptr, size: number): void {
    if (this.isOff) return;
    const slot = this.#slotOf(from);
    if (slot === NO_SLOT) {
      this.allocated(to, size);
      return;
    }
    if (to !== from) {
      this.#slots[from >>> GRANULE_SHIFT] = 0;
      this.freed(to);
      this.#set(to, slot);
    }
    this.writer.realloc(slot, size);
  }

  freedAll(): void {
    if (this.isOff) return;
    for (const slotAfter of this.#slots) if (slotAfter > 0) this.writer.free(slotAfter - 1);
    this.#slots = new Int32Array(FIRST_WORDS);
  }

  #slotOf(ptr: Ptr): number {
    const granule = ptr >>> GRANULE_SHIFT;
    return granule < this.#slots.length ? this.#slots[granule] - 1 : NO_SLOT;
  }

  #set(ptr: Ptr, slot: number): void {
    if (slot === NO_SLOT) return;
    const granule = ptr >>> GRANULE_SHIFT;
    try {
      this.#slots = grown(this.#slots, granule + 1);
      this.#slots[granule] = slot + 1;
    } catch {
      this.writer.isFull = true;
    }
  }
}

/**
 * Returns the operations of the heap, each followed by a note in the log. `calloc` and
 * `alignedAlloc` are noted by the `malloc` that they call, and here only if they call none.
 */
function wrap(heap: RecordableHeap, originals: RecordableHeap, log: HeapLog): RecordableHeap {
  const noteOnce = (size: number, allocate: () => Ptr): Ptr => {
    const before = log.writer.eventCount;
    const ptr = allocate();
    if (log.writer.eventCount === before) log.allocated(ptr, size);
    return ptr;
  };
  const noteMalloc = (ptr: Ptr, size: number): Ptr => {
    log.allocated(ptr, size);
    return ptr;
  };
  return {
    malloc: (size) => noteMalloc(originals.malloc.call(heap, size), size),
    tryMalloc: (size) => noteMalloc(originals.tryMalloc.call(heap, size), size),
    free(ptr) {
      originals.free.call(heap, ptr);
      log.freed(ptr);
    },
    realloc(ptr, size) {
      const to = originals.realloc.call(heap, ptr, size);
      log.reallocated(ptr, to, size);
      return to;
    },
    calloc: (size) => noteOnce(size, () => originals.calloc.call(heap, size)),
    alignedAlloc: (alignment, size) =>
      noteOnce(size, () => originals.alignedAlloc.call(heap, alignment, size)),
    mallocBatch(size, count, out) {
      // A batch that fails frees what it has taken. Neither is recorded.
      log.isPaused = true;
      try {
        originals.mallocBatch.call(heap, size, count, out);
      } finally {
        log.isPaused = false;
      }
      for (let index = 0; index < count; index++) log.allocated(out[index] as Ptr, size);
    },
    freeBatch(ptrs, count) {
      originals.freeBatch.call(heap, ptrs, count);
      for (let index = 0; index < count; index++) log.freed(ptrs[index] as Ptr);
    },
    reset() {
      originals.reset.call(heap);
      log.freedAll();
    },
  };
}

/** Replaces the operations of a heap by wrappers. Returns a function that restores them. */
function install(heap: RecordableHeap, log: HeapLog): () => void {
  const originals: RecordableHeap = {
    malloc: heap.malloc,
    tryMalloc: heap.tryMalloc,
    free: heap.free,
    realloc: heap.realloc,
    calloc: heap.calloc,
    alignedAlloc: heap.alignedAlloc,
    mallocBatch: heap.mallocBatch,
    freeBatch: heap.freeBatch,
    reset: heap.reset,
  };
  const wrappers = wrap(heap, originals, log);
  const names = Object.keys(wrappers) as (keyof RecordableHeap)[];
  const before = names.map((name) => Object.getOwnPropertyDescriptor(heap, name));
  for (const name of names) {
    const value = wrappers[name];
    Object.defineProperty(heap, name, { value, writable: true, configurable: true });
  }
  return () => {
    // Last first, because V8 keeps the shape of an object only if its last property is deleted.
    for (const [index, name] of [...names.entries()].reverse()) {
      // Another recorder may wrap this one. It goes on, through wrappers that do nothing.
      if (heap[name] !== wrappers[name]) continue;
      const descriptor = before[index];
      if (descriptor === undefined) Reflect.deleteProperty(heap, name);
      else Object.defineProperty(heap, name, descriptor);
    }
  };
}

/**
 * Records the operations of a heap, from now until `stop()`, as a trace for `hakmem bench replay`
 * and `hakmem tune`. Operations that fail leave no event. Blocks that are already live are not in
 * the trace: their free is left out, and their realloc is a malloc. `alignedAlloc` is recorded as a
 * malloc of its size class, and `reset` as a free of every block.
 *
 * While it records, an operation takes about 30 ns more. After `stop()`, V8 does not treat the
 * operations as constants any more: a loop of 4.5 ns per operation took 9 ns on such a heap. The
 * recording takes 8 bytes per event and a quarter of the memory that the heap uses; both double as
 * they grow. It does not see functions that a program took out of the heap before, as in
 * `const { malloc } = heap`.
 * @throws {HeapError} ERR_INVALID_OPTION for a limit that is not an integer from 1 to 2^28.
 */
export function recorder(heap: RecordableHeap, options: RecorderOptions = {}): Recording {
  const { limit = DEFAULT_LIMIT } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    const message = `limit is ${describe(limit)}; it takes an integer from 1 to ${MAX_LIMIT}`;
    const details = { option: "limit", got: limit, min: 1, max: MAX_LIMIT };
    throw new HeapError("ERR_INVALID_OPTION", message, details);
  }
  const log = new HeapLog(limit);
  // The heap knows the recording, not the other way round: it can be collected meanwhile.
  const weak = new WeakRef(heap);
  const uninstalls = new WeakMap([[heap, install(heap, log)]]);
  const { writer } = log;
  return {
    get eventCount() {
      return writer.eventCount;
    },
    get isFull() {
      return writer.isFull;
    },
    stop() {
      if (log.isStopped) return;
      log.isStopped = true;
      const living = weak.deref();
      if (living !== undefined) uninstalls.get(living)?.();
    },
    toTrace: () => writer.toTrace(),
    toBytes: () => encodeTrace(writer.toTrace()),
  };
}
