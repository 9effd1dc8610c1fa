import { afterAll, beforeAll } from "vitest";
import { Tally } from "../report.js";
import { Pool } from "./pool.js";

/** A job that takes longer than this is a failure: what bounds it is a number of schedules. */
export const MS = 600_000;

/** Returns what runs the jobs of a test file on fibers, and prints the sums under `name`. */
export function tallyOnFibers(name: string): Tally {
  let pool: Pool;
  const tally = new Tally((job) => pool.run(job));
  beforeAll(async () => {
    pool = await Pool.start();
  });
  afterAll(async () => {
    await pool.stop();
    tally.print(name);
  });
  return tally;
}
