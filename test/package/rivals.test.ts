import { describe, expect, it, type TestContext } from "vitest";
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
import { missing } from "../support/missing.js";
import { SMOKE_HASHES } from "../support/workloads.js";

const natives = await findNatives();
const THREADED = ["hakmem", ...natives.found.map(({ name }) => name)];

function command(name: string, file: string): SubjectCommand | undefined {
  const row = SUBJECTS.find((subject) => subject.name === name);
  if (row?.kind !== "native") return scriptCommand(name, file, {});
  const native = natives.found.find((found) => found.name === name);
  if (native === undefined) return undefined;
  return { name, program: native.command, args: [file], env: { ...process.env, ...native.env } };
}

/** Returns the subject's hash after a short round. Skips the test if it is not installed. */
async function run(name: string, file: string, context: TestContext): Promise<number | null> {
  const started = command(name, file);
  if (started === undefined) {
    const row = natives.missing.find((native) => native.name === name);
    missing(context, `${name}: ${row?.reason}`);
  }
  const subject = new SubjectProcess(started);
  try {
    const { hash } = await subject.ask({ pass: "check", limitMs: 60_000 });
    const round = await subject.ask({ pass: "round", times: 2, limitMs: 60_000 });
    expect(round.ns).toBeGreaterThan(0);
    expect(round.isCut).toBe(false);
    return hash;
  } catch (error) {
    // Its compiler is too large to install for a test, so it may be missing under CI too.
    if (name === "dlmalloc" && /apt-get install emscripten/.test(String(error))) {
      context.skip("dlmalloc needs emscripten: apt-get install emscripten");
    }
    throw error;
  } finally {
    subject.stop();
  }
}

describe.each(SUBJECTS.map(({ name }) => name))("the workloads on %s", (subject) => {
  it.for(WORKLOADS)("$name does what it does everywhere", async ({ name, smoke }, context) => {
    const { script } = readWorkload(name, smoke.map(String));
    const hash = await withScriptFile(script, (file) => run(subject, file, context));
    expect(hash).toBe(SMOKE_HASHES[name]?.read);
  });
});

/**
 * On hakmem, the check ends by asking whether anything is live or under way, and by `verify`; what
 * it finds is an error here.
 */
describe("workers that are threads do what one does merged", () => {
  it.for([
    ["mid-large-mt", "2", "20000", "256", "7"],
    ["larson", "1000", "20000", "5000", "7", "8"],
    ["mstress", "8", "1000", "3", "7"],
    ["rptest", "8", "100", "300", "50", "7"],
    ["xmalloc-test", "64", "2000", "8"],
    ["xmalloc-test", "1000", "300", "20", "--workers", "7"],
    ["cache-scratch", "16", "100"],
    ["glibc-thread", "3", "1", "400", "5000", "7"],
  ])("%s %s %s", async ([name = "", ...values], context) => {
    const flag = values.indexOf("--workers");
    const positional = flag < 0 ? values : values.slice(0, flag);
    const flags = flag < 0 ? {} : { workers: values[flag + 1] as string };
    const { script } = readWorkload(name, positional, flags);
    expect(script.workers).toBeDefined();
    await withScriptFile(script, async (file) => {
      const merged = await run("uint8array", file, context);
      expect(merged).not.toBeNull();
      for (const subject of THREADED) {
        expect([subject, await run(subject, file, context)]).toEqual([subject, merged]);
      }
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
