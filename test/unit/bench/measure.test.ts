import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { measureInTurn, type Plan } from "../../../bench/measure/inTurn.js";
import type { SubjectCommand } from "../../../bench/measure/subjectProcess.js";

const folder = mkdtempSync(join(tmpdir(), "hakmem-measure-"));
const log = join(folder, "log");
const subject = join(folder, "subject.mjs");
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => writeFileSync(log, ""));

/** Answers as a subject does, a run taking 1 ms; and writes down what it was asked, and by whom. */
writeFileSync(
  subject,
  `import { appendFileSync } from "node:fs";
  import { createInterface } from "node:readline";
  const [name, mode] = process.argv.slice(2);
  let asked = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const { pass, times = 0 } = JSON.parse(line);
    appendFileSync(${JSON.stringify(log)}, [name, process.pid, pass, times].join(" ") + "\\n");
    const isCut = mode === "cut";
    if (mode === "fail" && ++asked === 5) console.log('{"error":"has failed"}');
    else if (mode === "die") process.exit(3);
    else if (mode === "hang") continue;
    else if (pass === "latency") console.log('{"timerNs":1,"events":1,"curve":[]}');
    else console.log(JSON.stringify({
      ns: times * 1e6, events: times * 1000, isCut, cpuUserUs: 1, cpuSystemUs: 2, collections: 3,
      collectionMs: 4, slabsOpened: 5, refills: 6, drains: 7, peakCommittedBytes: asked,
    }));
  }`,
);

function command(name: string, mode = "sound"): SubjectCommand {
  return { name, program: process.execPath, args: [subject, name, mode], env: process.env };
}

const PLAN: Plan = { rounds: 3, roundMs: 20, warmupMs: 10, limitMs: 1000 };
const silent = { step: () => {}, show: () => {}, done: () => {} };
const never = new AbortController().signal;

interface Asked {
  readonly name: string;
  readonly pid: string;
  readonly pass: string;
  readonly times: number;
}

function readLog(): Asked[] {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  return lines.map((line) => {
    const [name = "", pid = "", pass = "", times = "0"] = line.split(" ");
    return { name, pid, pass, times: Number(times) };
  });
}

describe("measureInTurn", () => {
  it("gives every subject a fresh process a turn, and adds up its slices", async () => {
    const all = await measureInTurn([command("a"), command("b")], PLAN, silent, never);
    for (const { command: own, rounds, warmup, failure, latency } of all) {
      expect([failure, latency]).toEqual([null, null]);
      expect(rounds).toHaveLength(3);
      expect(rounds[0]).toMatchObject({ ns: 20e6, events: 20_000, isCut: false });
      expect(rounds[0]).toMatchObject({ cpuUserUs: 10, collections: 30, drains: 70 });
      expect(warmup.firstNsPerOp).toBe(1000);
      const asked = readLog().filter(({ name }) => name === own.name);
      expect(new Set(asked.map(({ pid }) => pid)).size).toBe(3);
    }
  });

  it("runs slices in turn, each beginning with another subject", async () => {
    await measureInTurn([command("a"), command("b")], { ...PLAN, rounds: 1 }, silent, never);
    const order = readLog()
      .slice(-20)
      .map(({ name }) => name)
      .join("");
    expect(order).toBe("abba".repeat(5));
  });

  it("does not begin two turns with the same subject", async () => {
    await measureInTurn([command("a"), command("b")], { ...PLAN, rounds: 2 }, silent, never);
    const asked = readLog();
    const first = (pids: readonly string[]): string | undefined =>
      asked.find(({ pid }) => pids.includes(pid))?.name;
    const pids = [...new Set(asked.map(({ pid }) => pid))];
    expect([first(pids.slice(0, 2)), first(pids.slice(2))]).toEqual(["a", "b"]);
  });

  it("warms up for as long as it is told, and fills the round by what a run took", async () => {
    const plan = { ...PLAN, rounds: 1, warmupMs: 40, roundMs: 100 };
    await measureInTurn([command("a")], plan, silent, never);
    const times = readLog().map((asked) => asked.times);
    const warmup = times.slice(0, -10);
    expect(warmup.length).toBeGreaterThanOrEqual(3);
    expect(warmup.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(40);
    expect(times.slice(-10)).toEqual(new Array(10).fill(10));
  });

  it("asks for latencies once, if at all", async () => {
    const [own] = await measureInTurn([command("a")], PLAN, silent, never, { latencyLimitMs: 100 });
    expect(own?.latency).toEqual({ timerNs: 1, events: 1, curve: [] });
    expect(readLog().filter(({ pass }) => pass === "latency")).toHaveLength(1);
  });

  it.each([
    ["fail", "has failed"],
    ["die", "its process ended with 3 during the round pass"],
  ])("goes on without a subject that will %s", async (mode, reason) => {
    const all = await measureInTurn([command("a", mode), command("b")], PLAN, silent, never);
    expect(all[0]).toMatchObject({ failure: reason, rounds: [] });
    expect(all[1]?.rounds).toHaveLength(3);
  });

  it("takes the round that was cut in warming up, and asks such a subject no more", async () => {
    const [slow, own] = await measureInTurn(
      [command("a", "cut"), command("b")],
      PLAN,
      silent,
      never,
    );
    expect(slow?.rounds).toHaveLength(1);
    expect(readLog().filter(({ name }) => name === "a")).toHaveLength(1);
    expect(own?.rounds).toHaveLength(3);
  });
});

describe("measureInTurn, aborted,", () => {
  it("keeps what it has, and leaves no process", async () => {
    const controller = new AbortController();
    let steps = 0;
    const step = (): void => {
      if (++steps === 4) controller.abort();
    };
    const commands = [command("a"), command("b")];
    const all = await measureInTurn(commands, PLAN, { ...silent, step }, controller.signal);
    expect(all.map(({ rounds }) => rounds.length)).toEqual([1, 1]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const pid of new Set(readLog().map((asked) => Number(asked.pid)))) {
      expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    }
  });

  it("does not wait for a round", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    const [own] = await measureInTurn([command("a", "hang")], PLAN, silent, controller.signal);
    expect(own).toMatchObject({ rounds: [], failure: "interrupted" });
  }, 20_000);
});
