/**
 * The process of one subject: `subject NAME SCRIPTFILE`. Each request is a line on standard
 * input.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { createSubject } from "../rivals/create.js";
import type { HeapGauge } from "../rivals/subject.js";
import { decodeScript, type Script } from "../workloads/script.js";
import { check } from "./check.js";
import { createPasses, type Passes } from "./passes.js";
import { probe, warmProbe } from "./probe.js";
import { type Profiler, startProfiler } from "./profiler.js";
import type { Answer, CheckAnswer, Request, RoundAnswer, RoundRequest } from "./protocol.js";
import type { Setup } from "./workers/shared.js";

const [name = "", file = ""] = process.argv.slice(2);

function readScript(): Script {
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  return decodeScript(new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength)));
}

/** What the passes run on: one worker, or the script's workers. */
interface Stage {
  readonly passes: Passes;
  readonly gauge: (() => HeapGauge) | undefined;
  check(limitMs: number): Promise<CheckAnswer>;
}

async function createStage(): Promise<Stage> {
  const script = readScript();
  if (name === "hakmem" && script.workers !== undefined) {
    const pool = await (await import("./workers/pool.js")).WorkerPool.start(script);
    return {
      passes: pool,
      gauge: () => pool.gauge(),
      check: async (limitMs) => pool.check(limitMs),
    };
  }
  const subject = await createSubject(name);
  return {
    passes: createPasses(subject, script),
    gauge: subject.gauge,
    check: (limitMs) => check(subject, script, limitMs),
  };
}

const collected = { count: 0, ms: 0 };
const observer = new PerformanceObserver((list) => count(list.getEntries()));
observer.observe({ entryTypes: ["gc"] });

function count(entries: readonly PerformanceEntry[]): void {
  for (const entry of entries) {
    collected.count++;
    collected.ms += entry.duration;
  }
}

/** Waits a turn of the event loop, which reports collections, and returns those so far. */
async function settle(): Promise<{ count: number; ms: number }> {
  await turn();
  count(observer.takeRecords());
  return { ...collected };
}

async function main(): Promise<void> {
  const { passes, gauge: readGauge, check: runCheck } = await createStage();
  let profiler: Profiler | undefined;
  warmProbe();

  async function round({ times, limitMs, counts }: RoundRequest): Promise<RoundAnswer> {
    // Reading the heap's counts cools caches, and no rival's process does it.
    const readCounts = counts === true ? readGauge : undefined;
    const before = await settle();
    const gaugeBefore = readCounts?.();
    const probeBefore = probe();
    const cpuBefore = process.cpuUsage();
    const timed = passes.round(times, limitMs);
    const cpu = process.cpuUsage(cpuBefore);
    const probeNs = Math.max(probeBefore, probe());
    const gauge = readCounts?.();
    const after = await settle();
    return {
      ...timed,
      probeNs,
      cpuUserUs: cpu.user,
      cpuSystemUs: cpu.system,
      collections: after.count - before.count,
      collectionMs: after.ms - before.ms,
      slabsOpened: (gauge?.slabsOpened ?? 0) - (gaugeBefore?.slabsOpened ?? 0),
      refills: (gauge?.refills ?? 0) - (gaugeBefore?.refills ?? 0),
      drains: (gauge?.drains ?? 0) - (gaugeBefore?.drains ?? 0),
      peakCommittedBytes: gauge?.peakCommittedBytes ?? 0,
    };
  }

  async function answer(request: Request): Promise<Answer<Request>> {
    switch (request.pass) {
      case "check":
        return await runCheck(request.limitMs);
      case "round":
        return await round(request);
      case "latency":
        return passes.latency(request.limitMs);
      case "profileStart":
        profiler = await startProfiler(request.intervalUs);
        return {};
      case "profileStop":
        writeFileSync(request.file, JSON.stringify(await profiler?.stop()));
        return {};
    }
  }

  for await (const line of createInterface({ input: process.stdin })) {
    reply(await answer(JSON.parse(line) as Request));
  }
}

function reply(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function serve(): Promise<void> {
  const { serveThread } = await import("./workers/pool.js");
  await serveThread(workerData as Setup, () => parentPort?.postMessage("ready"));
}

(isMainThread ? main() : serve()).catch((error: Error) => {
  if (!isMainThread) throw error;
  reply({ error: error.message });
  process.exitCode = 1;
});
