import { appendFileSync } from "node:fs";

/** What `npm run test:long` sums up. */
export const SUMMED = ["propertyRuns", "schedules", "kills", "recovererKills"] as const;
export type Summed = (typeof SUMMED)[number];
export type Sums = Record<Summed, number>;

/** Names a file to which counts are appended as they grow. */
const VARIABLE = "HAKMEM_TEST_COUNTS";
const KEY: unique symbol = Symbol.for("hakmem.counts");

// The file is kept for the process, because the commands that tests start refuse unknown variables.
const shared = globalThis as { [KEY]?: string };
shared[KEY] ??= process.env[VARIABLE] ?? "";
const file: string = shared[KEY];

/** Returns the variable that lets another process append its counts to a file. */
export function countsEnv(path: string): Record<string, string> {
  return { [VARIABLE]: path };
}

/** Takes the variable out of the environment. */
export function hideCounts(): void {
  Reflect.deleteProperty(process.env, VARIABLE);
}

/** Appends counts to the file, if there is one. */
export function appendCounts(counts: Partial<Sums>): void {
  if (file !== "") appendFileSync(file, `${JSON.stringify(counts)}\n`);
}

/** Returns the sums of a file of counts. A process that was killed may have left half a line. */
export function sumCounts(text: string): Sums {
  const sums: Sums = { propertyRuns: 0, schedules: 0, kills: 0, recovererKills: 0 };
  for (const line of text.split("\n").slice(0, -1)) {
    const counts = JSON.parse(line) as Partial<Sums>;
    for (const name of SUMMED) sums[name] += counts[name] ?? 0;
  }
  return sums;
}
