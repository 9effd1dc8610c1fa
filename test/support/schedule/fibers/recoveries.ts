import {
  attach,
  drain,
  forget,
  free,
  handOver,
  malloc,
  type Op,
  realloc,
  recover,
} from "../control.js";
import { attached, fill, LARGE, LONG_SPAN, type Scenario, SPAN } from "../scenarios.js";

function forgetIn(me: number, ...slots: number[]): [number, Op][] {
  return slots.map((slot) => [me, forget(slot)]);
}

/**
 * Recoveries whose worker dies too: a worker without a thread is dead before the run, and a worker
 * that dies in it is recovered by one that comes later.
 */
export const RECOVERIES: readonly Scenario[] = [
  {
    name: "a recoverer of blocks is recovered",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), ...forgetIn(2, 1)),
    threads: [[recover(2)], [recover(0), drain]],
  },
  {
    name: "a recoverer of blocks that it frees is recovered",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), ...forgetIn(2, 0, 1)),
    threads: [
      [recover(2, 1), drain],
      [recover(0, 1), drain],
    ],
  },
  {
    name: "a recoverer of marked blocks is recovered",
    slabs: 6,
    preamble: attached(
      3,
      ...fill(0, LARGE, 0),
      ...fill(1, LARGE, 1),
      ...fill(2, LARGE, 2),
      [0, handOver(0, 2)],
      [1, handOver(1, 2)],
      [2, handOver(2, 1)],
      ...forgetIn(2, 0, 1),
    ),
    threads: [[recover(2)], [recover(0)]],
  },
  {
    name: "a recoverer of spans is recovered",
    slabs: 8,
    preamble: attached(
      3,
      ...fill(2, SPAN, 0, 1),
      ...fill(0, SPAN, 2),
      [0, handOver(2, 2)],
      [2, handOver(1, 0)],
      ...forgetIn(2, 0, 2),
    ),
    threads: [[recover(2)], [recover(0), malloc(8, LARGE)]],
  },
  {
    name: "a recoverer of an outbox is recovered",
    slabs: 6,
    interval: 3,
    preamble: attached(
      3,
      ...fill(0, LARGE, 0, 1),
      ...fill(1, LARGE, 2),
      [2, free(0)],
      [2, free(2)],
    ),
    threads: [
      [recover(2), drain],
      [recover(0), drain],
    ],
  },
  {
    name: "a recoverer of a worker with mail is recovered",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), [0, free(0)]),
    threads: [[recover(2)], [recover(0), free(1)]],
  },
  {
    name: "a recoverer that was recovering is recovered",
    slabs: 5,
    preamble: attached(4, ...fill(3, LARGE, 0), ...forgetIn(3, 0)),
    threads: [[recover(3)], [recover(0), recover(3)], [recover(1), recover(3)]],
  },
  {
    name: "a worker that dies is recovered, and its recoverer",
    slabs: 6,
    preamble: attached(3, ...fill(0, LARGE, 0), ...fill(0, SPAN, 1)),
    threads: [[malloc(8, LARGE), realloc(1, LONG_SPAN), free(0)], [recover(0)], [recover(1)]],
  },
  {
    name: "both die while one hands a span over to the other",
    slabs: 6,
    preamble: attached(3, ...fill(1, SPAN, 0)),
    threads: [[drain], [handOver(0, 0)], [recover(0), recover(1), recover(0)]],
  },
  {
    name: "one attaches in the slot of the recovered",
    slabs: 5,
    workers: 3,
    preamble: [[0, attach], [2, attach], [3, attach], ...fill(3, LARGE, 0), ...forgetIn(3, 0)],
    threads: [[recover(2)], [attach, malloc(8, LARGE)], []],
  },
];
