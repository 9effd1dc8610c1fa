import { readFileSync } from "node:fs";
import type { ProfiledFunction, ProfileResult } from "../base/results.js";
import { RunError } from "../base/session.js";
import { isProfile } from "../subject/v8.js";
import { type ProfiledRun, reportProfile, Z_95 } from "./report.js";

/** The part of a result that is compared. */
export type Before = Pick<ProfileResult, "samples" | "functions" | "shares">;

export interface Change {
  readonly name: string;
  readonly side: ProfiledFunction["side"];
  readonly before: number;
  readonly after: number;
  /** In shares of the total: 0.05 is five points. */
  readonly difference: number;
  /** Whether sampling alone would give such a difference in fewer than 5 of 100 runs. */
  readonly isSignificant: boolean;
}

/** Returns whether two shares differ beyond sampling error (two-proportion z-test at 95 %). */
export function differs(
  before: number,
  beforeSamples: number,
  after: number,
  afterSamples: number,
): boolean {
  if (beforeSamples === 0 || afterSamples === 0) return false;
  const pooled = (before * beforeSamples + after * afterSamples) / (beforeSamples + afterSamples);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / beforeSamples + 1 / afterSamples));
  return error > 0 && Math.abs(after - before) > Z_95 * error;
}

/** Functions are matched by name and side, because a line moves with every change above it. */
function sumByName({ functions }: Before): Map<string, ProfiledFunction> {
  const byName = new Map<string, ProfiledFunction>();
  for (const own of functions) {
    const key = `${own.side} ${own.name}`;
    const share = own.share + (byName.get(key)?.share ?? 0);
    byName.set(key, { ...own, share });
  }
  return byName;
}

/** Returns every function's share before and after, the largest first. */
export function compareFunctions(before: Before, after: Before): Change[] {
  const old = sumByName(before);
  const now = sumByName(after);
  const all = new Map([...old, ...now]);
  return [...all]
    .map(([key, { name, side }]) =>
      toChange(name, side, old.get(key)?.share ?? 0, now.get(key)?.share ?? 0, before, after),
    )
    .sort((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after));
}

/** Returns every side's share before and after. */
export function compareSides(before: Before, after: Before): Change[] {
  return (Object.keys(after.shares) as ProfiledFunction["side"][]).map((side) =>
    toChange(side, side, before.shares[side], after.shares[side], before, after),
  );
}

function toChange(
  name: string,
  side: ProfiledFunction["side"],
  old: number,
  now: number,
  before: Before,
  after: Before,
): Change {
  const isSignificant = differs(old, before.samples, now, after.samples);
  return { name, side, before: old, after: now, difference: now - old, isSignificant };
}

const EXPECTED = "expected what `hakmem profile` writes with --json or --cpuprofile";
const SIDES = ["allocation", "free", "shared", "workload", "collector", "program"];

function isResult(value: unknown): value is ProfileResult {
  if (typeof value !== "object" || value === null) return false;
  const { kind, version, samples, functions, shares, workload } = value as Partial<ProfileResult>;
  if (kind !== "hakmem profile" || version !== 1 || !Number.isFinite(samples)) return false;
  if (typeof workload?.label !== "string" || !Array.isArray(functions)) return false;
  const hasShares = SIDES.every((side) => Number.isFinite(shares?.[side as keyof typeof shares]));
  return hasShares && functions.every(isFunction);
}

function isFunction(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, side, share } = value as Partial<ProfiledFunction>;
  const isNamed = typeof name === "string" && SIDES.includes(side ?? "");
  return isNamed && typeof share === "number" && share >= 0 && share <= 1;
}

/**
 * Reads an earlier result or profile; a profile is assumed to be of the same workload.
 * @throws {RunError} if the file is neither.
 */
export function readBefore(file: string, run: ProfiledRun): ProfileResult {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = (error as Error).message.split("\n", 1)[0];
    throw new RunError(`cannot read ${file}: ${reason}; ${EXPECTED}`);
  }
  if (isResult(value)) return value;
  if (!isProfile(value)) throw new RunError(`${file} is no profile; ${EXPECTED}`);
  if (!Array.isArray(value.sources)) {
    throw new RunError(`${file} does not say where functions are; ${EXPECTED}`);
  }
  return reportProfile(value, run);
}
