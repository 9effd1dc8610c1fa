import { drain, drainRaced, freeRaced } from "./control.js";
import { attached, fill, LARGE, type Scenario } from "./scenarios.js";

const SMALL = 60;

interface Raced extends Scenario {
  /** The owner, if it takes part: only its writes to the header let a double free go untold. */
  readonly untoldBy: readonly number[];
}

/** Workers that free the block of slot 0 at the same moment, and the slab's owner. */
function racedFor(size: number): Raced[] {
  const twice = [freeRaced, drainRaced];
  return [
    {
      name: `two free a block of another's slab, of ${size} bytes`,
      slabs: 5,
      preamble: attached(3, ...fill(2, size, 0, 1)),
      threads: [twice, twice],
      untoldBy: [],
    },
    {
      name: `two free a block of another's slab, of ${size} bytes, that its owner collects`,
      slabs: 5,
      preamble: attached(3, ...fill(2, size, 0, 1)),
      threads: [twice, twice, [drain]],
      untoldBy: [2],
    },
    {
      name: `owner and other free a block of ${size} bytes`,
      slabs: 5,
      preamble: attached(2, ...fill(0, size, 0, 1)),
      threads: [twice, twice],
      untoldBy: [0],
    },
  ];
}

export const RACED: readonly Raced[] = [...racedFor(LARGE), ...racedFor(SMALL)];
