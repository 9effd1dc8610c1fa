/** The studies run, at smoke sizes; how fast things are is asked of the studies alone. */
import { spawnSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { Figures } from "../../bench/measure/figures.js";
import { Quiet } from "../../bench/measure/quiet.js";
import { buildLoops, remoteCommands, twoCommands } from "../../bench/studies/shared/loops.js";
import { MANY, measureWorkload } from "../../bench/studies/shared/many.js";
import { measureRates, type SharedRun } from "../../bench/studies/shared/rates.js";

const progress = { step: () => {}, show: () => {}, done: () => {} };

function smoke(): SharedRun {
  return {
    turns: 1,
    rounds: 2,
    roundMs: 5,
    warmupMs: 2,
    figures: new Figures(),
    disturbed: new Set(),
    quiet: new Quiet(),
    progress,
    signal: new AbortController().signal,
  };
}

describe("bench:shared", () => {
  beforeAll(buildLoops);

  it("runs all its loops, which lose no block", async () => {
    const settings = smoke();
    const remote = await remoteCommands(undefined);
    const commands = [...remote.commands, ...twoCommands()];
    await measureRates(commands, 2, settings);
    for (const { name } of commands) expect(settings.figures.middle(name), name).toBeGreaterThan(0);
  }, 60_000);

  it.each(MANY)(
    "stays within its bound: %s",
    async (name) => {
      const settings = smoke();
      for (const { workers, bytes, bound } of await measureWorkload(name, settings, [1, 2])) {
        expect(settings.figures.middle(`many ${name} ${workers}`)).toBeGreaterThan(0);
        expect(bytes).toBeGreaterThan(0.1 * bound);
        expect(bytes).toBeLessThan(bound);
      }
    },
    60_000,
  );
});

function run(folder: string, ...args: string[]): { output: string; error: string } {
  const argv = ["--import", "tsx", `bench/${folder}/main.ts`, ...args];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  return { output: stdout, error: stderr };
}

it("bench:buffers runs all its cases", () => {
  const rows = run("studies/buffers", "--smoke")
    .output.split("\n")
    .filter((line) => /^\| \w/.test(line));
  const names = rows.map((row) => row.split("|")[1]?.trim());
  const sizes = ["bytes", "64", "256", "512", "1024", "4096", "16384", "geometric mean"];
  const unmasked = [16, 64, 256, 1024, 4096, 16384, 65536].flatMap((size) => [
    `${size}+0`,
    `${size}+1`,
  ]);
  expect(names).toEqual([
    ...["bits of its id", "63", "64", "geometric mean"],
    ...["from", "array", "frame", "row", "geometric mean"],
    ...["what", "read", "what", "write"],
    ...["how", "alloc", "slice", "write", "geometric mean"],
    ...[...sizes, ...sizes, ...sizes],
    ...["how", "scan", "push", "geometric mean"],
    ...["bytes + alignment", ...unmasked, "geometric mean"],
    ...["kind, bytes and frames", "text 16", "text 1024", "text 16384", "bytes 16"],
    ...["bytes 1024", "bytes 65536", "text 1024 in 8", "bytes 65536 in 64", "geometric mean"],
  ]);
  for (const row of rows) expect(row).not.toMatch(/NaN|Infinity|undefined/);
}, 120_000);

it.each([
  ["studies/buffers", ["--turns", "0"], '--turns is "0"; it takes an integer from 1'],
  ["studies/buffers", ["--only", "("], "--only is (; it takes a regular expression"],
  ["servers", ["--soak", "x"], '--soak is "x"; it takes an integer from 1'],
  ["servers", ["--only", "zz"], "it takes a pattern that matches some of: 64 1, 64 16"],
  ["studies/shared", ["--rounds", "x"], '--rounds is "x"; it takes an integer from 1'],
  [
    "studies/shared",
    ["--only", "zz"],
    "it takes a pattern that matches some of: local trace sqlite",
  ],
] as const)("%s refuses %j", (folder, args, message) => {
  const { output, error } = run(folder, ...args);
  expect(output).toBe("");
  expect(error).toContain(message);
});
