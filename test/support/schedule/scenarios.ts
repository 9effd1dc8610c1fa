import {
  attach,
  detach,
  drain,
  free,
  handOver,
  malloc,
  type Op,
  realloc,
  recover,
} from "./control.js";

/** What happens before a run, and what each thread does in it; thread t begins as worker t. */
export interface Scenario {
  readonly name: string;
  /** The heap's capacity in slabs, of which the metadata takes two. */
  readonly slabs: number;
  readonly fastCap?: number;
  readonly interval?: number;
  /** Slots for workers (4). */
  readonly workers?: number;
  /** Whether waits for memory last until they are woken, and never time out. */
  readonly isPatient?: boolean;
  readonly preamble: readonly (readonly [worker: number, op: Op])[];
  readonly threads: readonly (readonly Op[])[];
  /** Number of preemptions that is explored in full. */
  readonly bound?: number;
}

export const LARGE = 30000;
export const SPAN = 70000;
export const LONG_SPAN = 140000;

/** Workers 0 to `count - 1` attach in turn. */
export function attached(count: number, ...then: [number, Op][]): [number, Op][] {
  return [...Array.from({ length: count }, (_, me): [number, Op] => [me, attach]), ...then];
}

/** Worker `me` allocates blocks into these slots. */
export function fill(me: number, size: number, ...slots: number[]): [number, Op][] {
  return slots.map((slot) => [me, malloc(slot, size)]);
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "remote free, owner collects",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1)),
    threads: [[drain], [free(0)]],
  },
  {
    name: "remote free, owner allocates",
    slabs: 4,
    preamble: attached(2, ...fill(0, LARGE, 0, 1, 2, 3)),
    threads: [[malloc(8, LARGE)], [free(0), free(1)]],
  },
  {
    name: "remote free, owner detaches",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1)),
    threads: [[detach], [free(0)]],
  },
  {
    name: "owner detaches, another adopts by malloc",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0)),
    threads: [[detach], [malloc(8, LARGE), free(0)]],
  },
  {
    name: "two claim the last slab",
    slabs: 4,
    preamble: attached(2, ...fill(0, LARGE, 0)),
    threads: [[malloc(8, 20000)], [malloc(9, 24000)]],
  },
  {
    name: "two claim, one gives back",
    slabs: 4,
    preamble: attached(2, ...fill(0, 65536, 0)),
    threads: [[free(0), drain], [malloc(9, 24000)]],
  },
  {
    name: "span against slab",
    slabs: 5,
    preamble: attached(2),
    threads: [[malloc(8, SPAN)], [malloc(9, LARGE)]],
  },
  {
    name: "span against span",
    slabs: 6,
    preamble: attached(2),
    threads: [[malloc(8, SPAN), free(8)], [malloc(9, SPAN)]],
  },
  {
    name: "span is given back while another claims",
    slabs: 5,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [[free(0)], [malloc(9, SPAN), malloc(10, LARGE)]],
  },
  {
    name: "span grows and shrinks",
    slabs: 6,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [[realloc(0, 140000), realloc(0, SPAN)], [malloc(9, LARGE)]],
  },
  {
    name: "span with two tails is given back",
    slabs: 7,
    preamble: attached(2, ...fill(0, LONG_SPAN, 0)),
    threads: [[free(0)], [malloc(9, SPAN), malloc(10, LARGE)]],
  },
  {
    name: "abandoned slabs, two adopt",
    slabs: 6,
    preamble: attached(4, ...fill(2, LARGE, 0), ...fill(3, LARGE, 1), [2, detach], [3, detach]),
    threads: [[malloc(8, LARGE)], [malloc(9, LARGE)]],
  },
  {
    name: "abandoned slab, freed while adopted",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), [2, detach]),
    threads: [[free(0)], [free(1)]],
  },
  {
    name: "abandoned slab, drains",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1), [2, detach]),
    threads: [[drain], [drain, free(0)]],
  },
  {
    name: "outbox to a slab that changes its owner",
    slabs: 5,
    interval: 2,
    preamble: attached(3, ...fill(0, LARGE, 0, 1)),
    threads: [[detach], [free(0), drain], [drain]],
    bound: 2,
  },
  {
    name: "exhaustion",
    slabs: 4,
    preamble: attached(2, ...fill(0, LARGE, 0, 1), ...fill(1, LARGE, 2, 3)),
    threads: [
      [free(2), malloc(8, LARGE)],
      [free(0), malloc(9, LARGE)],
    ],
  },
  {
    name: "block handed over, then freed",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1)),
    threads: [[handOver(0, 1), free(1)], [free(0)]],
  },
  {
    name: "block handed over, owner detaches",
    slabs: 5,
    preamble: attached(3, ...fill(0, LARGE, 0, 1), [0, handOver(0, 1)]),
    threads: [[detach], [handOver(0, 2)], [free(1)]],
    bound: 2,
  },
  {
    name: "span handed over",
    slabs: 6,
    preamble: attached(2, ...fill(0, SPAN, 0)),
    threads: [
      [handOver(0, 1), malloc(8, LARGE)],
      [free(0), malloc(9, SPAN)],
    ],
  },
  {
    name: "workers attach and detach",
    slabs: 4,
    preamble: [],
    threads: [[attach, detach], [attach]],
  },
  {
    name: "attached anew in the slot of another",
    slabs: 5,
    preamble: attached(2, ...fill(0, LARGE, 0, 1)),
    threads: [[detach, attach], [free(0)]],
  },
  {
    name: "three workers, frees in a ring",
    slabs: 6,
    preamble: attached(3, ...fill(0, LARGE, 0), ...fill(1, LARGE, 1), ...fill(2, LARGE, 2)),
    threads: [[free(1)], [free(2)], [free(0)]],
    bound: 2,
  },
  {
    name: "three workers, one slab",
    slabs: 5,
    preamble: attached(3, ...fill(0, 60, 0, 1, 2)),
    threads: [[drain], [free(0)], [free(1)]],
    bound: 2,
  },
  {
    name: "recovery while blocks of the dead are freed",
    slabs: 5,
    preamble: attached(3, ...fill(2, LARGE, 0, 1)),
    threads: [[recover(2)], [free(0)]],
  },
  {
    name: "two recover the same worker",
    slabs: 4,
    preamble: attached(3, ...fill(2, LARGE, 0)),
    threads: [[recover(2)], [malloc(8, LARGE), drain]],
  },
  {
    name: "recovery while a span of the dead is freed",
    slabs: 5,
    preamble: attached(3, ...fill(2, SPAN, 0)),
    threads: [[recover(2)], [free(0), malloc(8, LARGE)]],
  },
  {
    name: "recovery while its new holder frees a span of the dead",
    slabs: 5,
    preamble: attached(3, ...fill(2, SPAN, 0), [2, handOver(0, 1)]),
    threads: [[recover(2)], [free(0), malloc(8, LARGE)]],
  },
  {
    name: "recovery while a span of the dead grows",
    slabs: 5,
    preamble: attached(3, ...fill(2, SPAN, 0)),
    threads: [[recover(2)], [realloc(0, LONG_SPAN), free(0)]],
  },
  {
    name: "recovery of a worker with mail and spans",
    slabs: 6,
    interval: 2,
    preamble: attached(3, ...fill(2, SPAN, 0), ...fill(0, LARGE, 1, 2), [2, free(1)]),
    threads: [
      [recover(2), drain],
      [free(2), malloc(8, LARGE)],
    ],
  },
  {
    name: "own blocks and another's move",
    slabs: 7,
    fastCap: 2,
    interval: 4,
    preamble: attached(2, ...fill(0, 60, 0, 1, 2)),
    threads: [[realloc(0, 2000), realloc(1, SPAN)], [realloc(2, 240)]],
  },
];
