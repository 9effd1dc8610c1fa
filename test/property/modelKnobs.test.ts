import fc from "fast-check";
import { describe, it } from "vitest";
import { runs } from "../support/tier.js";
import { planOf, runModel } from "./runModel.js";

const entries = fc.oneof(
  fc.constantFrom(1, 2, 3, 14, 15, 62, 63, 126, 127, 254, 255, 511),
  fc.integer({ min: 1, max: 254 }),
);

describe("the heap against the oracle, knobs turned", () => {
  it("with small and large caches and intervals", () => {
    const options = fc.record({
      fastCap: entries,
      sllDrainInterval: fc.constantFrom(0, 1, 2, 64, 1024),
      refillCountHot: entries,
      refillCountMid: entries,
    });
    runModel(planOf(options), runs(25, 450));
  });

  it("with every option", () => {
    const options = fc.record({
      fastCap: entries,
      sllDrainInterval: fc.constantFrom(0, 1, 2, 64, 1024),
      refillCountHot: entries,
      refillCountMid: entries,
      wrapTiny: fc.boolean(),
      frontStats: fc.boolean(),
      safeFree: fc.boolean(),
    });
    runModel(planOf(options), runs(15, 250));
  });
});
