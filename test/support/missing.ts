import type { TestContext } from "vitest";

/** Whether everything that a test may need must be installed. */
export const isUnderCi: boolean = !["", "0", "false"].includes(process.env.CI ?? "");

/**
 * Skips a test that needs what this machine lacks, such as a compiler. Under CI it throws instead,
 * because there everything must be installed, and a skip would hide what no longer runs.
 */
export function missing(context: Pick<TestContext, "skip">, why: string): never {
  if (isUnderCi) throw new Error(`${why} (under CI nothing may be missing)`);
  return context.skip(why);
}
