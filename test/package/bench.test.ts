import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { parseRounds } from "../../bench/measure/quiet.js";
import { boundOf, WORKLOADS, type Workload } from "../../bench/studies/shared/bound.js";
import { buildProcesses, runDriver } from "../../bench/studies/shared/cases.js";

/** Smoke sizes: the benchmarks run, on every mode; how fast is asked of the benchmarks alone. */
const MODES = [
  ["replay", "bench/traces/nginx.hkt.gz", "1"],
  ["floor", "bench/traces/nginx.hkt.gz", "1"],
  ["lifo", "64", "20480", "2"],
  ["tinyhot", "64", "20480", "2"],
  ["batch", "1024", "20480", "2"],
  ["random", "256", "20480", "2"],
];

function lines(args: readonly string[]): string[] {
  const argv = ["--import", "tsx", ...args];
  return execFileSync(process.execPath, argv, { encoding: "utf8" }).trim().split("\n");
}

it.each(MODES)("the loops run: %s %s", (...mode) => {
  const rounds = parseRounds(lines(["bench/studies/native/ours.ts", ...mode]).join("\n"));
  expect(rounds.every(({ figure, probe }) => figure > 0 && probe > 0)).toBe(true);
});

it("what the heap counts as committed is what the operating system counts", () => {
  if (process.platform !== "linux") return;
  const argv = ["bench/studies/native/ours.ts", "touch", "bench/traces/sqlite.hkt.gz"];
  const [counted = 0, resident = 0] = (lines(argv)[0] ?? "").split(" ").map(Number);
  expect(resident / counted).toBeGreaterThan(0.95);
  expect(resident / counted).toBeLessThan(1.05);
});

it.each([
  ["larson", 2],
  ["mstress", 2],
  ["rptest", 2],
  ["cache-scratch", 2],
  ["cache-thrash", 1],
])("the workers of bench:shared stay within their bound: %s, %i", async (name, workers) => {
  buildProcesses(undefined);
  const { rates, peakBytes } = await runDriver(name, workers, "1");
  expect(rates[0]).toBeGreaterThan(0);
  const bound = boundOf(WORKLOADS[name] as Workload, workers);
  expect(peakBytes).toBeGreaterThan(0.02 * bound);
  expect(peakBytes).toBeLessThan(bound);
});

it("bench:buffers runs all its cases", () => {
  const rows = lines(["bench/studies/buffers/main.ts", "--smoke"]).filter((line) =>
    /^\| \w/.test(line),
  );
  const names = rows.map((row) => row.split("|")[1]?.trim());
  const sizes = ["bytes", "64", "256", "512", "1024", "4096", "16384", "geometric mean"];
  expect(names).toEqual([
    ...["bits of its id", "63", "64", "geometric mean"],
    ...["from", "array", "frame", "row", "geometric mean"],
    ...[...sizes, ...sizes, ...sizes],
  ]);
  for (const row of rows) expect(row).not.toMatch(/NaN|Infinity|undefined/);
}, 60_000);

it.each([
  ["buffers", ["--turns", "0"], "--turns is 0; it takes a whole number from 1"],
  ["buffers", ["--only", "("], "--only is (; it takes a regular expression"],
  ["servers", ["--soak", "x"], "--soak is x; it takes a whole number from 1"],
  ["servers", ["--only", "zz"], "it takes a pattern for some of: 64 1, 64 16"],
  ["native", ["--only", "zz"], "it takes a pattern for some of: trace sqlite"],
  ["shared", ["--rounds", "x"], "--rounds is x; it takes a whole number from 1"],
] as const)("bench:%s refuses %j", (name, args, message) => {
  const argv = ["--import", "tsx", `bench/${name}/main.ts`, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(message);
});

it("the bound is what a worker's slabs of a class can be", () => {
  const blocks = (count: number): Workload => ({
    live: () => [{ blocks: count, within: (bytes) => (bytes >= 1024 ? 1 : 0) }],
    transit: () => [],
    first: () => [],
    generations: 1,
  });
  // 64 blocks a slab: each 64 more are a slab more, with its page of the header map.
  const slab = 65_536 + 4096 + 1068;
  const grown = boundOf(blocks(6400), 1) - boundOf(blocks(3200), 1);
  expect(grown).toBe(50 * slab);
  expect(boundOf(blocks(6400), 3) - boundOf(blocks(3200), 3)).toBe(3 * grown);
  expect(boundOf(blocks(1), 1)).toBeLessThan(boundOf(blocks(64), 1));
});

it("a benchmark that is told nonsense says what it takes", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", "bench/studies/native/ours.ts", "nonsense", "1"],
    { encoding: "utf8" },
  );
  expect(status).toBe(2);
  expect(stderr).toContain("usage");
});
