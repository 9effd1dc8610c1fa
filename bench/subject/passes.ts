import { createHistogram } from "node:perf_hooks";
import type { Subject } from "../rivals/subject.js";
import { eventsOf, type Script } from "../workloads/script.js";
import { createLoop, createRare, createTrack, freeAll, type Loop } from "./loops.js";
import { createTight, type TightLoop } from "./tight.js";

/** Words of one call of a loop; see `drive`. */
const CHUNK_WORDS = 128;
/** Events between two looks at the clock, as in native/script.h. */
const CLOCK_EVENTS = 4096;
const CLOCK_WORDS = 2 * CLOCK_EVENTS;

export interface Timed {
  readonly ns: number;
  readonly events: number;
  readonly isCut: boolean;
}

/** The timed passes over a script, on one subject. */
export interface Passes {
  /** Runs through the script so many times. After each run, untimed, it frees what is left. */
  round(times: number, limitMs: number): Timed;
  /** Times every event by itself. */
  latency(limitMs: number): { timerNs: number; events: number; curve: [number, number][] };
}

/**
 * Calls a loop chunk by chunk. The chunks are short, so that V8 compiles the loop as it compiles a
 * program's hot function. It would replace a long call on the stack while it runs, by code that
 * does not know the arrays and the heap that the loop closes over, and it might keep that code:
 * redis took 17 ns instead of 10 in one process of four. `drive` is called with two different
 * loops, so that V8 inlines neither.
 */
function drive(loop: Loop, from: number, to: number): void {
  for (let at = from; at < to; ) at = loop(at, Math.min(at + CHUNK_WORDS, to));
}

const idle: Loop = (_, to) => to;
const idleCall = (): void => {};

/**
 * Copies a script's words into the window, part by part, and calls `use` with the number of words
 * there. `use` returns whether to go on.
 */
function throughWindow(
  { words }: Script,
  window: Int32Array,
  use: (length: number) => boolean,
): void {
  if (window === words) {
    use(words.length);
    return;
  }
  for (let at = 0; at < words.length; at += window.length) {
    const part = words.subarray(at, at + window.length);
    window.set(part);
    if (!use(part.length)) return;
  }
}

/** Runs through the script's words `repeat` times. Ends early past the limit. */
function run(loop: Loop, script: Script, window: Int32Array, limitNs: number): Timed {
  const bodies = Math.max(1, Math.floor(CLOCK_WORDS / script.words.length));
  let ns = 0;
  let doneWords = 0;
  let left = script.repeat;
  while (left > 0 && ns <= limitNs) {
    const count = Math.min(bodies, left);
    throughWindow(script, window, (length) => {
      for (let at = 0; at < length && ns <= limitNs; at += CLOCK_WORDS) {
        const to = Math.min(at + CLOCK_WORDS, length);
        const start = process.hrtime.bigint();
        for (let body = 0; body < count; body++) drive(loop, at, to);
        ns += Number(process.hrtime.bigint() - start);
        doneWords += count * (to - at);
      }
      return ns <= limitNs;
    });
    left -= count;
  }
  const events = doneWords / 2;
  return { ns, events, isCut: events < eventsOf(script) };
}

/** Calls a tight loop so many times. As `drive`, it is called with two different ones. */
function driveTight(call: () => void, calls: number): void {
  for (let left = calls; left > 0; left--) call();
}

/** Runs a tight loop once. It may do a few events more than the script has. */
function runTight(loop: TightLoop, script: Script, limitNs: number): Timed {
  const { call, callEvents } = loop;
  const wanted = eventsOf(script);
  const calls = Math.max(1, Math.floor(CLOCK_EVENTS / callEvents));
  let ns = 0;
  let events = 0;
  loop.restart();
  while (events < wanted && ns <= limitNs) {
    const count = Math.min(calls, Math.ceil((wanted - events) / callEvents));
    const start = process.hrtime.bigint();
    driveTight(call, count);
    ns += Number(process.hrtime.bigint() - start);
    events += count * callEvents;
  }
  loop.freeLeft();
  return { ns, events, isCut: events < wanted };
}

export function createPasses<Block>(subject: Subject<Block>, script: Script): Passes {
  const track = createTrack(subject, script);
  const loop = createLoop(subject, track, createRare(subject, track));
  const tight = script.tight === undefined ? undefined : createTight(subject, script.tight);
  const runOnce = (limitNs: number): Timed => {
    if (tight !== undefined) return runTight(tight, script, limitNs);
    const timed = run(loop, script, track.words, limitNs);
    freeAll(subject, track);
    return timed;
  };
  return {
    round(times, limitMs) {
      drive(idle, 0, CHUNK_WORDS);
      driveTight(idleCall, 1);
      const total = { ns: 0, events: 0, isCut: false };
      for (let time = 0; time < times && !total.isCut; time++) {
        const { ns, events, isCut } = runOnce(limitMs * 1e6 - total.ns);
        total.ns += ns;
        total.events += events;
        total.isCut = isCut;
      }
      return total;
    },
    latency(limitMs) {
      return measureLatency(loop, script, track.words, limitMs, () => freeAll(subject, track));
    },
  };
}

export const PERCENTILES: readonly number[] = [
  0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100,
];
const TIMER_PAIRS = 10_001;

/** Returns the median of the time that the timer itself takes between two readings. */
export function measureTimer(): number {
  const differences = new Float64Array(TIMER_PAIRS);
  for (let index = 0; index < TIMER_PAIRS; index++) {
    const start = performance.now();
    differences[index] = (performance.now() - start) * 1e6;
  }
  return differences.sort()[TIMER_PAIRS >>> 1] as number;
}

/** Events that are timed if there is time; 100 of them lie above p99.99. */
export const LATENCY_EVENTS = 1_000_000;
const LATENCY_WARMUP_MS = 100;

function measureLatency(
  loop: Loop,
  script: Script,
  window: Int32Array,
  limitMs: number,
  freeLeft: () => void,
): { timerNs: number; events: number; curve: [number, number][] } {
  measureTimer();
  const timerNs = measureTimer();
  const histogram = createHistogram({ lowest: 1, highest: 1e11, figures: 3 });
  /** Times at least so many events, in whole runs through the words. */
  const timeEvents = (least: number, end: number): number => {
    let events = 0;
    let now = 0;
    while (events < least && now < end) {
      throughWindow(script, window, (length) => {
        for (let at = 0; at < length && now < end; at += 2) {
          const start = performance.now();
          loop(at, at + 2);
          now = performance.now();
          histogram.record(Math.max(1, Math.round((now - start) * 1e6 - timerNs)));
          events++;
        }
        return now < end;
      });
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
