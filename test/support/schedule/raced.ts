import { drain, drainRaced, freeRaced } from "./control.js";
import { attached, fill, LARGE, type Scenario } from "./scenarios.js";

const SMALL = 60;

/** Workers that free the block of slot 0 at the same moment, and the slab's owner. */
function racedFor(size: number): Scenario[] {
  const twice = [freeRaced, drainRaced];
  return [
    {
      name: `two free a block of another's slab, of ${size} bytes`,
      slabs: 5,
      preamble: attached(3, ...fill(2, size, 0, 1)),
      threads: [twice, twice],
    },
    {
      name: `two free a block of another's slab, of ${size} bytes, which collects it`,
      slabs: 5,
      preamble: attached(3, ...fill(2, size, 0, 1)),
      threads: [twice, twice, [drain]],
    },
    {
      name: `owner and other free a block of ${size} bytes`,
      slabs: 5,
      preamble: attached(2, ...fill(0, size, 0, 1)),
      threads: [twice, twice],
    },
  ];
}

export const RACED: readonly Scenario[] = [...racedFor(LARGE), ...racedFor(SMALL)];
