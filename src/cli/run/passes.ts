import { createHistogram } from "node:perf_hooks";
import { eventsOf, type Script } from "../script.js";
import type { Subject } from "../subjects/subject.js";
import { createLoop, createState, freeAll, type Loop } from "./loops.js";

/** Words of one call of the loop; see `drive`. */
const CHUNK = 512;
/** Events between two looks at the clock. */
const CLOCK_EVENTS = 4096;

export interface Timed {
  readonly ns: number;
  readonly events: number;
  readonly isCut: boolean;
}

/** The timed passes over a script, on one subject. */
export interface Passes {
  /**
   * Runs through the script so many times. Blocks that are left are freed after each run, outside
   * the timing.
   */
  round(times: number, limitMs: number): Timed;
  /** Times every event by itself. */
  latency(limitMs: number): { timerNs: number; events: number; curve: [number, number][] };
}

/**
 * Calls a loop chunk by chunk. It is called with two different loops, so that V8 inlines neither:
 * inlined into `drive`, which V8 replaces on the stack while it runs, a loop would lose what V8
 * knows of the arrays and the heap that it closes over.
 */
function drive(loop: Loop, from: number, to: number): void {
  for (let at = from; at < to; at += CHUNK) loop(at, Math.min(at + CHUNK, to));
}

const idle: Loop = () => {};

/** One run through the script: its words, `repeat` times over. Ends early past the limit. */
function run(loop: Loop, script: Script, limitNs: number): Timed {
  const { length } = script.words;
  const step = 2 * CLOCK_EVENTS;
  const bodies = Math.max(1, Math.floor(step / length));
  let events = 0;
  let at = 0;
  let left = script.repeat;
  let ns = 0;
  const start = process.hrtime.bigint();
  while (left > 0 && ns <= limitNs) {
    if (length <= step) {
      const count = Math.min(bodies, left);
      for (let body = 0; body < count; body++) drive(loop, 0, length);
      events += (count * length) / 2;
      left -= count;
    } else {
      const to = Math.min(at + step, length);
      drive(loop, at, to);
      events += (to - at) / 2;
      at = to === length ? 0 : to;
      if (at === 0) left--;
    }
    ns = Number(process.hrtime.bigint() - start);
  }
  return { ns, events, isCut: events < eventsOf(script) };
}

export function createPasses<Block>(subject: Subject<Block>, script: Script): Passes {
  const state = createState(subject, script);
  const loop = createLoop(subject, script, state);
  return {
    round(times, limitMs) {
      drive(idle, 0, CHUNK);
      const total = { ns: 0, events: 0, isCut: false };
      for (let time = 0; time < times && !total.isCut; time++) {
        const { ns, events, isCut } = run(loop, script, limitMs * 1e6 - total.ns);
        freeAll(subject, state);
        total.ns += ns;
        total.events += events;
        total.isCut = isCut;
      }
      return total;
    },
    latency(limitMs) {
      return measureLatency(loop, script, limitMs, () => freeAll(subject, state));
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

/** So many events, if there is time: of them, 100 lie above p99.99. */
const LATENCY_EVENTS = 1_000_000;
const LATENCY_WARMUP_MS = 100;

function measureLatency(
  loop: Loop,
  script: Script,
  limitMs: number,
  freeLeft: () => void,
): { timerNs: number; events: number; curve: [number, number][] } {
  measureTimer();
  const timerNs = measureTimer();
  const histogram = createHistogram({ lowest: 1, highest: 1e11, figures: 3 });
  /** Times so many events at the least, whole runs through the words. */
  const timeEvents = (least: number, end: number): number => {
    let events = 0;
    let now = 0;
    while (events < least && now < end) {
      for (let at = 0; at < script.words.length && now < end; at += 2) {
        const start = performance.now();
        loop(at, at + 2);
        now = performance.now();
        histogram.record(Math.max(1, Math.round((now - start) * 1e6 - timerNs)));
        events++;
      }
      freeLeft();
    }
    return events;
  };
  timeEvents(LATENCY_EVENTS, performance.now() + Math.min(LATENCY_WARMUP_MS, limitMs / 2));
  histogram.reset();
  const events = timeEvents(LATENCY_EVENTS, performance.now() + limitMs);
  const curve = PERCENTILES.map((percentile): [number, number] => {
    if (percentile === 0) return [0, histogram.min];
    return [percentile, percentile === 100 ? histogram.max : histogram.percentile(percentile)];
  });
  return { timerNs, events, curve };
}
