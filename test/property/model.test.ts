import fc from "fast-check";
import { describe, it } from "vitest";
import { planOf, runModel } from "./runModel.js";

describe("the heap against the oracle, plain options", () => {
  it("with defaults", () => {
    runModel("defaults", planOf(fc.constant({})), 500);
  });

  it("with front statistics, and with SAFE_FREE", () => {
    const options = fc.record({ frontStats: fc.boolean(), safeFree: fc.constant(true) });
    runModel("safe free", planOf(options), 200);
  });
});
