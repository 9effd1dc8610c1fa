import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { parseRounds } from "../../bench/measure/quiet.js";

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

it("bench:native refuses a pattern for no case", () => {
  const argv = ["--import", "tsx", "bench/studies/native/main.ts", "--only", "zz"];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("it takes a pattern that matches some of: trace sqlite");
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
