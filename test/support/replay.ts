import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Heap, Ptr } from "../../src/index.js";
import type { Oracle } from "./oracle.js";

/** A recorded trace: two words per event, `op << 30 | slot` and `size`. */
export interface Trace {
  readonly name: string;
  readonly slots: number;
  readonly events: number;
  readonly words: Uint32Array;
}

export const TRACE_NAMES: readonly string[] = ["sqlite", "redis", "python", "nginx"];

const MAGIC = 0x31544b48; // "HKT1"
const HEAD_WORDS = 4;
const MALLOC = 0;
const FREE = 1;

export function readTrace(name: string): Trace {
  const path = new URL(`../../bench/traces/${name}.hkt.gz`, import.meta.url);
  const bytes = gunzipSync(readFileSync(path));
  const words = new Uint32Array(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  );
  const [magic, events = 0, slots = 0] = words;
  const isWhole = magic === MAGIC && words.length === HEAD_WORDS + 2 * events;
  if (!isWhole) throw new Error(`${name}: not a whole HKT1 trace`);
  return { name, slots, events, words: words.subarray(HEAD_WORDS) };
}

/** Replays a trace; the oracle fills every block and checks it before it is freed or moved. */
export function replay(heap: Heap, oracle: Oracle, trace: Trace): void {
  const ptrs = new Int32Array(trace.slots);
  const { words } = trace;
  for (let index = 0; index < words.length; index += 2) {
    const word = words[index] as number;
    const size = words[index + 1] as number;
    const slot = word & 0x3fffffff;
    const ptr = ptrs[slot] as Ptr;
    const op = word >>> 30;
    if (op === MALLOC) {
      const block = heap.malloc(size);
      oracle.allocated(block, size);
      ptrs[slot] = block;
      continue;
    }
    oracle.check(ptr);
    if (op === FREE) {
      heap.free(ptr);
      oracle.freed(ptr);
      ptrs[slot] = 0;
    } else {
      const to = heap.realloc(ptr, size);
      oracle.reallocated(ptr, to, size);
      ptrs[slot] = to;
    }
  }
}

/** Frees every live block, checked, and drains. */
export function freeAll(heap: Heap, oracle: Oracle): void {
  for (const ptr of oracle.ptrs.slice()) {
    oracle.check(ptr);
    heap.free(ptr as Ptr);
    oracle.freed(ptr);
  }
  heap.drain();
}
