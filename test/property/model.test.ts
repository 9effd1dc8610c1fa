import fc from "fast-check";
import { describe, it } from "vitest";
import { runs } from "../support/tier.js";
import { planOf, runModel } from "./runModel.js";

describe("the heap against the oracle, plain options", () => {
  it("with defaults", () => {
    runModel(planOf(fc.constant({})), runs(25, 500));
  });

  it("with front statistics, and with SAFE_FREE", () => {
    const options = fc.record({ frontStats: fc.boolean(), safeFree: fc.constant(true) });
    runModel(planOf(options), runs(15, 200));
  });
});
