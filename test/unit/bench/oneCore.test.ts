import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SUBJECTS } from "../../../bench/rivals/table.js";
import { WORKLOADS } from "../../../bench/workloads/table.js";

/** The benches' sources by path, without what `hakmem report` draws in a browser. */
const FILES = readdirSync("bench", { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(ts|c|h)$/.test(name) && !name.includes("page"))
  .map((name) => ({ path: join("bench", name), text: readFileSync(join("bench", name), "utf8") }));

function filesWith(pattern: RegExp): string[] {
  return FILES.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
}

describe("each thing stands once:", () => {
  it.each(WORKLOADS.map(({ name }) => name))("the workload %s", (name) => {
    expect(filesWith(new RegExp(`^  name: "${name}"`, "m"))).toHaveLength(1);
  });

  it.each(SUBJECTS.filter(({ libraries }) => libraries !== undefined).map(({ name }) => name))(
    "how the rival %s is found",
    (name) => {
      expect(filesWith(new RegExp(`lib${name}[\\w.]*\\.so`))).toEqual(["bench/rivals/table.ts"]);
    },
  );

  it("what replays scripts: a timed loop and a check, for one worker and for many", () => {
    const areEvents = filesWith(/\bOP_[A-Z]+\b|>>> 30|0x3fffffff/i);
    const areReplayed = areEvents.filter((path) => {
      return filesWith(/\bmalloc\(/).includes(path) && filesWith(/\bfree\(/).includes(path);
    });
    const loops = ["bench/subject/loops.ts", "bench/subject/workers/loop.ts"];
    const checks = ["bench/subject/check.ts", "bench/subject/workers/checker.ts"];
    const inC = ["bench/native/loops.h", "bench/native/subject.c", "bench/native/threads.h"];
    // One writes scripts, and the other counts what a workload demands.
    const others = ["bench/workloads/script.ts", "bench/studies/shared/demand.ts"];
    expect(areReplayed.sort()).toEqual([...loops, ...checks, ...inC, ...others].sort());
  });

  it("the quiet probe in each language, and the decision which rounds count", () => {
    expect(filesWith(/\b(function|static uint64_t|static double) probe\(/).sort()).toEqual([
      "bench/native/probe.h",
      "bench/subject/probe.ts",
    ]);
    expect(filesWith(/\bclass Quiet\b/)).toEqual(["bench/measure/quiet.ts"]);
  });

  it("the processes in turn, which all comparisons use", () => {
    expect(filesWith(/\bfunction measureInTurn\b/)).toEqual(["bench/measure/inTurn.ts"]);
    expect(filesWith(/(?<!function )\bmeasureInTurn\(/).sort()).toEqual([
      "bench/run/ab.ts",
      "bench/run/bench.ts",
      "bench/run/tune.ts",
      "bench/studies/native/measure.ts",
      "bench/studies/shared/rates.ts",
    ]);
  });

  it("how subjects are found, for the command and for the studies", () => {
    expect(filesWith(/\bSubjects\.find\(/).sort()).toEqual([
      "bench/run/bench.ts",
      "bench/studies/agreement.ts",
      "bench/studies/native/main.ts",
      "bench/studies/shared/local.ts",
      "bench/studies/shared/loops.ts",
    ]);
  });
});
