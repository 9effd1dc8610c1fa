/* Puts a mutant into a copy of the project, and runs tests on it until one fails. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { reasonOf } from "./equivalents.js";
import { apply, type Mutant } from "./mutate.js";
import type { Tests } from "./tests.js";

export type Status = "caught" | "survived" | "equivalent" | "invalid";

export interface Result {
  readonly id: string;
  readonly status: Status;
  /** The stage and the test that caught it, or the reason why it is not counted. */
  readonly by: string;
  readonly seconds: number;
}

export interface Stage {
  readonly name: string;
  readonly tests: readonly string[];
  readonly tier: "fast" | "all";
}

/** Those of the allocator itself. */
const PROPERTIES: readonly string[] = ["model", "shared", "spans", "snapshot", "corruption"].map(
  (name) => `test/property/${name}`,
);

export const DEPTHS = ["unit", "fast", "deep"] as const;
export type Depth = (typeof DEPTHS)[number];
const STAGES: Readonly<Record<Depth, number>> = { unit: 2, fast: 4, deep: 6 };

/** Returns the tests for mutants of a folder. What catches most in the least time comes first. */
export function stagesOf(folder: string, depth: Depth): readonly Stage[] {
  const first = folder === "front" ? ["front", "heap"] : [folder, "shared"];
  const rest = ["layout", "central", "front", "heap", "shared", "inspect"].filter(
    (name) => !first.includes(name),
  );
  const units = (names: readonly string[]): string[] => names.map((name) => `test/unit/${name}/`);
  const stages: Stage[] = [
    { name: "unit", tests: units(first), tier: "fast" },
    { name: "other unit", tests: units(rest), tier: "fast" },
    { name: "property", tests: PROPERTIES, tier: "fast" },
    { name: "schedule", tests: ["test/schedule/"], tier: "fast" },
    { name: "deep property", tests: PROPERTIES, tier: "all" },
    { name: "deep schedule", tests: ["test/schedule/"], tier: "all" },
  ];
  return stages.slice(0, STAGES[depth]);
}

function minify(code: string): string {
  return transformSync(code, { loader: "ts", minify: true }).code;
}

/** Operators of numbers, whose result is a number whatever they are changed to. */
const KEEPS_TYPES = /^([-+*/%&|<>]|<<|>>>?|[<>]=|[-+|&]=|[01]|\+\+|--) to|^[-~] dropped/;

/** Returns whether a copy compiles. An import may be unused, because a call was removed. */
function typechecks(folder: string): boolean {
  const unused = ["--noUnusedLocals", "false", "--noUnusedParameters", "false"];
  const tsc = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json", ...unused];
  return spawnSync(process.execPath, tsc, { cwd: folder }).status === 0;
}

export interface Hunt {
  readonly tests: Tests;
  readonly stages: readonly Stage[];
  /** How long a deep stage may take. */
  readonly deepMs: number;
}

type Verdict = Omit<Result, "id" | "seconds">;

async function runStages(file: string, hunt: Hunt): Promise<Verdict> {
  for (const stage of hunt.stages) {
    const limitMs = stage.tier === "all" ? hunt.deepMs : undefined;
    const answer = await hunt.tests.run(stage.tier, file, stage.tests, limitMs);
    if (answer === undefined) {
      // Deep tests take minutes: there the end of the time says nothing.
      if (stage.tier === "fast") return { status: "caught", by: `${stage.name}: hangs` };
      return { status: "survived", by: `${stage.name}: out of time` };
    }
    if (!answer.hasPassed) return { status: "caught", by: `${stage.name}: ${answer.failedTest}` };
  }
  return { status: "survived", by: "" };
}

async function decide(mutant: Mutant, hunt: Hunt, code: string, mutated: string) {
  const reason = reasonOf(mutant);
  if (reason !== undefined) return { status: "equivalent", by: reason } as const;
  if (minify(code) === minify(mutated)) return { status: "invalid", by: "the same code" } as const;
  writeFileSync(join(hunt.tests.folder, mutant.file), mutated);
  if (!KEEPS_TYPES.test(mutant.operator) && !typechecks(hunt.tests.folder)) {
    return { status: "invalid", by: "types" } as const;
  }
  return runStages(mutant.file, hunt);
}

/** Returns what the tests say of a mutant; the copy of the project is as it was afterwards. */
export async function judge(mutant: Mutant, hunt: Hunt): Promise<Result> {
  const start = performance.now();
  const path = join(hunt.tests.folder, mutant.file);
  const code = readFileSync(path, "utf8");
  try {
    const { status, by } = await decide(mutant, hunt, code, apply(code, mutant.edit));
    const seconds = Math.round((performance.now() - start) / 100) / 10;
    return { id: mutant.id, status, by, seconds };
  } finally {
    writeFileSync(path, code);
    hunt.tests.noteChange(mutant.file);
  }
}
