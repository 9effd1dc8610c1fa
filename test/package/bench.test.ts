import { execFileSync, spawnSync } from "node:child_process";
import { expect, it } from "vitest";

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
  const figures = lines(["bench/native/ours.ts", ...mode]).map(Number);
  expect(figures.every((figure) => figure > 0)).toBe(true);
});

it("what the heap counts as committed is what the operating system counts", () => {
  if (process.platform !== "linux") return;
  const argv = ["bench/native/ours.ts", "touch", "bench/traces/sqlite.hkt.gz"];
  const [counted = 0, resident = 0] = (lines(argv)[0] ?? "").split(" ").map(Number);
  expect(resident / counted).toBeGreaterThan(0.95);
  expect(resident / counted).toBeLessThan(1.05);
});

it("a benchmark that is told nonsense says what it takes", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", "bench/native/ours.ts", "nonsense", "1"],
    { encoding: "utf8" },
  );
  expect(status).toBe(2);
  expect(stderr).toContain("usage");
});
