import {
  attach,
  detach,
  drain,
  forget,
  free,
  freeBatch,
  freeMany,
  freeUnordered,
  handOver,
  handOverUnordered,
  malloc,
  mallocBatch,
  mallocMany,
  mallocWait,
  type Op,
  realloc,
  recover,
} from "../control.js";
import { attached, fill, LARGE, LONG_SPAN, type Scenario, SPAN } from "../scenarios.js";

const SMALL = 60;

function forgetIn2(slot: number): [number, Op] {
  return [2, forget(slot)];
}

/** Programs that take too long on real threads. Fibers run one schedule of each class. */
export const LONG_SCENARIOS: readonly Scenario[] = [
  {
    name: "batches of two workers, few slabs",
    slabs: 6,
    preamble: attached(2),
    threads: [
      [mallocBatch(0, LARGE), freeBatch(4)],
      [mallocBatch(4, LARGE), freeBatch(0)],
    ],
  },
  {
    name: "batch against an owner that leaves",
    slabs: 5,
    interval: 3,
    preamble: attached(2, [0, mallocBatch(0, LARGE)]),
    threads: [[detach], [freeBatch(0), mallocBatch(4, LARGE)]],
  },
  {
    name: "three workers claim and give back",
    slabs: 5,
    preamble: attached(3, ...fill(0, LARGE, 0), ...fill(1, 20000, 1)),
    threads: [[free(0), drain], [free(1), drain], [malloc(8, 24000)]],
  },
  {
    name: "three workers, spans that meet",
    slabs: 6,
    preamble: attached(3, ...fill(0, SPAN, 0), ...fill(1, SPAN, 1)),
    threads: [[free(0)], [free(1)], [malloc(8, LONG_SPAN)]],
  },
  {
    name: "long spans meet",
    slabs: 7,
    preamble: attached(2, ...fill(0, 65536, 0), [0, free(0)]),
    threads: [[malloc(8, LONG_SPAN)], [malloc(9, LONG_SPAN), free(9)]],
  },
  {
    name: "realloc moves another worker's block",
    slabs: 6,
    preamble: attached(2, ...fill(0, LARGE, 0, 1)),
    threads: [
      [free(1), drain],
      [realloc(0, SPAN), realloc(0, SMALL), drain],
    ],
  },
  {
    name: "a slab goes from worker to worker",
    slabs: 4,
    preamble: attached(3, ...fill(0, 20000, 0)),
    threads: [[detach], [free(0), drain], [malloc(8, 20000), drain]],
  },
  {
    name: "frees in both directions",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1), ...fill(1, LARGE, 2, 3)),
    threads: [
      [free(2), malloc(8, LARGE), drain],
      [free(0), malloc(9, LARGE), drain],
    ],
  },
  {
    name: "two recover, one of them leaves",
    slabs: 5,
    preamble: attached(4, ...fill(3, LARGE, 0, 1)),
    threads: [[recover(3), detach], [recover(3)], [free(0)]],
  },
  {
    name: "handed over in a ring",
    slabs: 5,
    preamble: attached(3, ...fill(0, LARGE, 0), ...fill(1, LARGE, 1), [0, handOver(0, 1)]),
    threads: [[drain, detach], [handOver(0, 2), free(1)], [free(0)]],
  },
  {
    name: "attached while another leaves",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1), ...fill(1, LARGE, 2)),
    threads: [[detach], [free(0), drain], [attach, free(1)]],
  },
];

/** Programs that free a span twice at the same moment. */
export const TWICE: readonly Scenario[] = [
  {
    name: "two free a span",
    slabs: 6,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [
      [freeUnordered(0), drain],
      [freeUnordered(0), drain],
    ],
  },
  {
    name: "three free a span that its owner left",
    slabs: 6,
    preamble: attached(4, ...fill(3, SPAN, 0), [3, detach]),
    threads: [[freeUnordered(0)], [freeUnordered(0)], [freeUnordered(0), drain]],
  },
  {
    name: "a span that its owner left is handed over, and freed",
    slabs: 6,
    preamble: attached(3, ...fill(2, SPAN, 0), [2, detach]),
    threads: [
      [handOverUnordered(0, 1), drain],
      [freeUnordered(0), drain],
    ],
  },
  {
    name: "a span that its owner left is handed over by two, and freed",
    slabs: 6,
    preamble: attached(4, ...fill(3, SPAN, 0), [3, detach]),
    threads: [[handOverUnordered(0, 1)], [handOverUnordered(0, 0)], [freeUnordered(0), drain]],
  },
];

/** Waits for memory that never time out, so a worker that gives memory back must wake them. */
export const WAITS: readonly Scenario[] = [
  {
    name: "an owner waits, another frees",
    slabs: 4,
    isPatient: true,
    preamble: attached(2, ...fill(0, LARGE, 0, 1, 2, 3)),
    threads: [[mallocWait(8, LARGE)], [free(0)]],
  },
  {
    name: "one waits, the owner drains",
    slabs: 4,
    isPatient: true,
    preamble: attached(2, ...fill(0, LARGE, 0, 1, 2, 3)),
    threads: [[free(0), free(1), drain], [mallocWait(8, LARGE)]],
  },
  {
    name: "one waits, the owner leaves",
    slabs: 4,
    isPatient: true,
    preamble: attached(2, ...fill(0, LARGE, 0, 1, 2, 3)),
    threads: [[free(0), detach], [mallocWait(8, LARGE)]],
  },
  {
    name: "one waits for a span",
    slabs: 4,
    isPatient: true,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [[free(0)], [mallocWait(8, SPAN)]],
  },
  {
    name: "two wait, one frees for both",
    slabs: 4,
    isPatient: true,
    preamble: attached(3, ...fill(0, 40000, 0), ...fill(0, 65000, 1)),
    threads: [[free(0), free(1), drain], [mallocWait(8, 40000)], [mallocWait(9, 65000)]],
  },
  {
    name: "one waits, another recovers the dead",
    slabs: 4,
    isPatient: true,
    preamble: attached(3, ...fill(2, LARGE, 0, 1, 2, 3), ...[0, 1, 2, 3].map(forgetIn2)),
    threads: [[recover(2, 1)], [mallocWait(8, LARGE)]],
  },
  {
    name: "one waits while a span fails to grow",
    slabs: 6,
    isPatient: true,
    preamble: attached(2, ...fill(0, SPAN, 0), ...fill(0, 65536, 1), ...fill(0, 40000, 2), [
      0,
      free(1),
    ]),
    threads: [[drain, realloc(0, 262144)], [mallocWait(8, LARGE)]],
  },
  {
    name: "one waits while a span that another takes from grows",
    slabs: 6,
    isPatient: true,
    preamble: attached(3, ...fill(0, SPAN, 0)),
    threads: [[realloc(0, 262144), realloc(0, SPAN)], [malloc(8, 65536)], [mallocWait(9, 40000)]],
  },
  {
    name: "one waits for a span while another grows in vain",
    slabs: 7,
    isPatient: true,
    preamble: attached(2, ...fill(0, SPAN, 0), ...fill(0, SPAN, 1), ...fill(0, 40000, 2), [
      0,
      free(1),
    ]),
    threads: [[realloc(0, 327680)], [mallocWait(8, SPAN)]],
  },
  {
    name: "one waits while a span is made in vain",
    slabs: 4,
    isPatient: true,
    preamble: attached(3),
    threads: [[malloc(8, SPAN), free(8)], [malloc(9, 65536)], [mallocWait(10, 40000)]],
  },
];

/** Lets agents attach so that one gets a worker's number; agents 4 to 7 leave again. */
function attachedAs(agent: number, worker: number): [number, Op][] {
  const order = [0, 1, 2, 3, 4, 5, 6, 7].filter((me) => me !== agent);
  order.splice(worker, 0, agent);
  return [
    ...order.map((me): [number, Op] => [me, attach]),
    ...[4, 5, 6, 7].map((me): [number, Op] => [me, detach]),
  ];
}

/**
 * Returns a scenario in which a slab with a mark is given back and taken for blocks of another
 * size, while thread 2 walks its marks by the class of before. Where it looks for one is the header
 * of the last of `count` blocks, which is in transit and then has the value of that worker's mark,
 * if a mark stands one granule after its block.
 */
function retaken(
  worker: number,
  marked: number,
  size: number,
  count: number,
  isLeaving: boolean,
): Scenario {
  const to = worker === 1 ? 2 : 1;
  return {
    name:
      `worker ${worker} ${isLeaving ? "leaves" : "is recovered"} while a slab of ${marked} B ` +
      `becomes one of ${size} B`,
    slabs: 6,
    interval: 2,
    workers: 8,
    preamble: [
      ...attachedAs(isLeaving ? 2 : 3, worker),
      ...fill(0, marked, 0),
      [0, handOver(0, to)],
    ],
    threads: [
      [free(0), drain, mallocMany(0, count, size)],
      [freeMany(0, 1)],
      [isLeaving ? detach : recover(worker)],
    ],
  };
}

/** A mark's place, read by the class that a slab had before, is a header now. */
export const RETAKEN: readonly Scenario[] = [true, false].flatMap((isLeaving) => [
  retaken(2, 8192, 48, 172, isLeaving),
  retaken(4, 8192, 80, 206, isLeaving),
  retaken(6, 4096, 112, 184, isLeaving),
  retaken(1, 240, 32, 9, isLeaving),
  retaken(3, 240, 64, 5, isLeaving),
]);
