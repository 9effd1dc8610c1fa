import {
  ANY_WORKER,
  alignedAlloc,
  attach,
  calloc,
  detach,
  drain,
  forget,
  free,
  guard,
  handOver,
  malloc,
  type Op,
  realloc,
  recover,
  reset,
  runLater,
  snapshot,
  stats,
  verify,
} from "../control.js";
import { attached, fill, LARGE, LONG_SPAN, type Scenario, SPAN } from "../scenarios.js";

const SMALL = 60;

function forgetIn(me: number, slot: number): [number, Op] {
  return [me, forget(slot)];
}

/** Memory with more than its bytes: zeroed, or aligned. */
const ALLOCATIONS: readonly Scenario[] = [
  {
    name: "zeroed blocks where others were",
    slabs: 6,
    preamble: attached(2, ...fill(0, SMALL, 0, 1), ...fill(1, LARGE, 2)),
    threads: [
      [free(0), free(2), calloc(8, SMALL), calloc(9, LARGE)],
      [free(1), drain, calloc(10, SMALL)],
    ],
  },
  {
    name: "zeroed spans meet",
    slabs: 6,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [[free(0), calloc(8, SPAN)], [calloc(9, LONG_SPAN)]],
  },
  {
    name: "aligned blocks of two workers",
    slabs: 6,
    preamble: attached(2, ...fill(0, LARGE, 0)),
    threads: [
      [malloc(7, SMALL), alignedAlloc(8, SMALL, 12), malloc(9, 3000), alignedAlloc(11, 3000, 12)],
      [free(0), alignedAlloc(10, LARGE, 14)],
    ],
  },
];

/** Workers are asked whether they live: those that do, those that come and go, and the dead. */
const QUESTIONS: readonly Scenario[] = [
  {
    name: "two ask a worker that leaves",
    slabs: 6,
    preamble: attached(3, ...fill(2, LARGE, 0)),
    threads: [[recover(2)], [recover(2)], [detach]],
  },
  {
    name: "a worker that attaches is asked",
    slabs: 5,
    workers: 2,
    preamble: attached(1),
    threads: [
      [recover(1), recover(1)],
      [attach, malloc(8, SMALL), detach],
    ],
  },
  {
    name: "a worker is asked while its slot changes hands",
    slabs: 5,
    workers: 2,
    preamble: attached(2, ...fill(1, LARGE, 0)),
    threads: [[recover(1)], [detach, attach, malloc(8, SMALL)]],
  },
  {
    name: "three ask one another",
    slabs: 6,
    preamble: attached(3, ...fill(2, LARGE, 0)),
    threads: [[recover(1)], [recover(2)], [recover(0)]],
  },
  {
    name: "two ask the dead, and one asks them",
    slabs: 6,
    preamble: attached(4, ...fill(3, LARGE, 0, 1), forgetIn(3, 1)),
    threads: [[recover(3)], [recover(3)], [recover(0), recover(1), recover(3)]],
  },
];

/** An event says that a worker has ended. */
const GUARDS: readonly Scenario[] = [
  {
    name: "guards of a worker that lives, and leaves",
    slabs: 6,
    preamble: attached(3, ...fill(2, LARGE, 0)),
    threads: [
      [guard(2), runLater],
      [guard(2), runLater],
      [detach, attach],
    ],
  },
  {
    name: "two guard the dead",
    slabs: 6,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), forgetIn(2, 0), forgetIn(2, 1)),
    threads: [
      [guard(2), runLater],
      [guard(2, 1), runLater, drain],
    ],
  },
  {
    name: "a guard of all finds two dead, and is recovered",
    slabs: 7,
    preamble: attached(
      4,
      ...fill(2, LARGE, 0),
      ...fill(3, LARGE, 1),
      forgetIn(2, 0),
      forgetIn(3, 1),
    ),
    threads: [[guard(ANY_WORKER)], [recover(0), drain]],
  },
  {
    name: "a guard of all, while one recovers the dead",
    slabs: 6,
    preamble: attached(3, ...fill(2, LARGE, 0), ...fill(1, LARGE, 1)),
    threads: [
      [guard(ANY_WORKER), runLater, runLater],
      [recover(2), free(0)],
    ],
  },
];

/** One worker frees everything while others attach, or leave. */
const RESETS: readonly Scenario[] = [
  {
    name: "reset while another attaches",
    slabs: 6,
    workers: 2,
    preamble: attached(1, ...fill(0, SMALL, 0, 1), ...fill(0, SPAN, 2)),
    threads: [
      [reset, malloc(8, SMALL)],
      [attach, malloc(9, SMALL), free(0)],
    ],
  },
  {
    name: "reset while another leaves",
    slabs: 5,
    preamble: attached(2, ...fill(0, SMALL, 0), ...fill(1, LARGE, 1), [0, handOver(0, 1)]),
    threads: [
      [reset, drain],
      [free(0), detach],
    ],
  },
  {
    name: "two reset",
    slabs: 5,
    workers: 3,
    preamble: attached(2, ...fill(0, SMALL, 0), ...fill(1, SMALL, 1)),
    threads: [[reset, detach], [reset], [attach, malloc(8, SMALL)]],
  },
  {
    name: "two attach while one resets",
    slabs: 5,
    workers: 2,
    preamble: attached(1, ...fill(0, LARGE, 0, 1)),
    threads: [[reset], [attach, recover(0), recover(1)], [attach, recover(0), recover(1)]],
  },
];

/** The whole heap is read beside workers that change it; a quiet one is restored. */
const READINGS: readonly Scenario[] = [stats, verify, snapshot].flatMap((read, index) => {
  const name = ["statistics", "verify", "a snapshot"][index];
  return [
    {
      name: `${name} while blocks come and go`,
      slabs: 8,
      interval: 2,
      preamble: attached(2, ...fill(0, LARGE, 0, 1), ...fill(1, SMALL, 2)),
      threads: [
        [read, read],
        [free(0), malloc(8, SMALL), drain],
      ],
    },
    {
      name: `${name} while spans move and the dead are recovered`,
      slabs: 9,
      preamble: attached(3, ...fill(0, SPAN, 0), ...fill(2, LARGE, 1), forgetIn(2, 1)),
      threads: [[read], [realloc(0, LONG_SPAN), recover(2), free(0)]],
    },
  ];
});

/** What programs call of a `SharedHeap` besides allocating and freeing. */
export const CALLS: readonly Scenario[] = [
  ...ALLOCATIONS,
  ...QUESTIONS,
  ...GUARDS,
  ...RESETS,
  ...READINGS,
];
