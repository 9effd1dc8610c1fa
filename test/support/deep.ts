import { describe, it } from "vitest";
import { isFast } from "./tier.js";

/** Stands for `it` and `describe` with all their members, and does nothing. */
const nothing: () => void = new Proxy(() => {}, {
  get: () => nothing,
  apply: () => nothing,
});

/** Returns `it`, or what registers no test at all: not even one that is skipped. */
export function itIf(isWanted: boolean): typeof it {
  return isWanted ? it : (nothing as unknown as typeof it);
}

/** `it` for a test that the fast tier leaves out: it takes long, or depends on the machine. */
export const deepIt: typeof it = itIf(!isFast);

/** `describe` for tests that the fast tier leaves out. */
export const deepDescribe: typeof describe = isFast
  ? (nothing as unknown as typeof describe)
  : describe;
