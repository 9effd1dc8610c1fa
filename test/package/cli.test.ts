import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AbResult, BenchResult, ProfileResult, TuneResult } from "../../bench/base/results.js";
import { WORKLOADS } from "../../bench/workloads/table.js";
import { OPTION_SENTENCES, OPTION_TABLE } from "../../src/index.js";
import { deepDescribe, deepIt } from "../support/deep.js";
import { cleanEnv } from "../support/install.js";

const NGINX = "bench/traces/nginx.hkt.gz";
const QUICK = ["--rounds", "2", "--round-ms", "2"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hakmem-cli-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function hakmem(args: readonly string[], env: Record<string, string> = {}) {
  const options = { encoding: "utf8", env: cleanEnv(env), maxBuffer: 2 ** 26 } as const;
  return spawnSync(process.execPath, ["dist/cli.js", ...args], options);
}

/** As on a terminal. */
function onTerminal(args: readonly string[], env: Record<string, string> = {}) {
  const command = [process.execPath, "dist/cli.js", ...args].map((word) => `'${word}'`).join(" ");
  const options = { encoding: "utf8", env: cleanEnv({ TERM: "xterm-256color", ...env }) } as const;
  return spawnSync("script", ["-qec", command, "/dev/null"], options);
}

const readJson = <T>(text: string): T => JSON.parse(text) as T;

describe("--help", () => {
  it("of the command names every subcommand", () => {
    const { stdout, status } = hakmem(["--help"]);
    expect(status).toBe(0);
    for (const name of ["bench", "ab", "profile", "record", "tune", "report", "inspect"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    }
  });

  it.each(["bench", "ab", "profile", "tune"])("of %s has every knob of the table", (name) => {
    const text = hakmem([name, "--help"]).stdout.replace(/\s+/g, " ");
    for (const { env, name: option } of OPTION_TABLE) {
      expect(text).toContain(env);
      expect(text).toContain(OPTION_SENTENCES[option]);
    }
  });

  it("of bench has every workload with its arguments", () => {
    const { stdout } = hakmem(["bench", "--help"]);
    for (const { name, parameters, sentence } of WORKLOADS) {
      const values = parameters.map((parameter) => `${parameter.name}=${parameter.default}`);
      expect(stdout).toContain([name, ...values].join(" "));
      expect(stdout).toContain(sentence);
    }
    expect(stdout).toContain("replay TRACE");
  });
});

describe("wrong usage ends with 2 and says what is accepted", () => {
  it.each([
    [["nonsense"], /unknown command/],
    [["bench"], /missing required argument/],
    [["bench", "nonsense"], /no workload; the workloads are random-mixed.*replay/],
    [["bench", "random-mixed", "x"], /ITERATIONS is "x"; it takes an integer from 1/],
    [["bench", "random-mixed", "1", "2", "3", "4"], /takes at most 3 arguments/],
    [["bench", "tiny-hot", "--compat"], /takes no --compat/],
    [["bench", "tiny-hot", "--workers", "2"], /takes no --workers/],
    [["bench", "larson", "--tight"], /takes no --tight/],
    [["bench", "random-mixed", "1000", "100", "--tight"], /a power of two of slots/],
    [["bench", "larson", "--workers", "0"], /it takes an integer from 1/],
    [["bench", "tiny-hot", "--size", "-5"], /SIZE is "-5"/],
    [["bench", "tiny-hot", "--fast-cap", "9999"], /--fast-cap is "9999"; it takes/],
    [["bench", "tiny-hot", "--rounds", "0"], /It takes an integer from 1 to 10000/],
    [["bench", "tiny-hot", "--against", "nobody"], /no rival; the rivals are all/],
    [["bench", "replay"], /takes one argument/],
    [["bench", "replay", NGINX, "--size", "5"], /a trace is as it is/],
    [["ab", "--knob", "NONSENSE=1,2"], /no knob; the knobs are/],
    [["ab", "--knob", "FAST_CAP"], /takes NAME=V1,V2/],
    [["ab", "--knob", "FAST_CAP=1"], /1 combinations; ab takes 2 to 64/],
    [["ab", "--knob", "FAST_CAP=1,1"], /a value twice/],
    [["ab"], /at least one --knob/],
    [["ab", "--knob", "FAST_CAP=1,2", "--knob", "fast-cap=3,4"], /given twice/],
    [["ab", "--knob", "FAST_CAP=1,2", "--fast-cap", "3"], /given twice/],
    [["ab", "--knob", "FAST_CAP=1=2,3"], /takes NAME=V1,V2/],
    [["bench", "tiny-hot", "--round-ms", "6000"], /--round-ms 6000 takes a --limit of 12 s/],
    [["ab", "--knob", "FAST_CAP=1,2", "--workload", "tiny-hot --nope"], /unknown option/],
    [["tune", "nonsense"], /no workload/],
    [["profile", "nonsense"], /no workload/],
  ])("%j", (args, message) => {
    const { status, stderr, stdout } = hakmem(args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^hakmem: .*\n$/);
    expect(status).toBe(2);
    expect(stdout).toBe("");
  });

  it("of a knob in the environment, too", () => {
    const { status, stderr } = hakmem(["bench", "tiny-hot"], { HAKMEM_TINY_FAST_CAP: "many" });
    expect(status).toBe(2);
    expect(stderr).toMatch(/HAKMEM_TINY_FAST_CAP is "many"; it takes an integer from 1 to 1022/);
    expect(hakmem(["bench", "tiny-hot"], { HAKMEM_NOPE: "1" }).status).toBe(2);
    expect(hakmem(["bench", "--help"], { HAKMEM_NOPE: "1" }).status).toBe(0);
  });
});

describe("a run that fails ends with 1 and says why in a line", () => {
  it.each([
    ["missing", undefined, /no such file/],
    ["empty", Buffer.alloc(0), /not an HKT1 trace: 0 bytes/],
    ["foreign", Buffer.from("something else altogether"), /does not begin with "HKT1"/],
    ["half a gzip file", readFileSync(NGINX).subarray(0, 1000), /unexpected end of file/],
  ])("a trace's file that is %s", (name, bytes, message) => {
    const file = join(folder, `${name}.hkt.gz`);
    if (bytes !== undefined) writeFileSync(file, bytes);
    const { status, stderr } = hakmem(["bench", "replay", file]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(status).toBe(1);
  });

  deepIt("a heap too small for the workload", () => {
    const args = ["bench", "mid-large-mt", "--capacity", "1000000", ...QUICK];
    const { status, stderr } = hakmem(args);
    expect(stderr).toMatch(/no room for \d+ bytes.*give it more with --capacity/);
    expect(status).toBe(1);
  });

  deepIt("a result that cannot be written", () => {
    const file = join(folder, "no", "such", "folder.json");
    const { status, stderr } = hakmem([
      "bench",
      "tiny-hot",
      "64",
      "10",
      "10",
      ...QUICK,
      "--json",
      file,
    ]);
    expect(stderr).toContain("cannot write");
    expect(status).toBe(1);
  });
});

deepDescribe("bench", () => {
  it("writes JSON to standard output, and nothing else", () => {
    const args = ["random-mixed", "5000", "256", "42", "--against", "buffer,uint8array"];
    const { stdout, stderr, status } = hakmem(["bench", ...args, ...QUICK, "--json", "-"]);
    expect([status, stderr]).toEqual([0, ""]);
    const result = readJson<BenchResult>(stdout);
    expect(result.kind).toBe("hakmem bench");
    expect(result.workload.label).toBe("random-mixed 5000 256 42");
    expect(result.subjects.map(({ name }) => name)).toEqual(["hakmem", "buffer", "uint8array"]);
    expect(new Set(result.subjects.map(({ hash }) => hash)).size).toBe(1);
    for (const { rounds, latency, memory, ratio, name, caution } of result.subjects) {
      expect(rounds).toHaveLength(2);
      expect(latency?.percentiles.max).toBeGreaterThanOrEqual(latency?.percentiles.p50 ?? 1e9);
      expect(memory?.seriesBytes).toHaveLength(64);
      expect(ratio === null).toBe(name === "hakmem");
      expect(caution).toMatch(/too short to judge/);
    }
    const [own] = result.subjects;
    expect(own?.heap?.hitRate).toBeGreaterThan(0.9);
    expect(own?.heap?.refills).toBeGreaterThan(0);
    expect(result.map?.slabs.length).toBeGreaterThan(0);
  });

  it("has a SharedHeap and another build as rivals, on a tight loop", () => {
    const args = ["random-mixed", "5000", "--tight", "--against", "hakmem-shared,build:.,build:x"];
    const { stdout } = hakmem(["bench", ...args, ...QUICK, "--json", "-"]);
    const { workload, subjects, skipped } = readJson<BenchResult>(stdout);
    expect(workload.label).toBe("random-mixed 5000 256 42 --tight");
    expect(subjects.map(({ name }) => name)).toEqual(["hakmem", "hakmem-shared", "build:."]);
    expect(new Set(subjects.map(({ hash }) => hash)).size).toBe(1);
    for (const { probes, rounds } of subjects) expect(probes).toHaveLength(rounds.length);
    expect(skipped[0]?.reason).toMatch(/there is no dist\/index.js in .*\/x/);
  });

  it("prints plain Markdown in a pipe", () => {
    const { stdout, stderr } = hakmem(["bench", "tiny-hot", "64", "10", "100", ...QUICK]);
    expect(stderr).toBe("");
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/^\| hakmem \|/m);
    expect(stdout).toContain("front-cache hit rate");
    expect(stdout).toContain("Warm-up");
  });

  it("draws boxes, colours and progress on a terminal; no colours with NO_COLOR", () => {
    const args = ["bench", "tiny-hot", "64", "10", "100", ...QUICK];
    const coloured = onTerminal(args).stdout;
    expect(coloured).toContain("│");
    expect(coloured).toContain("\u001b[1m");
    expect(coloured).toMatch(/█|░/);
    const plain = onTerminal(args, { NO_COLOR: "1" }).stdout;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is looked for
    expect(plain).not.toMatch(/\u001b\[[0-9;]*m/);
    expect(plain).toContain("hakmem");
  });

  it("goes on without a rival that is not there, and says how to install it", () => {
    const env = { PATH: "/nonexistent", CC: "no-such-compiler" };
    const args = ["bench", "tiny-hot", "64", "10", "100", "--against", "dlmalloc,glibc,buffer"];
    const { stdout, status } = hakmem([...args, ...QUICK], env);
    expect(status).toBe(0);
    expect(stdout).toMatch(/Skipped dlmalloc: .*install/);
    expect(stdout).toMatch(/Skipped glibc: .*install/);
    expect(stdout).toMatch(/^\| Buffer.allocUnsafe/m);
  });
});

deepDescribe("bench as it is asked", () => {
  it("takes the size, the seed and the number of workers from flags", () => {
    const run = (...args: string[]) =>
      readJson<BenchResult>(hakmem(["bench", ...args, ...QUICK, "--json", "-"]).stdout);
    expect(run("tiny-hot", "64", "10", "100", "--size", "128").workload.label).toBe(
      "tiny-hot 128 10 100 --size 128",
    );
    expect(run("random-mixed", "1000", "--seed", "7").workload.label).toBe(
      "random-mixed 1000 256 7",
    );
    const larson = run("larson", "100", "500", "200", "--workers", "2");
    expect(larson.workload.label).toContain("larson 100 500 200 42 2");
    expect(larson.notes.join(" ")).toContain("hakmem ran 2 workers, each a thread");
  });

  it("keeps what was measured when it is interrupted", async () => {
    const args = ["dist/cli.js", "bench", "tiny-hot", "--rounds", "1000", "--json", "-"];
    const child = spawn(process.execPath, args, { env: cleanEnv() });
    let stdout = "";
    child.stdout.on("data", (text) => {
      stdout += String(text);
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    child.kill("SIGINT");
    expect(await ended).toBe(1);
    const result = readJson<BenchResult>(stdout);
    expect(result.isInterrupted).toBe(true);
    expect(result.subjects[0]?.rounds.length).toBeGreaterThan(0);
  });
});

deepDescribe("ab", () => {
  it("measures every combination on every workload", () => {
    const { stdout, status } = hakmem([
      ...["ab", "--knob", "SLL_DRAIN_INTERVAL=512,1024", "--knob", "FAST_CAP=62,254"],
      ...["--workload", "random-mixed 5000 128 42", "--workload", "tiny-hot 64 10 100 --size 32"],
      ...["--iterations", "9", "--round-ms", "2", "--json", "-"],
    ]);
    expect(status).toBe(0);
    const result = readJson<AbResult>(stdout);
    expect(result.cells).toHaveLength(8);
    expect(result.cells.filter(({ ratio }) => ratio === null)).toHaveLength(2);
    // A machine that others disturb takes up to twice as many turns, of which the quiet ones count.
    for (const { rounds } of result.cells) {
      expect(rounds.length).toBeGreaterThanOrEqual(6);
      expect(rounds.length).toBeLessThanOrEqual(18);
    }
    expect(result.verdicts).toHaveLength(2);
    expect(result.workloads.map(({ label }) => label)).toEqual([
      "random-mixed 5000 128 42",
      "tiny-hot 32 10 100 --size 32",
    ]);
  });

  it("goes on where a combination fails", () => {
    const values = `CAPACITY=${2 ** 20},${2 ** 26}`;
    const args = ["ab", "--knob", values, "--workload", "random-mixed 20000 8192 42"];
    const { stdout, status } = hakmem([...args, ...QUICK, "--json", "-"]);
    expect(status).toBe(0);
    const { cells, notes } = readJson<AbResult>(stdout);
    expect(cells.map(({ settings }) => settings)).toEqual([{ HAKMEM_CAPACITY: 2 ** 26 }]);
    expect(notes.join(" ")).toMatch(/failed with HAKMEM_CAPACITY=1048576: no room/);
  });

  it("prints a table and a verdict a workload", () => {
    const args = ["ab", "--knob", "FAST_CAP=62,254", "--workload", "tiny-hot 64 10 100"];
    const { stdout } = hakmem([...args, ...QUICK]);
    expect(stdout).toContain("| FAST_CAP=254 |");
    expect(stdout).toMatch(/Verdict: too few rounds to judge/);
  });
});

deepDescribe("tune and profile", () => {
  it("tune prints settings with their gain, or that there is none", () => {
    const args = ["tune", "random-mixed 20000 256 42", "--budget", "10"];
    const { stdout, stderr, status } = hakmem([...args, "--json", "-"]);
    if (status !== 0) {
      // On a busy machine the budget may end before every value had a round.
      expect(stderr).toContain("give it more --budget");
      return;
    }
    const result = readJson<TuneResult>(stdout);
    expect(result.tried.length).toBeGreaterThan(1);
    expect(Object.keys(result.defaults)).toContain("HAKMEM_TINY_FAST_CAP");
    if (result.best !== null) expect(result.gain?.low).toBeGreaterThan(1);
  });

  it("tune keeps its budget, however long a run through the workload takes", () => {
    const args = ["dist/cli.js", "tune", "random-mixed 5000000 65536 42", "--budget", "10"];
    // Far more than the budget, so that only a search that goes on is ended here.
    const options = { env: cleanEnv(), timeout: 60_000, encoding: "utf8" } as const;
    const { signal, stderr } = spawnSync(process.execPath, args, options);
    expect(signal).toBeNull();
    expect(stderr).toMatch(/^$|^hakmem: .*give it more --budget\n$/);
  });

  it("profile names the allocator's functions, and writes what DevTools opens", () => {
    const file = join(folder, "x.cpuprofile");
    const args = ["profile", "random-mixed", "--seconds", "1", "--cpuprofile", file];
    const { stdout, status } = hakmem([...args, "--json", "-"]);
    expect(status).toBe(0);
    const { functions, shares, verdict } = readJson<ProfileResult>(stdout);
    const names = functions.map(({ name }) => name);
    expect(names).toContain("malloc");
    expect(names).toContain("free");
    const sum = Object.values(shares).reduce((total, share) => total + share, 0);
    expect(sum).toBeCloseTo(1, 5);
    expect(verdict.length).toBeGreaterThan(0);
    expect(readJson<{ nodes: unknown[] }>(readFileSync(file, "utf8")).nodes.length).toBeGreaterThan(
      1,
    );
  });
});

it("the package installs one command", () => {
  const { bin } = readJson<{ bin: Record<string, string> }>(readFileSync("package.json", "utf8"));
  expect(bin).toEqual({ hakmem: "./dist/cli.js" });
  const text = execFileSync("dist/cli.js", ["--version"], { encoding: "utf8" });
  expect(text).toMatch(/^\d+\.\d+\.\d+\n$/);
});
