import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HeapOptions } from "../../src/index.js";
import { RunError } from "../base/session.js";
import { withScriptFile } from "../measure/scriptFile.js";
import { SubjectProcess, scriptCommand } from "../measure/subjectProcess.js";
import { isProfile, type V8Profile } from "../subject/v8.js";
import type { Script } from "../workloads/script.js";
import { PROFILED_ARGV } from "./lines.js";

/** Time before the profile begins, because compiling and first page faults hide the hot path. */
const WARMUP_MS = 1000;
/** Length of a request to the process; Ctrl-C is looked at between two. */
const STEP_MS = 250;

/** Profiles hakmem alone, in a process of its own, after a warm-up. */
export async function profileWorkload(
  script: Script,
  knobs: Partial<HeapOptions>,
  seconds: number,
  intervalUs: number,
  signal: AbortSignal,
): Promise<V8Profile> {
  return await withScriptFile(script, async (scriptFile) => {
    const subject = new SubjectProcess(scriptCommand("hakmem", scriptFile, knobs, PROFILED_ARGV));
    const file = join(dirname(scriptFile), "profile");
    try {
      const times = await runFor(subject, 1, WARMUP_MS, signal);
      await subject.ask({ pass: "profileStart", intervalUs });
      await runFor(subject, times, 1000 * seconds, signal);
      await subject.ask({ pass: "profileStop", file });
    } catch (error) {
      throw new RunError(`the workload cannot be profiled: ${(error as Error).message}`);
    } finally {
      subject.stop();
    }
    const profile: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (!isProfile(profile)) throw new RunError("the workload's process wrote no profile");
    return profile;
  });
}

/** Runs rounds until the time is over. Returns how often a round should run through the script. */
async function runFor(
  subject: SubjectProcess,
  firstTimes: number,
  totalMs: number,
  signal: AbortSignal,
): Promise<number> {
  const end = performance.now() + totalMs;
  let times = firstTimes;
  do {
    const { ns } = await subject.ask({ pass: "round", times, limitMs: 4 * STEP_MS });
    times = Math.max(1, Math.round((times * STEP_MS * 1e6) / Math.max(ns, 1)));
  } while (!signal.aborted && performance.now() < end);
  return times;
}
