import { existsSync } from "node:fs";
import { defineConfig, type TestProjectConfiguration } from "vitest/config";
import Closing from "./test/support/closing.js";
import { asEnv, isFast } from "./test/support/tier.js";

/**
 * Files that the fast tier leaves out, because they need a compiler or a browser, depend on the
 * machine's load, or take long. A single test is left out by `deepIt`: docs/TESTING.md.
 */
const DEEP: readonly string[] = [
  "test/unit/bench/measure.test.ts",
  "test/unit/bench/native.test.ts",
  "test/unit/buffers/noAllocation.test.ts",
  "test/unit/heap/noAllocation.test.ts",
  "test/package/bench.test.ts",
  "test/package/mqttAttacks.test.ts",
  "test/package/mqttPeers.test.ts",
  "test/package/record.test.ts",
  "test/package/rivals.test.ts",
  "test/package/servers.test.ts",
  "test/package/sharedViews.test.ts",
  "test/package/sharedWorkers.test.ts",
  "test/package/stress.test.ts",
  "test/package/studies.test.ts",
  "test/package/chat.test.ts",
  "test/package/ws.test.ts",
  "test/package/wsPeers.test.ts",
  "test/package/report.test.ts",
];
const BROWSER = ["test/package/report.test.ts"];

for (const file of DEEP) {
  if (!existsSync(new URL(file, import.meta.url))) throw new Error(`${file} has moved: see DEEP`);
}

function project(
  name: string,
  include: readonly string[],
  more: {
    readonly exclude?: readonly string[];
    readonly isolate?: boolean;
    readonly testTimeout?: number;
  } = {},
): TestProjectConfiguration {
  return {
    test: {
      name,
      include: [...include],
      exclude: [...(isFast ? DEEP : []), ...(more.exclude ?? [])],
      // Files that leave nothing behind share a process, which saves its start and the imports.
      isolate: more.isolate ?? true,
      env: asEnv(),
      setupFiles: ["test/support/setup.ts"],
      testTimeout: more.testTimeout ?? 300_000,
      hookTimeout: 120_000,
      pool: "forks",
    },
  };
}

export default defineConfig({
  test: {
    projects: [
      project("unit", ["test/unit/**/*.test.ts"], { isolate: false }),
      project("property", ["test/property/**/*.test.ts"], { isolate: false }),
      // Tests of a file start together and wait for one another; each job has its own time.
      project("schedule", ["test/schedule/**/*.test.ts"], { testTimeout: 7_200_000 }),
      project("package", ["test/package/**/*.test.ts"], { exclude: BROWSER }),
      project("browser", BROWSER),
    ],
    maxWorkers: 2,
    reporters: ["default", new Closing()],
  },
});
