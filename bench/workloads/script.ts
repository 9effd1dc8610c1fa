import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../src/trace/format.js";

/**
 * What every subject of a bench does: a list of events, as in a recorded trace, so that hakmem, its
 * rivals in JavaScript and native allocators do the same work in the same order.
 *
 * An event has two words: `op << 30 | slot`, then a size. Beside the ops of a trace there is
 * OP_WORK, which writes every byte of the slot's block `size` times.
 */
export interface Script {
  readonly words: Int32Array;
  readonly slotCount: number;
  /** How often a round runs through the words; above 1 only if they free all they allocate. */
  readonly repeat: number;
  readonly touch: Touch;
  /** A loop that does these events without reading them; rounds run it in their place. */
  readonly tight?: Tight;
  /** The worker of each event, if several share the work. */
  readonly workers?: Uint8Array;
  /** The events with which a successor begins. It takes over the blocks of the worker before. */
  readonly successors?: Int32Array;
}

export const OP_WORK = 3;

/**
 * A loop as a program would write it. It reads no list of events, so that only the allocator's time
 * is left.
 */
export type Tight =
  /** A batch of blocks of one size is allocated, then freed. */
  | {
      readonly loop: "oldest-first" | "newest-first";
      readonly bytes: number;
      readonly batch: number;
    }
  /** Slots that a generator draws are filled if empty, and freed if full. */
  | { readonly loop: "random"; readonly slots: number; readonly seed: number };

const TIGHT_LOOPS = ["none", "oldest-first", "newest-first", "random"] as const;

/**
 * What is done with a block's bytes: the first is written, or the first two; or all are written
 * when it is allocated, and read and checked when it is freed.
 */
export type Touch = "first" | "pair" | "all";

const TOUCHES: readonly Touch[] = ["first", "pair", "all"];

/** Collects events. */
export class ScriptWriter {
  /** The worker whose events follow. */
  worker = 0;
  #words: Int32Array = new Int32Array(4096);
  #workers: Uint8Array = new Uint8Array(2048);
  #length = 0;
  #slotCount = 0;
  #ended: Set<number> = new Set();
  #successors: number[] = [];

  malloc(slot: number, size: number): void {
    this.#push(OP_MALLOC, slot, size);
  }

  free(slot: number): void {
    this.#push(OP_FREE, slot, 0);
  }

  realloc(slot: number, size: number): void {
    this.#push(OP_REALLOC, slot, size);
  }

  /** Writes every byte of the slot's block so many times. */
  work(slot: number, times: number): void {
    this.#push(OP_WORK, slot, times);
  }

  /** Ends a worker. Its next event is its successor's first. */
  succeed(worker: number = this.worker): void {
    this.#ended.add(worker);
  }

  get eventCount(): number {
    return this.#length >>> 1;
  }

  finish(touch: Touch = "first", repeat = 1): Script {
    const words = this.#words.slice(0, this.#length);
    const workers = this.#workers.slice(0, this.eventCount);
    return {
      words,
      slotCount: this.#slotCount,
      repeat,
      touch,
      ...(workers.some((worker) => worker > 0) ? { workers } : {}),
      ...(this.#successors.length > 0 ? { successors: Int32Array.from(this.#successors) } : {}),
    };
  }

  #push(op: number, slot: number, size: number): void {
    if (this.#length === this.#words.length) {
      const grown = new Int32Array(2 * this.#length);
      grown.set(this.#words);
      this.#words = grown;
      const workers = new Uint8Array(this.#length);
      workers.set(this.#workers);
      this.#workers = workers;
    }
    if (this.#ended.delete(this.worker)) this.#successors.push(this.#length >>> 1);
    this.#workers[this.#length >>> 1] = this.worker;
    this.#words[this.#length] = (op << OP_SHIFT) | slot;
    this.#words[this.#length + 1] = size;
    this.#length += 2;
    if (slot >= this.#slotCount) this.#slotCount = slot + 1;
  }
}

/** Returns the number of events in one run through a script. */
export function eventsOf(script: Script): number {
  return (script.words.length >>> 1) * script.repeat;
}

/** Returns a script that runs in a shared heap, even if one worker has all its events. */
export function asShared(script: Script): Script {
  const workers = script.workers ?? new Uint8Array(script.words.length >>> 1);
  return { ...script, workers };
}

/** Returns how many workers share a script's events. */
export function workersOf({ workers }: Script): number {
  return workers === undefined ? 1 : workers.reduce((a, b) => Math.max(a, b), 0) + 1;
}

/** The most that a subject must hold during a run through a script. */
export interface Peak {
  /** The largest sum of sizes, and number of blocks, that are live at once. */
  readonly bytes: number;
  readonly blocks: number;
  /** The event after which most bytes are live. */
  readonly event: number;
  /** Blocks that are live at the end. */
  readonly leftBlocks: number;
}

export function peakOf({ words, slotCount }: Pick<Script, "words" | "slotCount">): Peak {
  const sizes = new Int32Array(slotCount).fill(-1);
  const now = { bytes: 0, blocks: 0 };
  const peak = { bytes: 0, blocks: 0, event: 0 };
  for (let index = 0; index < words.length; index += 2) {
    const word = words[index] as number;
    const op = word >>> OP_SHIFT;
    const slot = word & SLOT_MASK;
    if (op === OP_WORK) continue;
    const old = sizes[slot] as number;
    const size = op === OP_FREE ? -1 : (words[index + 1] as number);
    sizes[slot] = size;
    now.bytes += Math.max(size, 0) - Math.max(old, 0);
    now.blocks += (size < 0 ? 0 : 1) - (old < 0 ? 0 : 1);
    if (now.bytes > peak.bytes) peak.event = index >>> 1;
    peak.bytes = Math.max(peak.bytes, now.bytes);
    peak.blocks = Math.max(peak.blocks, now.blocks);
  }
  return { ...peak, leftBlocks: now.blocks };
}

/*
 * The file from which a subject's process, native ones too, reads a script.
 *
 *   word 0      1        2       3        4       5             6       7    8      9 ...
 *   "HKS1"   events   slots   repeat   touch   has workers   | tight   a    b  |  two words per
 *                                                                                 event | a byte
 *                                                                                 per event
 *
 * `tight` is an index into TIGHT_LOOPS; a and b are its bytes and batch, or its slots and seed.
 * The byte holds the event's worker, and SUCCESSOR if a successor begins with it.
 */
const SUCCESSOR = 0x80;
const MAGIC = 0x31534b48; // "HKS1"
const HEAD_WORDS = 9;

/** Returns the words of a script's file. It never leaves the machine, whose byte order it has. */
export function encodeScript(script: Script): Int32Array {
  const { words, workers, slotCount, repeat } = script;
  const eventCount = words.length >>> 1;
  const bytesAt = HEAD_WORDS + words.length;
  const file = new Int32Array(bytesAt + (workers === undefined ? 0 : (eventCount + 3) >>> 2));
  const touch = TOUCHES.indexOf(script.touch);
  const hasWorkers = workers === undefined ? 0 : 1;
  file.set([MAGIC, eventCount, slotCount, repeat, touch, hasWorkers, ...encodeTight(script)]);
  file.set(words, HEAD_WORDS);
  if (workers === undefined) return file;
  const bytes = new Uint8Array(file.buffer, 4 * bytesAt);
  bytes.set(workers);
  for (const event of script.successors ?? [])
    bytes[event] = SUCCESSOR | (workers[event] as number);
  return file;
}

function encodeTight({ tight }: Script): [loop: number, a: number, b: number] {
  if (tight === undefined) return [0, 0, 0];
  const [a, b] = tight.loop === "random" ? [tight.slots, tight.seed] : [tight.bytes, tight.batch];
  return [TIGHT_LOOPS.indexOf(tight.loop), a, b];
}

function decodeTight([kind = 0, a = 0, b = 0]: Int32Array): { tight?: Tight } {
  const loop = TIGHT_LOOPS[kind] ?? "none";
  if (loop === "none") return {};
  if (loop === "random") return { tight: { loop, slots: a, seed: b } };
  return { tight: { loop, bytes: a, batch: b } };
}

export function decodeScript(file: Int32Array): Script {
  const [magic, eventCount = 0, slotCount = 0, repeat = 0, touch = 0, hasWorkers = 0] = file;
  const bytesAt = HEAD_WORDS + 2 * eventCount;
  const length = bytesAt + hasWorkers * ((eventCount + 3) >>> 2);
  if (magic !== MAGIC || file.length !== length) throw new Error("no script");
  const words = file.slice(HEAD_WORDS, bytesAt);
  const tight = decodeTight(file.subarray(6, HEAD_WORDS));
  const script: Script = { words, slotCount, repeat, touch: TOUCHES[touch] as Touch, ...tight };
  if (hasWorkers === 0) return script;
  const start = file.byteOffset + 4 * bytesAt;
  const bytes = new Uint8Array(file.buffer, start, eventCount);
  const successors: number[] = [];
  bytes.forEach((byte, event) => {
    if (byte >= SUCCESSOR) successors.push(event);
  });
  const workers = bytes.map((byte) => byte & ~SUCCESSOR);
  if (successors.length === 0) return { ...script, workers };
  return { ...script, workers, successors: Int32Array.from(successors) };
}
