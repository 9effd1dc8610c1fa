import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeTrace, type Trace } from "../../src/trace/index.js";
import { makeInstalled } from "../support/install.js";

const CLI = resolve("dist/cli.js");
let folder = "";

const PROGRAMS: Record<string, string> = {
  "heap.mjs": `
    import { Heap } from "hakmem";
    const first = Heap.create({ capacity: 2 ** 21 });
    const ptrs = Array.from({ length: 50 }, (_, index) => first.malloc(100 + index));
    first.freeBatch(ptrs, 25);
    Heap.create({ capacity: 2 ** 20 });
    const second = Heap.restore(first.snapshot());
    second.free(second.realloc(second.calloc(7), 70));`,
  "many.mjs": `
    import { Heap } from "hakmem";
    for (let index = 0; index < 20; index++) {
      const heap = Heap.create({ capacity: 2 ** 20 });
      for (let count = 0; count < index; count++) heap.malloc(1000 + index);
    }`,
  "required.cjs": `
    const { Heap } = require("hakmem");
    require("node:process").chdir("/");
    Heap.over(new ArrayBuffer(2 ** 20)).malloc(33);`,
  "buffers.cjs": `
    const keep = [];
    function makeSmall() { return Buffer.alloc(100); }
    function makeLarge() { return new Uint8Array(5000); }
    async function main() {
      for (let round = 0; round < 10; round++) {
        for (let index = 0; index < 100; index++) { makeSmall(); keep.push(makeLarge()); }
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    main();`,
  "same.cjs": `
    class Own extends Uint8Array {}
    const { inspect } = require("node:util");
    const bytes = new Uint8Array(3);
    const messageOf = (action) => {
      try { action(); } catch (error) { return [error.name, error.code, error.message]; }
    };
    process.stdout.write(JSON.stringify([
      new Own(4) instanceof Uint8Array, new Own(4).slice(1) instanceof Own, new Own(4).length,
      Buffer.alloc(2) instanceof Uint8Array, Object.getPrototypeOf(Buffer) === Uint8Array,
      Object.getPrototypeOf(Buffer.prototype) === Uint8Array.prototype,
      bytes.constructor === Uint8Array, bytes.slice(1).constructor === Uint8Array,
      Uint8Array.from([1, 2]).constructor === Uint8Array, Uint8Array.of(1).length,
      Uint8Array.name, Uint8Array.length, Uint8Array.BYTES_PER_ELEMENT, inspect(bytes),
      inspect(Buffer.from("abc")), Buffer.from([1, 2]).toString("hex"), Buffer.concat.length,
      Buffer.concat([Buffer.from("a"), Buffer.from("b")]).toString(), Buffer.allocUnsafe.name,
      Object.keys(Buffer), new Uint8Array([1, 2]).join(),
      new Uint8Array(new ArrayBuffer(8), 4).length,
      messageOf(() => Buffer.alloc(-1)), messageOf(() => Uint8Array(1)),
      messageOf(() => new Uint8Array(-1)), messageOf(() => Buffer.from(7)),
      process.env.NODE_OPTIONS ?? null, process.argv.slice(2), process.execArgv,
      require.main === module,
      Object.keys(process.env).filter((name) => name.startsWith("_HKM")),
    ]));`,
  "fails.mjs": `Buffer.alloc(10); throw new Error("on purpose");`,
  "exits.mjs": `Buffer.alloc(10); process.exit(7);`,
  "nothing.mjs": "",
  "waits.mjs": `
    Buffer.alloc(1234);
    setInterval(() => {}, 1000);
    process.stdout.write("ready");`,
  "handles.mjs": `
    Buffer.alloc(1234);
    const timer = setInterval(() => {}, 1000);
    process.once("SIGINT", () => {
      Buffer.alloc(77);
      clearInterval(timer);
      process.exitCode = 5;
    });
    process.stdout.write("ready");`,
  "counts.mjs": `
    // As libraries do that clean up on a signal: they end the process if no one else listens.
    Buffer.alloc(1234);
    const onSignal = () => {
      if (process.listenerCount("SIGINT") > 1) return;
      process.off("SIGINT", onSignal);
      process.kill(process.pid, "SIGINT");
    };
    process.on("SIGINT", onSignal);
    setInterval(() => {}, 1000);
    setTimeout(() => process.stdout.write("ready"), 20);`,
  "starts.mjs": `
    import { execFileSync } from "node:child_process";
    import { Worker } from "node:worker_threads";
    Buffer.alloc(4321);
    const code = "for (let i = 0; i < 1000; i++) Buffer.alloc(9)";
    execFileSync(process.execPath, ["-e", code]);
    new Worker(code, { eval: true });`,
};

beforeAll(() => {
  folder = makeInstalled("hakmem record-");
  for (const [name, code] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), code);
});

beforeEach(() => {
  for (const name of traces()) rmSync(join(folder, name));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in the folder; SIGINT goes to it when the program says that it is ready. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}, argv = [CLI]): Promise<Run> {
  const child = spawn(process.execPath, [...argv, ...args], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (stdout === "ready") child.kill("SIGINT");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

function traces(): string[] {
  return readdirSync(folder).filter((name) => name.includes(".hkt"));
}

function read(name: string): Trace {
  return decodeTrace(gunzipSync(readFileSync(join(folder, name))));
}

function sizesOf(trace: Trace): number[] {
  return [...trace.words.filter((word, index) => index % 2 === 1 && word > 0)];
}

describe("hakmem record", () => {
  it("writes a trace for each heap of a program that uses hakmem", async () => {
    const { code, stdout } = await run(["record", "-o", "out.hkt.gz", "--", "node", "heap.mjs"]);
    expect(code).toBe(0);
    expect(traces()).toEqual(["out-2.hkt.gz", "out-buffers.hkt.gz", "out.hkt.gz"]);
    expect([read("out.hkt.gz").eventCount, read("out-2.hkt.gz").eventCount]).toEqual([75, 3]);
    expect(sizesOf(read("out-2.hkt.gz"))).toEqual([7, 70]);
    expect(stdout).toContain("out-2.hkt.gz");
    expect(stdout).toContain("hakmem bench replay out.hkt.gz");
  });

  it("writes the busiest of many heaps, and says that there were more", async () => {
    const { stdout } = await run(["record", "--json", "-", "many.mjs"]);
    expect(traces().length).toBe(16);
    expect(sizesOf(read("trace.hkt.gz"))).toEqual([1004, 1004, 1004, 1004]);
    expect(JSON.parse(stdout)).toMatchObject({ heapsLeftOut: 3 });
  });

  it("knows a hakmem that is required, and writes where it was told", async () => {
    expect((await run(["record", "--json", "-", "required.cjs"])).code).toBe(0);
    expect(sizesOf(read("trace.hkt.gz"))).toEqual([33]);
  });

  it("records buffers, their end, and where they are made", async () => {
    const args = ["record", "--json", "result.json", "--every", "4", "--", "node", "--expose-gc"];
    const { code, stdout } = await run([...args, "buffers.cjs"]);
    expect(code).toBe(0);
    const { eventCount, slotCount } = read("trace.hkt.gz");
    expect(eventCount).toBeGreaterThan(2100);
    expect(slotCount).toBeLessThan(1990);
    expect(stdout).toMatch(/buffers\.cjs:4:\d+ \| makeLarge/);
    const result = JSON.parse(readFileSync(join(folder, "result.json"), "utf8")) as {
      traces: { events: number; peakLiveBytes: number; peakLiveBlocks: number }[];
      sites: { functionName: string; count: number; bytes: number }[];
    };
    expect(result.traces[0]).toMatchObject({ events: eventCount, peakLiveBlocks: slotCount });
    expect(result.traces[0]?.peakLiveBytes).toBeGreaterThan(5_000_000);
    const [small, large] = ["makeSmall", "makeLarge"].map((name) =>
      result.sites.find(({ functionName }) => functionName === name),
    );
    for (const site of [small, large]) {
      expect(site?.count).toBeGreaterThan(700);
      expect(site?.count).toBeLessThan(1300);
    }
    expect((large?.bytes ?? 0) / (large?.count ?? 1)).toBeCloseTo(5000, -2);
  });

  it("changes nothing that the program sees", async () => {
    const plain = await run(["a b", "--json"], {}, ["same.cjs"]);
    const args = ["record", "--json", "-", "--", "node", "same.cjs", "a b", "--json"];
    const recorded = await run(args);
    expect(plain.stdout.length).toBeGreaterThan(100);
    expect(recorded.stderr.replace(/^.*?(?=\[)/, "")).toBe(plain.stdout);
    expect(JSON.parse(recorded.stdout)).toMatchObject({ kind: "hakmem record", exitCode: 0 });
  });

  it("leaves NODE_OPTIONS as they are", async () => {
    const options = { NODE_OPTIONS: "--no-deprecation --stack-trace-limit=7" };
    const plain = await run([], options, ["same.cjs"]);
    const recorded = await run(["record", "--json", "-", "same.cjs"], options);
    expect(plain.stdout).toContain("--stack-trace-limit=7");
    expect(recorded.stderr).toBe(plain.stdout);
  });

  it("counts neither the workers nor the processes that the program starts", async () => {
    expect((await run(["record", "--json", "-", "starts.mjs"])).code).toBe(0);
    expect(traces()).toEqual(["trace.hkt.gz"]);
    const sizes = sizesOf(read("trace.hkt.gz"));
    expect(sizes).toContain(4321);
    expect(sizes.filter((size) => size === 9)).toEqual([]);
  });
});

describe("programs that end otherwise", () => {
  it.each([
    ["fails.mjs", "code 1"],
    ["exits.mjs", "code 7"],
  ])("%s: the trace is written, and the command fails", async (name, end) => {
    const { code, stderr } = await run(["record", "--", "node", name]);
    expect(code).toBe(1);
    expect(stderr).toContain(`the program ended with ${end}`);
    expect(sizesOf(read("trace.hkt.gz"))).toContain(10);
  });

  it.runIf(process.platform !== "win32").each([
    ["waits.mjs", 1234],
    ["handles.mjs", 77],
    ["counts.mjs", 1234],
  ])("%s: Ctrl-C ends it, and the trace is written", async (name, size) => {
    const { code, stdout, stderr } = await run(["record", "--", "node", name]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(sizesOf(read("trace.hkt.gz"))).toContain(size);
    expect(stdout).toContain("trace.hkt.gz");
  });

  it("says so when nothing was recorded", async () => {
    const { code, stderr } = await run(["record", "nothing.mjs"]);
    expect([code, traces()]).toEqual([1, []]);
    expect(stderr).toContain("nothing recorded");
  });
});

describe("wrong usage", () => {
  it.each([
    [["--", "python3", "app.py"], "record takes"],
    [["node"], "node needs a script"],
    [["missing.mjs"], "no script missing.mjs"],
    [["--every", "0", "nothing.mjs"], "integer from 1"],
    [[], "missing required argument"],
  ])("%j", async (args, message) => {
    const { code, stderr } = await run(["record", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("a folder that is not there is told before the program runs", async () => {
    const { code, stderr } = await run(["record", "-o", "no/where.hkt.gz", "exits.mjs"]);
    expect(code).toBe(1);
    expect(stderr).toContain("no/where.hkt.gz");
    expect(existsSync(join(folder, "no"))).toBe(false);
  });
});
