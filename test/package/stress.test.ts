import { expect, it } from "vitest";
import { churn } from "../stress/churn.js";
import { exchangeMarks } from "../stress/marks.js";
import { Stress } from "../stress/stress.js";
import { SEED } from "../support/tier.js";

it("loses no block while workers are killed, and those that recover them", async () => {
  const stress = new Stress({ seconds: 12, kills: 60, workers: 4, seed: SEED });
  const figures = await stress.run();
  expect(figures.kills).toBeGreaterThanOrEqual(60);
  expect(figures.diedInside).toBeGreaterThan(0);
  expect(figures.recovered).toBeGreaterThan(0);
  expect(figures.live).toBe(0);
  expect(figures.lost).toBe(0);
});

it("loses no slot while workers are killed that attach and detach", async () => {
  const { kills, recovered } = await churn({ seconds: 4, kills: 40, seed: SEED });
  expect(kills).toBeGreaterThanOrEqual(40);
  expect(recovered).toBeGreaterThan(0);
});

it("keeps blocks that are handed over to workers that come and go", async () => {
  const { attachments, checks } = await exchangeMarks({ seconds: 8, seed: SEED });
  expect(attachments).toBeGreaterThan(100);
  expect(checks).toBeGreaterThan(0);
});
