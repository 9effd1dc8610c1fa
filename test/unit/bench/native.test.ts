import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { findNatives, type Native, type Natives } from "../../../bench/rivals/native.js";
import { SUBJECTS } from "../../../bench/rivals/table.js";
import type {
  CheckAnswer,
  Failure,
  LatencyAnswer,
  Request,
  RoundAnswer,
} from "../../../bench/subject/protocol.js";
import { SERIES_POINTS } from "../../../bench/subject/protocol.js";
import { splitScript } from "../../../bench/subject/workers/split.js";
import { encodeSplit } from "../../../bench/subject/workers/splitFile.js";
import { readWorkload } from "../../../bench/workloads/resolve.js";
import {
  encodeScript,
  eventsOf,
  type Script,
  ScriptWriter,
} from "../../../bench/workloads/script.js";
import { buildBatches } from "../../../bench/workloads/tinyHot.js";
import { isUnderCi, missing } from "../../support/missing.js";

const LIMIT_MS = 10_000;
const NATIVES = SUBJECTS.flatMap(({ kind, name }) => (kind === "native" ? [name] : [])).sort();
const folder = mkdtempSync(join(tmpdir(), "hakmem-test-"));
const scriptFile = join(folder, "script");
let natives: Natives;

beforeAll(async () => {
  natives = await findNatives();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a native subject on a script's file, and returns its answers. */
function ask(
  native: Native,
  file: Int32Array,
  requests: readonly Request[],
  args: readonly string[] = [],
): unknown[] {
  writeFileSync(scriptFile, new Uint8Array(file.buffer));
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
  const { stdout } = spawnSync(native.command, [scriptFile, ...args], {
    env: native.env as NodeJS.ProcessEnv,
    input,
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

/** Events of every kind; two blocks are left. The hash that they must give is written beside. */
function createMixed(): { writer: ScriptWriter; fed: number[] } {
  const writer = new ScriptWriter();
  const value = (event: number): number => (event * 31 + 7) & 0xff;
  writer.malloc(0, 100); // event 0
  writer.malloc(1, 0);
  writer.realloc(2, 5000); // of an empty slot: a malloc
  writer.realloc(0, 300);
  writer.work(0, 3);
  writer.realloc(2, 10);
  writer.free(0);
  writer.free(1);
  writer.malloc(0, 70_000); // event 8
  writer.realloc(0, 0);
  writer.realloc(0, 33);
  const moved = [3, 100, value(0), 5, 5000, value(2), 6, 300, value(3), 7, 0, 0];
  const emptied = [9, 70_000, value(8), 10, 0, 0];
  const left = [11, 33, value(10), 11, 10, value(5)];
  return { writer, fed: [...moved, ...emptied, ...left] };
}

function fnv1a(words: readonly number[]): number {
  let hash = 2166136261n;
  for (const word of words) hash = ((hash ^ BigInt(word)) * 16777619n) & 0xffffffffn;
  return Number(hash);
}

function eachNative(test: (native: Native) => void): (context: TestContext) => void {
  return (context) => {
    if (natives.found.length === 0) missing(context, natives.missing[0]?.reason ?? "");
    for (const native of natives.found) test(native);
  };
}

function round(times: number, limitMs: number = LIMIT_MS): Request {
  return { pass: "round", times, limitMs };
}

describe("native subjects", () => {
  it("are all found, or missing with how to get them", () => {
    const names = [...natives.found, ...natives.missing].map(({ name }) => name);
    expect(names.sort()).toEqual(NATIVES);
    if (isUnderCi) expect(natives.missing).toEqual([]);
    for (const { reason } of natives.missing)
      expect(reason).toMatch(/apt-get|Linux|preloaded|built/);
  });

  it(
    "verify every byte, and hash what they saw",
    eachNative((native) => {
      const { writer, fed } = createMixed();
      const request: Request = { pass: "check", limitMs: LIMIT_MS };
      const answers = ask(native, encodeScript(writer.finish()), [
        request,
        request,
      ]) as CheckAnswer[];
      expect(answers.map(({ hash }) => hash)).toEqual([fnv1a(fed), fnv1a(fed)]);
      expect(answers[0]?.seriesBytes).toHaveLength(SERIES_POINTS);
      expect(answers[0]?.heap).toBeNull();
    }),
  );

  it(
    "tell how much memory a script takes",
    eachNative((native) => {
      const writer = new ScriptWriter();
      for (let slot = 0; slot < 1000; slot++) writer.malloc(slot, 64 * 1024);
      for (let slot = 0; slot < 1000; slot++) writer.free(slot);
      const request: Request = { pass: "check", limitMs: LIMIT_MS };
      const [answer] = ask(native, encodeScript(writer.finish()), [request]) as CheckAnswer[];
      const bytes = 1000 * 64 * 1024;
      const peakBytes = answer?.peakBytes ?? 0;
      const middle = answer?.seriesBytes[SERIES_POINTS / 2 - 1] ?? 0;
      expect(peakBytes).toBeGreaterThan(0.95 * bytes);
      expect(peakBytes).toBeLessThan(1.5 * bytes);
      expect(middle).toBeGreaterThan(0.95 * bytes);
    }),
  );
});

describe("native subjects, timed,", () => {
  it(
    "run rounds, and free what a script leaves",
    eachNative((native) => {
      for (const touch of ["first", "pair", "all"] as const) {
        const script = createMixed().writer.finish(touch);
        const [answer] = ask(native, encodeScript(script), [round(1000)]) as RoundAnswer[];
        expect(answer).toMatchObject({ events: 11_000, isCut: false, collections: 0 });
        expect(answer?.ns).toBeGreaterThan(0);
      }
    }),
  );

  it(
    "repeat a script that frees all, and stop at the time limit",
    eachNative((native) => {
      const writer = new ScriptWriter();
      for (const slot of [0, 1]) writer.malloc(slot, 50);
      for (const slot of [0, 1]) writer.free(slot);
      const script = writer.finish("first", 50_000);
      const requests = [round(2), round(1_000_000, 20), round(1)];
      const [whole, cut, after] = ask(native, encodeScript(script), requests) as RoundAnswer[];
      expect(whole).toMatchObject({ events: 400_000, isCut: false });
      expect(cut?.isCut).toBe(true);
      expect(cut?.ns).toBeGreaterThan(20e6);
      expect(after).toMatchObject({ events: 200_000, isCut: false });
    }),
  );

  it(
    "run tight loops, and the loop without an allocator",
    eachNative((native) => {
      const random = readWorkload("random-mixed", ["4096", "64", "0"], { tight: true }).script;
      const batches = [1, 100, 256, 1000].map((batch) =>
        buildBatches(batch === 256 ? "oldest-first" : "newest-first", 0, batch, 1024),
      );
      for (const script of [random, ...batches]) {
        const [answer] = ask(native, encodeScript(script), [round(2)]) as RoundAnswer[];
        expect(answer?.isCut).toBe(false);
        expect(answer?.events).toBeGreaterThanOrEqual(2 * eventsOf(script));
        expect(answer?.probeNs).toBeGreaterThan(0);
      }
      const script = createMixed().writer;
      script.free(0);
      const [floor] = ask(native, encodeScript(script.finish()), [round(9)], ["floor"]);
      expect(floor).toMatchObject({ events: 108, isCut: false });
    }),
  );

  it(
    "time single events",
    eachNative((native) => {
      const { writer } = createMixed();
      const request: Request = { pass: "latency", limitMs: LIMIT_MS };
      const [answer] = ask(native, encodeScript(writer.finish()), [request]) as LatencyAnswer[];
      expect(answer?.events).toBeGreaterThanOrEqual(1_000_000);
      expect((answer?.events ?? 0) % 11).toBe(0);
      const curve = answer?.curve ?? [];
      const rising = [...curve].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect(curve).toEqual(rising);
      expect(curve.map(([, ns]) => ns)).toEqual(rising.map(([, ns]) => ns).sort((a, b) => a - b));
      const percentiles = curve.map(([percentile]) => percentile);
      expect(percentiles).toEqual([
        0, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 100,
      ]);
    }),
  );
});

describe("native subjects, given what they cannot do,", () => {
  it(
    "refuse a script that is broken or cannot be done",
    eachNative((native) => {
      const script: Script = createMixed().writer.finish();
      const whole = encodeScript(script);
      const twice = new ScriptWriter();
      for (let time = 0; time < 2; time++) twice.malloc(0, 1);
      const broken: [Int32Array, RegExp][] = [
        [whole.slice(1), /HKS1/],
        [whole.slice(0, -1), /11 events/],
        [encodeScript({ ...script, slotCount: 2 }), /slot 2, of 2/],
        [encodeScript({ ...script, repeat: 2 }), /leaves 2 blocks/],
        [encodeScript(twice.finish()), /slot 0 is full/],
      ];
      for (const [file, message] of broken) {
        const [answer] = ask(native, file, [round(1)]) as Failure[];
        expect(answer?.error).toMatch(message);
      }
      const unknown = { pass: "profileStop", file: "" } as const;
      const [answer] = ask(native, whole, [unknown]) as Failure[];
      expect(answer?.error).toBeTypeOf("string");
    }),
  );

  it(
    "refuse a script of several workers without what each does",
    eachNative((native) => {
      const { script } = readWorkload("rptest", ["2", "10", "100", "10", "7"]);
      const split = encodeSplit(splitScript(script, 2));
      const file = `${scriptFile}.workers`;
      const broken: [Int32Array | undefined, RegExp][] = [
        [undefined, /cannot be read/],
        [split.slice(1), /HKW1/],
        [split.slice(0, -1), /no split script/],
      ];
      for (const [words, message] of broken) {
        if (words !== undefined) writeFileSync(file, new Uint8Array(words.buffer));
        const [answer] = ask(native, encodeScript(script), [round(1)]) as Failure[];
        expect(answer?.error).toMatch(message);
        rmSync(file, { force: true });
      }
    }),
  );
});
