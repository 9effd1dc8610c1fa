import { describe, expect, it } from "vitest";
import { Contestant, type Launch, launchScripted } from "../../src/cli/run/contestant.js";
import { withScriptFile } from "../../src/cli/run/scriptFile.js";
import { findNatives } from "../../src/cli/subjects/native.js";
import { SUBJECTS } from "../../src/cli/subjects/table.js";
import { readWorkload } from "../../src/cli/workloads/resolve.js";
import { WORKLOADS } from "../../src/cli/workloads/table.js";

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

function launch(name: string, file: string): Launch | undefined {
  const row = SUBJECTS.find((subject) => subject.name === name);
  if (row?.kind !== "native") return launchScripted(name, file, {});
  const native = natives.found.find((found) => found.name === name);
  if (native === undefined) return undefined;
  return { name, command: native.command, args: [file], env: { ...process.env, ...native.env } };
}

/** The subject's hash and one short round; undefined where it is not installed. */
async function run(name: string, file: string): Promise<number | null | undefined> {
  const started = launch(name, file);
  if (started === undefined) return undefined;
  const contestant = new Contestant(started);
  try {
    const { hash } = await contestant.ask({ pass: "check", limitMs: 60_000 });
    const round = await contestant.ask({ pass: "round", times: 2, limitMs: 60_000 });
    expect(round.ns).toBeGreaterThan(0);
    expect(round.isCut).toBe(false);
    return hash;
  } catch (error) {
    // `dlmalloc` needs a compiler that is too large for a test to install.
    if (name === "dlmalloc" && /apt-get install emscripten/.test(String(error))) return undefined;
    throw error;
  } finally {
    contestant.stop();
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
