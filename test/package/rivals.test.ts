import { describe, expect, it } from "vitest";
import { withScriptFile } from "../../bench/measure/scriptFile.js";
import {
  type SubjectCommand,
  SubjectProcess,
  scriptCommand,
} from "../../bench/measure/subjectProcess.js";
import { findNatives } from "../../bench/rivals/native.js";
import { SUBJECTS } from "../../bench/rivals/table.js";
import { readWorkload } from "../../bench/workloads/resolve.js";
import { WORKLOADS } from "../../bench/workloads/table.js";

/** What the checking pass of a workload's smoke size reads back, whoever allocates. */
const HASHES: Readonly<Record<string, number>> = {
  "random-mixed": 799489796,
  "tiny-hot": 3405193701,
  comprehensive: 436511481,
  "mid-large-mt": 1010937352,
  larson: 3192345257,
  mstress: 1005311317,
  rptest: 2511124946,
  "xmalloc-test": 201002069,
  sh6bench: 1285594721,
  sh8bench: 766477716,
  "alloc-test": 2503470225,
  "cache-scratch": 1309142481,
  "cache-thrash": 2382375469,
  "glibc-simple": 1782710894,
  "glibc-thread": 2142653197,
};

const natives = await findNatives();
const THREADED = ["hakmem", ...natives.found.map(({ name }) => name)];

function command(name: string, file: string): SubjectCommand | undefined {
  const row = SUBJECTS.find((subject) => subject.name === name);
  if (row?.kind !== "native") return scriptCommand(name, file, {});
  const native = natives.found.find((found) => found.name === name);
  if (native === undefined) return undefined;
  return { name, program: native.command, args: [file], env: { ...process.env, ...native.env } };
}

/** The subject's hash and one short round; undefined where it is not installed. */
async function run(name: string, file: string): Promise<number | null | undefined> {
  const started = command(name, file);
  if (started === undefined) return undefined;
  const subject = new SubjectProcess(started);
  try {
    const { hash } = await subject.ask({ pass: "check", limitMs: 60_000 });
    const round = await subject.ask({ pass: "round", times: 2, limitMs: 60_000 });
    expect(round.ns).toBeGreaterThan(0);
    expect(round.isCut).toBe(false);
    return hash;
  } catch (error) {
    // `dlmalloc` needs a compiler that is too large for a test to install.
    if (name === "dlmalloc" && /apt-get install emscripten/.test(String(error))) return undefined;
    throw error;
  } finally {
    subject.stop();
  }
}

describe.each(SUBJECTS.map(({ name }) => name))("the workloads on %s", (subject) => {
  it.each(WORKLOADS.map((workload) => [workload.name, workload] as const))(
    "%s does what it does everywhere",
    async (name, { smoke }) => {
      const { script } = readWorkload(name, smoke.map(String));
      const hash = await withScriptFile(script, (file) => run(subject, file));
      if (hash !== undefined) expect(hash).toBe(HASHES[name]);
    },
  );
});

/**
 * On hakmem, the check ends by asking whether anything is live or under way, and by `verify`; what
 * it finds is an error here.
 */
describe("workers that are threads do what one does merged", () => {
  it.each([
    ["mid-large-mt", "2", "20000", "256", "7"],
    ["larson", "1000", "20000", "5000", "7", "8"],
    ["mstress", "8", "1000", "3", "7"],
    ["rptest", "8", "100", "300", "50", "7"],
    ["xmalloc-test", "64", "2000", "8"],
    ["xmalloc-test", "1000", "300", "20", "--workers", "7"],
    ["cache-scratch", "16", "100"],
    ["glibc-thread", "3", "1", "400", "5000", "7"],
  ])("%s %s %s", async (name, ...values) => {
    const flag = values.indexOf("--workers");
    const positional = flag < 0 ? values : values.slice(0, flag);
    const flags = flag < 0 ? {} : { workers: values[flag + 1] as string };
    const { script } = readWorkload(name, positional, flags);
    expect(script.workers).toBeDefined();
    await withScriptFile(script, async (file) => {
      const merged = await run("uint8array", file);
      expect(merged).not.toBeNull();
      for (const name of THREADED) expect([name, await run(name, file)]).toEqual([name, merged]);
    });
  });

  it("says what went wrong in a worker, and ends all", async () => {
    const { script } = readWorkload("mid-large-mt", ["4", "20000", "2048"]);
    await withScriptFile(script, async (file) => {
      const subject = new SubjectProcess(scriptCommand("hakmem", file, { capacity: 2 ** 24 }));
      const asked = subject.ask({ pass: "round", times: 1, limitMs: 60_000 });
      await expect(asked).rejects.toThrow(/no room for/);
      subject.stop();
    });
  });

  it.each(THREADED)(
    "cuts a round of %s at its limit, goes on after it, and times events",
    async (name) => {
      const { script } = readWorkload("larson", ["1000", "300000"]);
      await withScriptFile(script, async (file) => {
        const subject = new SubjectProcess(command(name, file) as SubjectCommand);
        const cut = await subject.ask({ pass: "round", times: 1000, limitMs: 30 });
        expect(cut.isCut).toBe(true);
        const whole = await subject.ask({ pass: "round", times: 2, limitMs: 60_000 });
        expect(whole).toMatchObject({ isCut: false, events: script.words.length });
        const { curve, events } = await subject.ask({ pass: "latency", limitMs: 60_000 });
        expect(events).toBeGreaterThan(1_000_000);
        expect(curve.map(([, ns]) => ns)).toEqual(
          curve.map(([, ns]) => ns).toSorted((a, b) => a - b),
        );
        subject.stop();
      });
    },
  );
});
