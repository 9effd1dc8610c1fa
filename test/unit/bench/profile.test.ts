import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { transformSync } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { RunError } from "../../../bench/base/session.js";
import { attribute } from "../../../bench/profile/attribute.js";
import {
  compareFunctions,
  compareSides,
  differs,
  readBefore,
} from "../../../bench/profile/compare.js";
import { PROFILED_ARGV, toFileLine } from "../../../bench/profile/lines.js";
import { reportProfile, standardError } from "../../../bench/profile/report.js";
import { sideOf, sideOfName } from "../../../bench/profile/sides.js";
import {
  type FunctionRange,
  isProfile,
  type ProfileNode,
  type V8Profile,
} from "../../../bench/subject/v8.js";
import { deepIt } from "../../support/deep.js";

const folder = mkdtempSync(join(tmpdir(), "hakmem-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const BUNDLE = "file:///x/dist/index.js";
const SUBJECT = "file:///x/dist/subject.js";

const range = (name: string, startLine: number, endLine: number): FunctionRange => ({
  name,
  startLine,
  endLine,
  isModule: name === "",
});

const SOURCES = [
  {
    url: BUNDLE,
    functions: [
      range("", 1, 1500),
      range("mallocSlow", 603, 634),
      range("bindMalloc", 717, 728),
      range("malloc", 718, 726),
      range("bindFree", 729, 744),
      range("free", 730, 742),
    ],
  },
  {
    url: SUBJECT,
    functions: [range("", 20_001, 20_090), range("replay", 20_010, 20_030), range("rare", 40, 50)],
  },
];

let nextId = 2;
type Ticks = readonly (readonly [line: number, ticks: number])[];

/** A node of a profile; `line` counts from 1. */
function node(name: string, url: string, line: number, hits: number, ticks?: Ticks): ProfileNode {
  const positionTicks = ticks?.map(([at, count]) => ({ line: at, ticks: count }));
  const callFrame = { functionName: name, url, lineNumber: line - 1 };
  return { id: nextId++, callFrame, hitCount: hits, positionTicks, children: [] };
}

function profileOf(nodes: readonly ProfileNode[], sources: V8Profile["sources"] = SOURCES) {
  const callFrame = { functionName: "(root)", url: "", lineNumber: -1 };
  const root = { id: 1, callFrame, hitCount: 0, children: nodes.map(({ id }) => id) };
  return { nodes: [root, ...nodes], startTime: 0, endTime: 1e6, sources };
}

function countByName(profile: V8Profile): Record<string, number> {
  return Object.fromEntries(attribute(profile).functions.map((own) => [own.name, own.samples]));
}

const machine = {
  cpu: "c",
  cores: 1,
  platform: "p",
  node: "v",
  hakmem: "0",
  date: "2026-01-01T00:00:00Z",
};
const workload = {
  name: "w",
  label: "w 1",
  sentence: "",
  events: 1,
  slots: 1,
  peakLiveBytes: 1,
  peakLiveBlocks: 1,
};
const RUN = { machine, workload, notes: [] };

/** A report in which malloc and replay have so many samples. */
function reportOf(malloc: number, replay: number) {
  const ticks: Ticks = [
    [721, malloc],
    [20_012, replay],
  ];
  return reportProfile(profileOf([node("replay", SUBJECT, 20_010, malloc + replay, ticks)]), RUN);
}

describe("attribute", () => {
  it("tells inlined functions from their caller by line", () => {
    const ticks: Ticks = [
      [719, 30],
      [735, 20],
      [20_012, 10],
    ];
    const profile = profileOf([node("replay", SUBJECT, 20_010, 60, ticks)]);
    expect(countByName(profile)).toEqual({ replay: 10, malloc: 30, free: 20 });
    expect(attribute(profile)).toMatchObject({ samples: 60, ambiguous: 0, unknown: 0 });
  });

  it("adds what was inlined to what was called", () => {
    const inlined = node("replay", SUBJECT, 20_010, 5, [[720, 5]]);
    const called = node("malloc", BUNDLE, 718, 7, [[721, 7]]);
    expect(countByName(profileOf([inlined, called]))).toEqual({ malloc: 12 });
  });

  it("leaves with the caller a line that two files have, and says how many", () => {
    const sources = [
      ...SOURCES,
      { url: "file:///x/dist/other.js", functions: [range("inOther", 700, 800)] },
    ];
    const nodes = [node("replay", SUBJECT, 20_010, 60, [[719, 60]])];
    expect(countByName(profileOf(nodes, sources))).toEqual({ replay: 60 });
    expect(attribute(profileOf(nodes, sources)).ambiguous).toBe(60);
  });

  it("does not take the caller's own line for another file's", () => {
    const sources = [
      ...SOURCES,
      { url: "file:///x/dist/small.js", functions: [range("churn", 605, 620)] },
    ];
    const nodes = [node("churn", "file:///x/dist/small.js", 605, 9, [[610, 9]])];
    expect(countByName(profileOf(nodes, sources))).toEqual({ churn: 9 });
    expect(attribute(profileOf(nodes, sources)).ambiguous).toBe(9);
  });

  it("leaves with the caller lines of no function, and hits without a line", () => {
    const nodes = [node("replay", SUBJECT, 20_010, 10, [[5000, 4]])];
    expect(countByName(profileOf(nodes))).toEqual({ replay: 10 });
    expect(attribute(profileOf(nodes)).unknown).toBe(10);
  });

  it("takes a node without lines, or of a file it does not know, as it is", () => {
    const bare = node("mallocSlow", BUNDLE, 603, 3);
    const foreign = node("readSync", "node:fs", 700, 4, [[719, 4]]);
    expect(countByName(profileOf([bare, foreign]))).toEqual({ mallocSlow: 3, readSync: 4 });
    expect(countByName(profileOf([bare, foreign], undefined))).toMatchObject({ mallocSlow: 3 });
  });

  it("counts a recursive function's samples once", () => {
    const inner = node("mallocSlow", BUNDLE, 603, 2, [[610, 2]]);
    const outer = { ...node("mallocSlow", BUNDLE, 603, 3, [[611, 3]]), children: [inner.id] };
    const { nodes, ...rest } = profileOf([outer]);
    expect(countByName({ ...rest, nodes: [...nodes, inner] })).toEqual({ mallocSlow: 5 });
  });

  it("finds what is inlined into a file's top level, which is inlined nowhere", () => {
    const top = node("", SUBJECT, 0, 15, [
      [20_050, 5],
      [721, 10],
    ]);
    expect(countByName(profileOf([top]))).toEqual({ "": 5, malloc: 10 });
    const stray = [node("replay", SUBJECT, 20_010, 6, [[20_050, 6]])];
    expect(attribute(profileOf(stray)).unknown).toBe(6);
  });

  it("leaves the idle time out", () => {
    const nodes = [node("(idle)", "", 0, 90), node("(program)", "", 0, 10)];
    expect(attribute(profileOf(nodes)).samples).toBe(10);
  });
});

describe("sides", () => {
  it("has a side for every function of the bundle's front and central code", () => {
    const sections = readFileSync("dist/index.js", "utf8").split(/^(?=\/\/ src\/)/m);
    const hot = sections.filter((section) => /^\/\/ src\/(front|central)\//.test(section));
    const text = hot.join("\n");
    const names = [...text.matchAll(/\bfunction\*? (\w+)\(/g)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => sideOfName(name) === undefined)).toEqual([]);
  });

  it("goes by the file first, and counts a builtin for its caller", () => {
    const at = (name: string, url: string, caller: { name: string; url: string } | null = null) =>
      sideOf({ name, url, caller, line: 1, samples: 1 });
    expect(at("malloc", BUNDLE)).toBe("allocation");
    expect(at("malloc", SUBJECT)).toBe("workload");
    expect(at("free2", BUNDLE)).toBe("free");
    expect(at("readStats", BUNDLE)).toBe("workload");
    expect(at("fill", "", { name: "emptyChain", url: BUNDLE })).toBe("shared");
    expect(at("fill", "", { name: "malloc", url: SUBJECT })).toBe("workload");
    expect(at("(garbage collector)", "", { name: "malloc", url: BUNDLE })).toBe("collector");
    expect(at("(program)", "")).toBe("program");
    expect(at("emit", "node:events")).toBe("program");
  });
});

describe("report", () => {
  it("divides all time among the sides", () => {
    const ticks: Ticks = [
      [719, 40],
      [735, 20],
      [20_012, 40],
    ];
    const nodes = [
      node("replay", SUBJECT, 20_010, 100, ticks),
      node("(garbage collector)", "", 0, 10),
      node("(program)", "", 0, 20),
      node("(idle)", "", 0, 70),
    ];
    const { shares, functions, samples } = reportProfile(profileOf(nodes), RUN);
    expect(samples).toBe(130);
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    expect(sum(Object.values(shares))).toBeCloseTo(1, 10);
    expect(sum(functions.map(({ share }) => share))).toBeCloseTo(1, 10);
    expect(shares.allocation).toBeCloseTo(40 / 130, 10);
    expect(shares.collector).toBeCloseTo(10 / 130, 10);
    expect(functions[0]?.share).toBeGreaterThanOrEqual(functions[1]?.share ?? 1);
  });

  it("names the place in the file as it is on disk", () => {
    const { functions } = reportOf(10, 5);
    expect(functions.map(({ name, at }) => [name, at])).toEqual([
      ["malloc", "index.js:718"],
      ["replay", "subject.js:10"],
    ]);
    expect(toFileLine(718)).toBe(718);
  });

  it("judges by the limits of 10 % and 15 %", () => {
    expect(reportOf(900, 9100).verdict).toMatch(/^Stop optimising: .*malloc \(9\.0 % ± 0\.6 %\)/);
    expect(reportOf(1200, 8800).verdict).toMatch(/^Optimising malloc .* may be worth it/);
    expect(reportOf(2000, 8000).verdict).toMatch(/^Optimise malloc \(20\.0 % ± 0\.8 %\)/);
    expect(reportOf(0, 8000).verdict).toMatch(/^No sample hit the allocator/);
    expect(reportOf(2000, 8000).caution).toBeNull();
  });

  it("says when the sampling error leaves the verdict open", () => {
    expect(reportOf(1490, 8510).verdict).toMatch(/other side of a limit: malloc/);
    expect(reportOf(2000, 8000).verdict).not.toMatch(/other side/);
  });

  it("says when the samples are too few", () => {
    expect(reportOf(100, 400).caution).toMatch(/^Only 500 samples, of 1000 .* ± 3\.1 %/);
    const none = reportProfile(profileOf([]), RUN);
    expect(none.caution).toMatch(/^No samples/);
    expect(Object.values(none.shares)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("says when many samples cannot be attributed", () => {
    const nodes = [node("replay", SUBJECT, 20_010, 100, [[20_012, 90]])];
    expect(reportProfile(profileOf(nodes), RUN).notes.join()).toMatch(/^10\.0 % of the samples/);
  });

  it("takes the time from the samples that were not idle", () => {
    const busy = node("(program)", "", 0, 2);
    const idle = node("(idle)", "", 0, 1);
    const samples = [busy.id, idle.id, busy.id];
    const profile = { ...profileOf([busy, idle]), samples, timeDeltas: [1000, 50_000, 3000] };
    expect(reportProfile(profile, RUN).sampledMs).toBe(4);
    expect(reportProfile({ ...profile, timeDeltas: undefined }, RUN).sampledMs).toBeCloseTo(667, 0);
  });

  it("has the standard error of a share", () => {
    expect(standardError(0.5, 100)).toBeCloseTo(0.05, 10);
    expect(standardError(0, 0)).toBe(0);
  });
});

describe("compare", () => {
  it("tells a change from sampling error", () => {
    expect(differs(0.2, 10_000, 0.22, 10_000)).toBe(true);
    expect(differs(0.2, 1000, 0.22, 1000)).toBe(false);
    expect(differs(0, 1000, 0, 1000)).toBe(false);
    expect(differs(0.2, 0, 0.3, 1000)).toBe(false);
  });

  it("puts functions together by name, and those that are gone or new too", () => {
    const before = reportOf(2000, 8000);
    const functions = compareFunctions(before, reportOf(0, 10_000));
    expect(functions).toEqual([
      expect.objectContaining({ name: "replay", before: 0.8, after: 1, isSignificant: true }),
      expect.objectContaining({ name: "malloc", before: 0.2, after: 0, isSignificant: true }),
    ]);
    const sides = compareSides(before, reportOf(2010, 7990));
    expect(sides.find(({ side }) => side === "allocation")?.isSignificant).toBe(false);
  });
});

describe("readBefore", () => {
  const write = (value: unknown): string => {
    const file = join(folder, "before.json");
    writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
    return file;
  };

  it("takes a result, and a profile that says where functions are", () => {
    const result = reportOf(2000, 8000);
    expect(readBefore(write(result), RUN)).toEqual(result);
    const profile = profileOf([node("replay", SUBJECT, 20_010, 4, [[721, 4]])]);
    expect(readBefore(write(profile), RUN).shares.allocation).toBe(1);
  });

  it("refuses anything else in one line", () => {
    const { sources: _, ...bare } = profileOf([]);
    const functions = [{ name: "malloc", side: "nothing", share: 2 }];
    const bad = ["", "{", "null", "[]", { kind: "hakmem bench" }, { nodes: [1] }, bare];
    for (const value of [...bad, { ...reportOf(1, 1), functions }]) {
      expect(() => readBefore(write(value), RUN)).toThrow(RunError);
      expect(() => readBefore(write(value), RUN)).toThrow(/^[^\n]*hakmem profile[^\n]*$/);
    }
    expect(() => readBefore(join(folder, "none"), RUN)).toThrow(/cannot read .*none/);
  });
});

/** Behind comments, so that its lines on disk are those of malloc and free in the bundle. */
const LOOP = `${"//\n".repeat(710)}
import { writeFileSync } from "node:fs";
import { Heap } from ${JSON.stringify(pathToFileURL(resolve("dist/index.js")).href)};
import { startProfiler } from "./profiler.mjs";
const heap = Heap.create({ capacity: 2 ** 24 });
const ptrs = new Int32Array(600);
function churn() {
  for (let i = 0; i < 600; i++) ptrs[i] = heap.malloc((i * 37) % 3000);
  for (let i = 0; i < 600; i++) heap.free(ptrs[i]);
}
for (let round = 0; round < 3000; round++) churn();
const profiler = await startProfiler(200);
const end = Date.now() + 1000;
while (Date.now() < end) for (let round = 0; round < 100; round++) churn();
writeFileSync(process.argv[2], JSON.stringify(await profiler.stop()));
`;

deepIt("finds malloc and free, although V8 inlines them into the loop", () => {
  const profiler = readFileSync("bench/subject/profiler.ts", "utf8");
  const { code } = transformSync(profiler, { loader: "ts", format: "esm" });
  writeFileSync(join(folder, "profiler.mjs"), code);
  writeFileSync(join(folder, "loop.mjs"), LOOP);
  const file = join(folder, "profile");
  const argv = [...PROFILED_ARGV, join(folder, "loop.mjs"), file];
  const said = execFileSync(process.execPath, argv, { encoding: "utf8", stdio: "pipe" });
  expect(said).toBe("");

  const profile: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isProfile(profile)) throw new Error("no profile");
  const { samples, ambiguous, unknown } = attribute(profile);
  expect(samples).toBeGreaterThan(300);
  expect((ambiguous + unknown) / samples).toBeLessThan(0.05);

  const { functions, shares } = reportProfile(profile, RUN);
  const find = (name: string, side: string) =>
    functions.find((own) => own.name === name && own.side === side);
  expect(find("malloc", "allocation")?.share).toBeGreaterThan(0.05);
  expect(find("free", "free")?.share).toBeGreaterThan(0.05);
  expect(find("malloc", "allocation")?.at).toMatch(/^index\.js:\d+$/);
  expect(shares.workload).toBeGreaterThan(0.02);
});
