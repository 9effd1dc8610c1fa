/**
 * The process of one subject: `subject NAME SCRIPTFILE`. Requests come on standard input, a line
 * each.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { type Profiler, startProfiler } from "../profile/profiler.js";
import { decodeScript } from "../script.js";
import { createSubject } from "../subjects/table.js";
import { check } from "./check.js";
import { createPasses } from "./passes.js";
import type { Answer, Request, RoundAnswer } from "./protocol.js";

const [name = "", file = ""] = process.argv.slice(2);
const { buffer, byteOffset, byteLength } = readFileSync(file);
const words = new Int32Array(buffer.slice(byteOffset, byteOffset + byteLength));
const script = decodeScript(words);

const collected = { count: 0, ms: 0 };
const observer = new PerformanceObserver((list) => count(list.getEntries()));
observer.observe({ entryTypes: ["gc"] });

function count(entries: readonly PerformanceEntry[]): void {
  for (const entry of entries) {
    collected.count++;
    collected.ms += entry.duration;
  }
}

/** Collections are told when the event loop turns; those of the round are waited for. */
async function settle(): Promise<{ count: number; ms: number }> {
  await turn();
  count(observer.takeRecords());
  return { ...collected };
}

async function main(): Promise<void> {
  const subject = await createSubject(name);
  const passes = createPasses(subject, script);
  let profiler: Profiler | undefined;

  async function round(times: number, limitMs: number): Promise<RoundAnswer> {
    const before = await settle();
    const gaugeBefore = subject.gauge?.();
    const cpuBefore = process.cpuUsage();
    const timed = passes.round(times, limitMs);
    const cpu = process.cpuUsage(cpuBefore);
    const gauge = subject.gauge?.();
    const after = await settle();
    return {
      ...timed,
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
        return await check(subject, script, request.limitMs);
      case "round":
        return await round(request.times, request.limitMs);
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

main().catch((error: Error) => {
  reply({ error: error.message });
  process.exitCode = 1;
});
