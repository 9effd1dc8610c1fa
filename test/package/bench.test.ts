import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listCases } from "../../bench/studies/native/cases.js";
import { Heap } from "../../dist/index.js";
import { readTrace } from "../support/replay.js";

const STUDY = ["--import", "tsx", "bench/studies/native/main.ts"];
/** Smoke sizes: that the study runs is tested; how fast is asked of the study alone. */
const SMALL = ["--turns", "1", "--rounds", "2", "--ops", "20000", "--against", "buffer"];

interface Json {
  readonly cases: readonly {
    readonly group: string;
    readonly name: string;
    readonly subjects: readonly {
      readonly name: string;
      readonly nsPerOp: readonly number[];
      readonly turns: readonly { readonly slices: readonly { readonly probeNs: number }[] }[];
    }[];
    readonly bytes: Readonly<Record<string, number>>;
  }[];
}

it.each(["trace nginx", "fixed .* 64", "random 256", "floor nginx", "memory nginx"])(
  "bench:native runs its cases, with another build as a rival: %s",
  (only) => {
    const file = join(tmpdir(), `hakmem-native-${process.pid}.json`);
    const args = [...SMALL, "--only", only, "--build", ".", "--json", file];
    const text = execFileSync(process.execPath, [...STUDY, ...args], { encoding: "utf8" });
    const { cases } = JSON.parse(readFileSync(file, "utf8")) as Json;
    rmSync(file);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(cases.length).toBeGreaterThan(0);
    for (const { group, name, subjects, bytes } of cases) {
      expect(text).toContain(`| ${name} `);
      if (group === "memory") {
        expect(Object.keys(bytes)).toEqual(["hakmem", "build:.", "buffer"]);
        expect(bytes["build:."]).toBe(bytes.hakmem);
        continue;
      }
      const names = group === "floor" ? ["JavaScript"] : ["hakmem", "build:.", "buffer"];
      expect(subjects.map((subject) => subject.name)).toEqual(names);
      for (const { nsPerOp, turns } of subjects) {
        expect(nsPerOp[0]).toBeGreaterThan(0);
        for (const { slices } of turns) {
          expect(slices.every(({ probeNs }) => probeNs > 0)).toBe(true);
        }
      }
    }
  },
);

/** Resident bytes of the mapping that holds the heap; the system may have joined others to it. */
function residentBytes(capacityBytes: number): number {
  const entries = readFileSync("/proc/self/smaps", "utf8").split(/\n(?=[0-9a-f]+-)/);
  const own = entries.find(
    (entry) => Number(/Size: +(\d+)/.exec(entry)?.[1]) >= capacityBytes / 1024,
  );
  return Number(/Rss: +(\d+)/.exec(own ?? "")?.[1] ?? Number.NaN) * 1024;
}

it("what the heap counts as committed is what the operating system counts", () => {
  if (process.platform !== "linux") return;
  const heap = Heap.create();
  const { capacityBytes } = heap.stats();
  const before = residentBytes(capacityBytes);
  const { words, slots } = readTrace("sqlite");
  const ptrs = new Array<ReturnType<typeof heap.malloc>>(slots);
  for (let at = 0; at < words.length; at += 2) {
    const [word = 0, size = 0] = [words[at], words[at + 1]];
    const slot = word & 0x3fffffff;
    const old = ptrs[slot] as ReturnType<typeof heap.malloc>;
    if (word >>> 30 === 1) heap.free(old);
    else {
      const ptr = word >>> 30 === 0 ? heap.malloc(size) : heap.realloc(old, size);
      heap.u8.fill(1, ptr, ptr + size);
      ptrs[slot] = ptr;
    }
  }
  const resident = residentBytes(capacityBytes) - before;
  const counted = heap.stats().peakCommittedBytes;
  expect(resident / counted).toBeGreaterThan(0.95);
  expect(resident / counted).toBeLessThan(1.05);
});

it("bench:native refuses a pattern for no case", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...STUDY, "--only", "zz"], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("it takes a pattern that matches some of: trace sqlite");
});

it("the cases have scripts that can be run", () => {
  for (const { group, name, build, sliceRuns } of listCases(2000)) {
    const { words, repeat, tight } = build();
    expect([group, name, words.length > 0, repeat > 0].every(Boolean)).toBe(true);
    const isTight = group === "fixed" || group === "random";
    expect([tight !== undefined, (sliceRuns ?? 0) > 0]).toEqual([isTight, isTight]);
  }
});
