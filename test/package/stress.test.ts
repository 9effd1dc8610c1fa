import { expect, it } from "vitest";
import { churn } from "../stress/churn.js";
import { Stress } from "../stress/stress.js";
import { SEED } from "../support/tier.js";

it("loses no block while workers are killed", async () => {
  const stress = new Stress({ seconds: 10, kills: 60, workers: 4, seed: SEED });
  const figures = await stress.run();
  expect(figures.kills).toBeGreaterThanOrEqual(60);
  expect(figures.recovered).toBeGreaterThan(0);
  expect(figures.live).toBe(0);
  expect(figures.lost).toBe(0);
});

it("loses no slot while workers are killed that attach and detach", async () => {
  const { kills, recovered } = await churn({ seconds: 4, kills: 40, seed: SEED });
  expect(kills).toBeGreaterThanOrEqual(40);
  expect(recovered).toBeGreaterThan(0);
});
