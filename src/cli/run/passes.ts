import { createHistogram } from "node:perf_hooks";
import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT, SLOT_MASK } from "../../trace/format.js";
import { eventsOf, type Script } from "../script.js";
import type { Subject } from "../subjects/subject.js";

/** Words of one call of the loop; see `drive`. */
const CHUNK = 512;
/** Events between two looks at the clock. */
const CLOCK_EVENTS = 4096;
const EMPTY = -1;

export interface Timed {
  readonly ns: number;
  readonly events: number;
  readonly isCut: boolean;
}

/** The timed loops over a script, on one subject. */
export interface Passes {
  /** Runs through the script so many times. Blocks left are freed after each, outside the timing. */
  round(times: number, limitMs: number): Timed;
  /** Times every event by itself. */
  latency(limitMs: number): { timerNs: number; events: number; curve: [number, number][] };
}

type Loop = (from: number, to: number) => void;

/**
 * Calls a loop chunk by chunk. It is called with two different loops, so that V8 inlines neither:
 * inlined into `drive`, which V8 replaces on the stack while it runs, a loop would lose what V8
 * knows of the arrays and the heap that it closes over.
 */
function drive(loop: Loop, from: number, to: number): void {
  for (let at = from; at < to; at += CHUNK) loop(at, Math.min(at + CHUNK, to));
}

const idle: Loop = () => {};

export function createPasses<Block>(subject: Subject<Block>, script: Script): Passes {
  const { words, slotCount } = script;
  const slots = subject.createSlots(slotCount);
  const none = subject.createSlots(1)[0] as Block;
  const sizes = new Int32Array(slotCount).fill(EMPTY);
  const loop = script.touch === "all" ? replayAll() : replayFirst(script.touch === "pair");

  function replayFirst(isPair: boolean): Loop {
    return function replayEvents(from, to) {
      for (let i = from; i < to; i += 2) {
        const word = words[i] as number;
        const slot = word & SLOT_MASK;
        const op = word >>> OP_SHIFT;
        if (op === OP_FREE) {
          subject.free(slots[slot] as Block);
          slots[slot] = none;
          sizes[slot] = EMPTY;
          continue;
        }
        const size = words[i + 1] as number;
        if (op === OP_MALLOC) {
          const block = subject.malloc(size);
          if (size !== 0) subject.write(block, 0, i >>> 1);
          if (isPair && size > 1) subject.write(block, 1, i >>> 1);
          slots[slot] = block;
          sizes[slot] = size;
        } else rare(op, slot, size, i >>> 1);
      }
    };
  }

  function replayAll(): Loop {
    return function replayEvents(from, to) {
      for (let i = from; i < to; i += 2) {
        const word = words[i] as number;
        const slot = word & SLOT_MASK;
        const op = word >>> OP_SHIFT;
        if (op === OP_FREE) {
          readAll(slots[slot] as Block, sizes[slot] as number);
          subject.free(slots[slot] as Block);
          slots[slot] = none;
          sizes[slot] = EMPTY;
          continue;
        }
        const size = words[i + 1] as number;
        if (op === OP_MALLOC) {
          const block = subject.malloc(size);
          subject.fill(block, size, (i >>> 1) & 0xff);
          slots[slot] = block;
          sizes[slot] = size;
        } else rare(op, slot, size, i >>> 1);
      }
    };
  }

  /** What is done seldom: out of the loops, so that they stay small. */
  function rare(op: number, slot: number, size: number, event: number): void {
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
    const written = script.touch === "all" ? size : script.touch === "pair" ? 2 : 1;
    subject.fill(block, Math.min(size, written), event & 0xff);
    slots[slot] = block;
    sizes[slot] = size;
  }

  function readAll(block: Block, size: number): void {
    if (size === 0) return;
    const value = subject.read(block, 0);
    for (let offset = 1; offset < size; offset++) {
      if (subject.read(block, offset) !== value) throw new Error("a block's bytes have changed");
    }
  }

  function freeAll(): void {
    for (let slot = 0; slot < slotCount; slot++) {
      if (sizes[slot] === EMPTY) continue;
      subject.free(slots[slot] as Block);
      slots[slot] = none;
      sizes[slot] = EMPTY;
    }
  }

  /** One run through the script: its words, `repeat` times over. Returns early past the limit. */
  function run(limitNs: number): Timed {
    const step = 2 * CLOCK_EVENTS;
    const bodies = Math.max(1, Math.floor(CLOCK_EVENTS / (words.length / 2)));
    let events = 0;
    let at = 0;
    let left = script.repeat;
    const start = process.hrtime.bigint();
    let ns = 0;
    while (left > 0) {
      if (words.length <= step) {
        const count = Math.min(bodies, left);
        for (let body = 0; body < count; body++) drive(loop, 0, words.length);
        events += (count * words.length) / 2;
        left -= count;
      } else {
        const to = Math.min(at + step, words.length);
        drive(loop, at, to);
        events += (to - at) / 2;
        at = to === words.length ? 0 : to;
        if (at === 0) left--;
      }
      ns = Number(process.hrtime.bigint() - start);
      if (ns > limitNs) break;
    }
    return { ns, events, isCut: events < eventsOf(script) };
  }

  return {
    round(times, limitMs) {
      drive(idle, 0, CHUNK);
      const total = { ns: 0, events: 0, isCut: false };
      for (let time = 0; time < times && !total.isCut; time++) {
        const { ns, events, isCut } = run(limitMs * 1e6 - total.ns);
        freeAll();
        total.ns += ns;
        total.events += events;
        total.isCut = isCut;
      }
      return total;
    },
    latency: (limitMs) => {
      const result = measureLatency(loop, script, limitMs);
      freeAll();
      return result;
    },
  };
}

const PERCENTILES = [0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100];
const TIMER_PAIRS = 10_001;

/** The median of what the timer itself takes between two readings. */
function measureTimer(): number {
  const differences = new Float64Array(TIMER_PAIRS);
  for (let index = 0; index < TIMER_PAIRS; index++) {
    const start = performance.now();
    differences[index] = (performance.now() - start) * 1e6;
  }
  return differences.sort()[TIMER_PAIRS >>> 1] as number;
}

function measureLatency(
  loop: Loop,
  script: Script,
  limitMs: number,
): { timerNs: number; events: number; curve: [number, number][] } {
  measureTimer();
  const timerNs = measureTimer();
  const histogram = createHistogram({ lowest: 1, highest: 1e11, figures: 3 });
  const end = performance.now() + limitMs;
  let events = 0;
  let now = 0;
  for (let body = 0; body < script.repeat && now < end; body++) {
    for (let at = 0; at < script.words.length && now < end; at += 2) {
      const start = performance.now();
      loop(at, at + 2);
      now = performance.now();
      histogram.record(Math.max(1, Math.round((now - start) * 1e6 - timerNs)));
      events++;
    }
  }
  const curve = PERCENTILES.map((percentile): [number, number] => {
    if (percentile === 0) return [0, histogram.min];
    return [percentile, percentile === 100 ? histogram.max : histogram.percentile(percentile)];
  });
  return { timerNs, events, curve };
}
