import { expect, it } from "vitest";
import { Stress } from "../stress/stress.js";

const SEED = Number(process.env.HAKMEM_TEST_SEED ?? Date.now() % 2 ** 31);

it(`loses no block while workers are killed (seed ${SEED})`, async () => {
  const stress = new Stress({ seconds: 10, kills: 60, workers: 4, seed: SEED });
  const figures = await stress.run();
  expect(figures.kills).toBeGreaterThanOrEqual(60);
  expect(figures.recovered).toBeGreaterThan(0);
  expect(figures.live).toBe(0);
  expect(figures.lost).toBe(0);
});
