import type { Slots, Subject } from "../rivals/subject.js";
import type { Tight } from "../workloads/script.js";

/** Events of one call. It is short for the reason given at `drive` in passes.ts. */
const CALL_EVENTS = 1024;

/** A loop that reads no list of events; native/loops.h has its twin. */
export interface TightLoop {
  readonly callEvents: number;
  /** Does `callEvents` events. */
  readonly call: () => void;
  /** Prepares the next run. The blocks of the last one have been freed. */
  restart(): void;
  freeLeft(): void;
}

/**
 * Returns a script's tight loop. No loop that allocates or frees stands inside another loop. In a
 * nest V8 learns the context of the inner loop too late: it loads and checks the heap, its
 * functions and the arrays in every iteration. Batches of 64 B took 4.4 ns instead of 2.7.
 */
export function createTight<Block>(subject: Subject<Block>, tight: Tight): TightLoop {
  return tight.loop === "random" ? createRandom(subject, tight) : createBatches(subject, tight);
}

function createBatches<Block>(
  { createSlots, malloc, free, write }: Subject<Block>,
  { bytes, batch, loop }: Exclude<Tight, { loop: "random" }>,
): TightLoop {
  const slots = createSlots(batch);
  const batches = Math.max(1, Math.floor(CALL_EVENTS / 2 / batch));
  function allocate(): void {
    for (let k = 0; k < batch; k++) {
      const block = malloc(bytes);
      if (bytes !== 0) write(block, 0, k);
      slots[k] = block;
    }
  }
  function freeOldestFirst(): void {
    for (let k = 0; k < batch; k++) free(slots[k] as Block);
  }
  function freeNewestFirst(): void {
    for (let k = batch - 1; k >= 0; k--) free(slots[k] as Block);
  }
  function oneByOne(): void {
    for (let k = 0; k < batches; k++) {
      const block = malloc(bytes);
      if (bytes !== 0) write(block, 0, k);
      free(block);
    }
  }
  function oldestFirst(): void {
    for (let i = 0; i < batches; i++) {
      allocate();
      freeOldestFirst();
    }
  }
  function newestFirst(): void {
    for (let i = 0; i < batches; i++) {
      allocate();
      freeNewestFirst();
    }
  }
  const whole = loop === "oldest-first" ? oldestFirst : newestFirst;
  return {
    callEvents: 2 * batches * batch,
    call: batch === 1 ? oneByOne : whole,
    restart() {},
    freeLeft() {},
  };
}

/** The draws are random-mixed's; the number of slots is a power of two. */
function createRandom<Block>(
  { createSlots, malloc, free, write }: Subject<Block>,
  { slots: count, seed }: Extract<Tight, { loop: "random" }>,
): TightLoop {
  const slots: Slots<Block> = createSlots(count);
  const none = createSlots(1)[0] as Block;
  const mask = count - 1;
  const state = new Int32Array([seed]);
  return {
    callEvents: CALL_EVENTS,
    call: function toggle() {
      let r = state[0] as number;
      for (let i = 0; i < CALL_EVENTS; i++) {
        r ^= r << 13;
        r ^= r >>> 17;
        r ^= r << 5;
        const slot = (r >>> 12) & mask;
        const old = slots[slot] as Block;
        if (old !== none) {
          free(old);
          slots[slot] = none;
        } else {
          const block = malloc(16 + (r & 0x3ff));
          write(block, 0, r);
          slots[slot] = block;
        }
      }
      state[0] = r;
    },
    restart() {
      state[0] = seed;
    },
    freeLeft() {
      for (let slot = 0; slot < count; slot++) {
        if (slots[slot] === none) continue;
        free(slots[slot] as Block);
        slots[slot] = none;
      }
    },
  };
}
