import type { Command } from "commander";
import { integerBetween } from "../base/integers.js";
import { UsageError } from "../base/session.js";
import { type Plan, ROUND_MS, WARMUP_MS } from "../measure/inTurn.js";

/** How `bench` measures unless its flags say otherwise. */
export const BENCH_PLAN: Plan = {
  rounds: 10,
  roundMs: ROUND_MS,
  warmupMs: WARMUP_MS,
  limitMs: 5000,
};

/** Gives a command the flags of a plan. */
export function addPlan(command: Command, plan: Plan): Command {
  return command
    .option("--rounds <n>", "measured rounds", integerBetween(1, 10_000), plan.rounds)
    .option("--round-ms <ms>", "length of a round", integerBetween(1, 60_000), plan.roundMs)
    .option("--limit <s>", "longest a round may take", integerBetween(1, 600), plan.limitMs / 1000);
}

export function readPlan(flags: { rounds: number; roundMs: number; limit: number }): Plan {
  const { rounds, roundMs, limit } = flags;
  if (2 * roundMs > 1000 * limit) {
    throw new UsageError(`--round-ms ${roundMs} takes a --limit of ${Math.ceil(roundMs / 500)} s`);
  }
  return { rounds, roundMs, warmupMs: WARMUP_MS, limitMs: 1000 * limit };
}
