import type { Trace } from "../../src/trace/format.js";
import type { Subject } from "./subjects.js";

/**
 * What a real program asked of its allocator: a recorded trace, event by event. Stands for a server
 * that keeps many small objects of mixed lifetimes.
 */
export function replayTrace<H>(
  subject: Subject<H>,
  trace: Trace,
  slots: (H | undefined)[],
): number {
  const { words } = trace;
  for (let i = 0; i < words.length; i += 2) {
    const word = words[i] as number;
    const size = words[i + 1] as number;
    const slot = word & 0x3fffffff;
    const op = word >>> 30;
    const old = slots[slot];
    if (op === 1) {
      if (old !== undefined) subject.free(old);
      slots[slot] = undefined;
      continue;
    }
    const block = op === 2 && old !== undefined ? subject.realloc(old, size) : subject.alloc(size);
    subject.touch(block, i);
    slots[slot] = block;
  }
  return trace.eventCount;
}

/**
 * HAKMEM's random-mixed: a slot drawn at random is freed if full, else filled with 16 to 1039
 * bytes. Slot and size come from different bits of the draw. Stands for a cache of messages.
 */
export function randomMixed<H>(
  subject: Subject<H>,
  iterations: number,
  slots: (H | undefined)[],
  seed: number,
): number {
  let r = seed;
  for (let i = 0; i < iterations; i++) {
    r ^= r << 13;
    r ^= r >>> 17;
    r ^= r << 5;
    const slot = (r >>> 12) % slots.length;
    const old = slots[slot];
    if (old !== undefined) {
      subject.free(old);
      slots[slot] = undefined;
    } else {
      const block = subject.alloc(16 + (r & 0x3ff));
      subject.touch(block, r);
      slots[slot] = block;
    }
  }
  return iterations;
}

export function freeAll<H>(subject: Subject<H>, slots: (H | undefined)[]): void {
  for (let slot = 0; slot < slots.length; slot++) {
    const block = slots[slot];
    if (block !== undefined) subject.free(block);
    slots[slot] = undefined;
  }
}
