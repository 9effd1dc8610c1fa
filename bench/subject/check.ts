import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Heap, SharedHeap } from "../../src/index.js";
import { OP_FREE, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../src/trace/format.js";
import type { InspectResult } from "../base/results.js";
import type { HeapGauge, Subject } from "../rivals/subject.js";
import { OP_WORK, peakOf, type Script } from "../workloads/script.js";
import { buildInspect } from "./heapMap.js";
import { type CheckAnswer, type HeapFigures, SERIES_POINTS } from "./protocol.js";

/** The size of a slot without a block. */
export const EMPTY = -1;
export const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** So many bytes at either end of a block are verified, and every STRIDE_BYTES-th in between. */
const EDGE_BYTES = 32;
/** A prime, so that no regular overlap of large blocks is missed. */
const STRIDE_BYTES = 61;

/**
 * Checks a subject before anything is timed. Every byte is written, and read back when its block is
 * freed or moves. A subject whose blocks overlap or lose bytes fails here. Memory is measured too.
 */
export async function check<Block>(
  subject: Subject<Block>,
  script: Script,
  limitMs: number,
): Promise<CheckAnswer> {
  const start = subject.gauge?.();
  const before = await resetPeak();
  const checker = new Checker(subject, script);
  const end = performance.now() + limitMs;
  const eventCount = script.words.length >>> 1;
  const seriesBytes: number[] = [];
  let isCut = false;
  for (let point = 0; point < SERIES_POINTS && !isCut; point++) {
    checker.run(atPoint(eventCount, point), atPoint(eventCount, point + 1));
    seriesBytes.push(growth(before));
    isCut = performance.now() > end;
  }
  const peakBytes = peakGrowth(before);
  checker.finish(eventCount);
  const hash = isCut ? null : checker.hash >>> 0;
  const { gauge, heap } = subject;
  if (start === undefined || gauge === undefined || heap === undefined) {
    return { hash, peakBytes, seriesBytes, heap: null };
  }
  const figures = toFigures(start, gauge());
  // Watching runs through the whole script again, for which this one had no time.
  if (isCut) return { hash, peakBytes, seriesBytes, heap: { ...figures, seriesBytes: [] } };
  const watched = watch(subject, gauge, heap, script);
  const ownBytes = { seriesBytes: watched.seriesBytes };
  return { hash, peakBytes, seriesBytes, heap: { ...figures, ...ownBytes }, map: watched.map };
}

/** Returns the first event after so many steps of the series. */
export function atPoint(eventCount: number, point: number): number {
  return Math.round((point * eventCount) / SERIES_POINTS);
}

/**
 * Returns what hakmem's statistics say over the pass, and its map when most blocks are live. This
 * is a run of its own, because the garbage of statistics and maps would count as hakmem's memory.
 */
function watch<Block>(
  subject: Subject<Block>,
  gauge: () => HeapGauge,
  heap: Heap | SharedHeap,
  script: Script,
): { seriesBytes: number[]; map: InspectResult } {
  heap.drain();
  const checker = new Checker(subject, script);
  const eventCount = script.words.length >>> 1;
  const fullest = peakOf(script).event;
  const seriesBytes: number[] = [];
  let map: InspectResult | undefined;
  for (let point = 0; point < SERIES_POINTS; point++) {
    const from = atPoint(eventCount, point);
    const to = atPoint(eventCount, point + 1);
    if (map === undefined && fullest < to) {
      checker.run(from, fullest + 1);
      map = buildInspect(heap, "");
      checker.run(fullest + 1, to);
    } else checker.run(from, to);
    seriesBytes.push(gauge().committedBytes);
  }
  checker.finish(eventCount);
  return { seriesBytes, map: map ?? buildInspect(heap, "") };
}

class Checker<Block> {
  hash: number = FNV_START;
  readonly #subject: Subject<Block>;
  readonly #words: Int32Array;
  readonly #slots: { [index: number]: Block };
  readonly #none: Block;
  readonly #sizes: Int32Array;
  readonly #values: Uint8Array;

  constructor(subject: Subject<Block>, script: Script) {
    this.#subject = subject;
    this.#words = script.words;
    this.#slots = subject.createSlots(script.slotCount);
    this.#none = subject.createSlots(1)[0] as Block;
    this.#sizes = new Int32Array(script.slotCount).fill(EMPTY);
    this.#values = new Uint8Array(script.slotCount);
  }

  run(from: number, to: number): void {
    for (let event = from; event < to; event++) this.#step(event);
  }

  #step(event: number): void {
    const word = this.#words[2 * event] as number;
    const size = this.#words[2 * event + 1] as number;
    const slot = word & SLOT_MASK;
    const op = word >>> OP_SHIFT;
    const oldSize = this.#sizes[slot] as number;
    if (op === OP_FREE) {
      this.#free(event, slot);
      return;
    }
    if (op === OP_WORK) {
      const value = this.#values[slot] as number;
      for (let time = 0; time < size; time++) {
        this.#subject.fill(this.#slots[slot] as Block, oldSize, value);
      }
      return;
    }
    if (op === OP_REALLOC && oldSize !== EMPTY) {
      const block = this.#subject.realloc(this.#slots[slot] as Block, size);
      this.#slots[slot] = block;
      this.#verify(event, slot, Math.min(oldSize, size));
      this.#feed(event, slot, oldSize);
    } else this.#slots[slot] = this.#subject.malloc(size);
    const value = byteOf(event);
    this.#subject.fill(this.#slots[slot] as Block, size, value);
    this.#sizes[slot] = size;
    this.#values[slot] = value;
  }

  /** Frees what is still live. */
  finish(eventCount: number): void {
    for (let slot = 0; slot < this.#sizes.length; slot++) {
      if (this.#sizes[slot] !== EMPTY) this.#free(eventCount, slot);
    }
  }

  #free(event: number, slot: number): void {
    const size = this.#sizes[slot] as number;
    this.#verify(event, slot, size);
    this.#feed(event, slot, size);
    this.#subject.free(this.#slots[slot] as Block);
    this.#slots[slot] = this.#none;
    this.#sizes[slot] = EMPTY;
  }

  #feed(event: number, slot: number, size: number): void {
    const value = size === 0 ? 0 : (this.#values[slot] as number);
    this.hash = feedHash(this.hash, event, size, value);
  }

  #verify(event: number, slot: number, size: number): void {
    const value = this.#values[slot] as number;
    verifyBytes(this.#subject, this.#slots[slot] as Block, event, slot, size, value);
  }
}

/** Returns the byte that an event fills its block with. */
export function byteOf(event: number): number {
  return (event * 31 + 7) & 0xff;
}

/** Returns the hash with one more block. */
export function feedHash(before: number, event: number, size: number, value: number): number {
  // No array here: the pass's own garbage would count as the subject's memory.
  let hash = Math.imul(before ^ event, FNV_PRIME);
  hash = Math.imul(hash ^ size, FNV_PRIME);
  return Math.imul(hash ^ value, FNV_PRIME);
}

/** Reads back a block's edges, and every 61st byte between them. */
export function verifyBytes<Block>(
  subject: Pick<Subject<Block>, "read">,
  block: Block,
  event: number,
  slot: number,
  size: number,
  value: number,
): void {
  let offset = 0;
  while (offset < size) {
    const read = subject.read(block, offset);
    if (read !== value) {
      throw new Error(`event ${event}: byte ${offset} of slot ${slot} is ${read}, not ${value}`);
    }
    const isInside = offset >= EDGE_BYTES && offset < size - EDGE_BYTES - STRIDE_BYTES;
    offset += isInside ? STRIDE_BYTES : 1;
  }
}

/** Returns what hakmem did between two readings. */
export function toFigures(before: HeapGauge, after: HeapGauge): Omit<HeapFigures, "seriesBytes"> {
  return {
    refills: after.refills - before.refills,
    drains: after.drains - before.drains,
    slabsOpened: after.slabsOpened - before.slabsOpened,
    peakCommittedBytes: after.peakCommittedBytes,
    hits: after.hits - before.hits,
    misses: after.misses - before.misses,
  };
}

/** Resident memory. Pages of files, such as Node's own code, are counted apart. */
interface Resident {
  readonly bytes: number;
  readonly fileBytes: number;
  readonly peakBytes: number;
}

const STATUS = "/proc/self/status";

function readResident(): Resident {
  if (!existsSync(STATUS)) {
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    return { bytes: process.memoryUsage.rss(), fileBytes: 0, peakBytes };
  }
  const status = readFileSync(STATUS, "utf8");
  const read = (name: string): number =>
    1024 * Number(new RegExp(`${name}:\\s*(\\d+)`).exec(status)?.[1] ?? 0);
  return { bytes: read("VmRSS"), fileBytes: read("RssFile"), peakBytes: read("VmHWM") };
}

/** Collects garbage, forgets the peak so far, and reads what is resident. */
async function resetPeak(): Promise<Resident> {
  (globalThis as { gc?: () => void }).gc?.();
  await wait(100);
  if (existsSync("/proc/self/clear_refs")) writeFileSync("/proc/self/clear_refs", "5");
  return readResident();
}

function growth(before: Resident): number {
  const { bytes, fileBytes } = readResident();
  return Math.max(0, bytes - before.bytes - (fileBytes - before.fileBytes));
}

function peakGrowth(before: Resident): number {
  const { peakBytes, fileBytes } = readResident();
  return Math.max(0, peakBytes - before.bytes - (fileBytes - before.fileBytes));
}
