import { attach, detach, drain, free, recover } from "../control.js";
import { attached, fill, LARGE, type Scenario } from "../scenarios.js";

/**
 * Agents that attach to fewer slots than they want: an agent takes over the slot of one that began
 * to attach and has not finished for a while. A thread without operations is there to look after
 * what the others leave.
 */
export const SLOTS: readonly Scenario[] = [
  {
    name: "two attach to the last slot",
    slabs: 4,
    workers: 2,
    preamble: [[2, attach]],
    threads: [[attach], [attach], []],
  },
  {
    name: "two attach to the last slot and leave",
    slabs: 4,
    workers: 2,
    preamble: [[2, attach]],
    threads: [[attach, detach], [attach, detach], []],
  },
  {
    name: "three attach to two slots",
    slabs: 4,
    workers: 3,
    preamble: [[3, attach]],
    threads: [[attach], [attach], [attach], []],
  },
  {
    name: "two attach while a worker leaves the last slot",
    slabs: 5,
    workers: 2,
    preamble: attached(2, ...fill(1, LARGE, 0), [0, detach]),
    threads: [[attach, free(0)], [detach], [attach]],
  },
  {
    name: "an agent attaches to the slot of the dead while it is recovered",
    slabs: 5,
    workers: 3,
    preamble: [[0, attach], [3, attach], [2, attach], ...fill(3, LARGE, 0)],
    threads: [[recover(1), drain], [attach, free(0)], []],
  },
];
