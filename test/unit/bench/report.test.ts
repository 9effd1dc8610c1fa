import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command } from "commander";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { InspectResult } from "../../../bench/base/results.js";
import { RunError } from "../../../bench/base/session.js";
import { registerInspect } from "../../../bench/command/inspect.js";
import { registerReport } from "../../../bench/command/report.js";
import { parseResult } from "../../../bench/report/check.js";
import { renderReport, writeReport } from "../../../bench/report/write.js";
import { buildInspect, fragmentationOf, SLAB_BYTES } from "../../../bench/subject/heapMap.js";
import { Heap, SharedHeap } from "../../../src/index.js";
import {
  abResult,
  benchResult,
  inspectResult,
  profileResult,
  tuneResult,
  usedHeap,
} from "../../support/results.js";

const folder = mkdtempSync(join(tmpdir(), "hakmem-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

const stdout: string[] = [];
const stderr: string[] = [];
beforeEach(() => {
  stdout.length = 0;
  stderr.length = 0;
  vi.spyOn(console, "log").mockImplementation((line: string) => void stdout.push(line));
  vi.spyOn(process.stderr, "write").mockImplementation((line) => stderr.push(String(line)) > 0);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

function run(...argv: string[]): void {
  const program = new Command().exitOverride();
  const session = { signal: new AbortController().signal, options: {} };
  registerReport(program, session);
  registerInspect(program, session);
  program.parse(argv, { from: "user" });
}

function fileOf(name: string, content: string | Uint8Array): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** What the page will read. */
function dataOf(html: string): unknown {
  const [, json = ""] = /<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(html) ?? [];
  return JSON.parse(json);
}

const RESULTS = {
  bench: benchResult(),
  ab: abResult(),
  tune: tuneResult(),
  profile: profileResult(),
  inspect: inspectResult(40),
};

describe("the page", () => {
  it("holds its data unchanged, whatever is in it", () => {
    const evil = '</script><script>alert(1)</script><!-- "&\u2028';
    const result = { ...RESULTS.bench, notes: [evil] };
    const html = renderReport([result], evil);
    expect(dataOf(html)).toEqual({ title: evil, results: [result] });
    expect(html).not.toContain("<script>alert");
    expect(html.match(/<\/script>/g)).toHaveLength(2);
    expect(html).toContain("<title>&#60;/script&#62;");
  });

  it("forbids every request", () => {
    const html = renderReport([RESULTS.bench]);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/<(link|img|iframe)|\bsrc=/);
  });

  it("cannot be written where no folder is", () => {
    const file = join(folder, "none", "page.html");
    expect(() => writeReport([RESULTS.bench], file)).toThrow(RunError);
    expect(() => writeReport([RESULTS.bench], file)).toThrow(/^cannot write .*ENOENT/);
  });
});

describe("hakmem report", () => {
  it.each(Object.entries(RESULTS))("takes a result of %s", (name, result) => {
    const output = join(folder, `${name}.html`);
    run("report", fileOf(`${name}.json`, JSON.stringify(result)), "-o", output, "--title", "T");
    expect(dataOf(readFileSync(output, "utf8"))).toEqual({ title: "T", results: [result] });
    expect(stdout).toEqual([`${output}: 1 of 1 results`]);
    expect(process.exitCode).toBeUndefined();
  });

  it("says what is wrong with a file, in a line each, and draws the others", () => {
    const json = JSON.stringify(RESULTS.bench);
    const files = [
      fileOf("good.json", json),
      fileOf("cut.json", json.slice(0, 500)),
      fileOf("foreign.json", '{"name":"other"}'),
      fileOf("list.json", "[1]"),
      fileOf("null.json", "null"),
      fileOf("empty.json", ""),
      fileOf("binary.json", new Uint8Array([104, 0, 27, 91, 50, 74, 255, 10])),
      fileOf("damaged.json", json.replace('"opsPerSecond"', '"ops"')),
      fileOf("newer.json", json.replace('"version":1', '"version":2')),
      join(folder, "missing.json"),
      folder,
    ];
    const output = join(folder, "some.html");
    run("report", ...files, "-o", output);
    expect(process.exitCode).toBe(1);
    expect(stdout).toEqual([`${output}: 1 of 11 results`]);
    const expected = [
      /cut\.json: is no JSON, or cut off: /,
      /foreign\.json: is no result of hakmem/,
      /list\.json: is no result/,
      /null\.json: is no result/,
      /empty\.json: is empty/,
      /binary\.json: is no JSON/,
      /damaged\.json: is a damaged result of hakmem bench: subjects\[0]\.opsPerSecond is missing/,
      /newer\.json: .*version is 2; it takes 1/,
      /missing\.json: ENOENT/,
      /EISDIR/,
    ];
    expect(stderr).toHaveLength(expected.length);
    expected.forEach((pattern, at) => {
      expect(stderr[at]).toMatch(pattern);
      expect(stderr[at]?.trimEnd()).not.toMatch(/\p{C}/u);
    });
  });

  it("writes no page of no result", () => {
    const output = join(folder, "nothing.html");
    const file = fileOf("bad.json", "{");
    expect(() => run("report", file, "-o", output)).toThrow(RunError);
    expect(() => readFileSync(output)).toThrow();
  });

  it("checks every field that a page reads", () => {
    const visit = (value: unknown, path: (string | number)[]): (string | number)[][] =>
      typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([name, own]) => visit(own, [...path, name]))
        : [path];
    const result = { ...benchResult(2), skipped: [], notes: [] };
    for (const path of visit(result, [])) {
      const copy = JSON.parse(JSON.stringify(result)) as Record<string | number, unknown>;
      let at = copy;
      for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
      at[path.at(-1) ?? ""] = { wrong: true };
      expect(() => parseResult(JSON.stringify(copy)), path.join(".")).toThrow(/^is /);
    }
  });
});

describe("the heap map", () => {
  const heap = usedHeap(60);
  const result = buildInspect(heap, "file");
  const stats = heap.stats();
  const sum = (read: (tile: (typeof result.slabs)[number]) => number): number =>
    result.slabs.reduce((total, tile) => total + read(tile), 0);

  it("counts what the statistics count", () => {
    expect(sum(({ slabs }) => slabs)).toBe(stats.slabs.inUse);
    expect(sum(({ live }) => live)).toBe(stats.live.blocks);
    expect(sum(({ cached }) => cached)).toBe(stats.cached.blocks);
    expect(sum(({ free }) => free)).toBe(stats.free.blocks);
    expect(sum(({ live, blockBytes }) => live * blockBytes)).toBe(stats.live.bytes);
    for (const own of stats.classes) {
      const tiles = result.slabs.filter((tile) => tile.blockBytes === own.blockBytes);
      expect(tiles).toHaveLength(own.slabs);
      expect(tiles.reduce((total, { live }) => total + live, 0)).toBe(own.live.blocks);
    }
  });

  it("has the slabs in address order, and every block of each", () => {
    let end = stats.metadataBytes;
    for (const tile of result.slabs) {
      expect(tile.ptr).toBeGreaterThanOrEqual(end);
      expect(tile.ptr % SLAB_BYTES).toBe(0);
      expect(tile.blocks).toHaveLength(tile.live + tile.cached + tile.free);
      end = tile.ptr + tile.slabs * SLAB_BYTES;
    }
    expect(end).toBeLessThanOrEqual(stats.capacityBytes);
    expect(result.slabs.some(({ slabs }) => slabs > 1)).toBe(true);
  });

  it("gives the share that is not live as fragmentation", () => {
    const inUseBytes = stats.slabs.inUse * SLAB_BYTES;
    expect(result.fragmentation).toBeCloseTo(1 - stats.live.bytes / inUseBytes, 12);
    expect(fragmentationOf(Heap.create({ capacity: 2 ** 20 }).stats())).toBe(0);
  });
});

describe("hakmem inspect", () => {
  const heap = usedHeap(30);
  const image = fileOf("image.hkms", heap.snapshot());

  it("prints the summary and three tables, and writes result and page", () => {
    const [json, html] = [join(folder, "inspect.json"), join(folder, "inspect.html")];
    run("inspect", image, "--json", json, "--html", html, "--top", "3");
    const text = stdout.join("\n");
    const { live, slabs } = heap.stats();
    expect(text).toContain(`${live.blocks.toLocaleString("en-US")} blocks`);
    expect(text).toContain(`${slabs.inUse} in use`);
    expect(text).toContain("share of the slabs in use that is not live");
    for (const title of ["Classes", "Slabs with the lowest fill", "Live blocks by size"]) {
      expect(text).toContain(title);
    }
    const result = parseResult(readFileSync(json, "utf8"));
    expect(dataOf(readFileSync(html, "utf8"))).toMatchObject({ results: [result] });
  });

  it("takes a compressed image", () => {
    const [json, packed] = [join(folder, "gz.json"), fileOf("i.gz", gzipSync(heap.snapshot()))];
    run("inspect", packed, "--json", json);
    const result = parseResult(readFileSync(json, "utf8"));
    expect(result).toMatchObject({ slabs: buildInspect(heap, packed).slabs });
  });

  it("takes an empty heap", () => {
    const empty = fileOf("empty.hkms", Heap.create({ capacity: 2 ** 20 }).snapshot());
    run("inspect", empty);
    expect(stdout.join("\n")).toContain("0 in use");
  });

  it("takes a heap that workers share, and shows each of them as it was", () => {
    const first = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 3 });
    const second = SharedHeap.attach(first.buffer);
    const own = Array.from({ length: 100 }, () => first.malloc(100));
    second.malloc(5000);
    for (const ptr of own.slice(0, 10)) second.free(ptr);
    const before = first.stats();
    const [file, json] = [fileOf("shared.hkms", first.snapshot()), join(folder, "shared.json")];
    run("inspect", file, "--json", json);
    const { stats, fragmentation } = parseResult(readFileSync(json, "utf8")) as InspectResult;
    expect(stats).toMatchObject({ live: before.live, inTransit: before.inTransit, maxWorkers: 3 });
    expect("workers" in stats && stats.workers).toEqual(before.workers);
    expect(fragmentation).toBe(fragmentationOf(before));
    run("inspect", file);
    expect(stdout.join("\n")).toContain("Workers: 2 attached of 3; 10 blocks on their way home");
    const third = SharedHeap.attach(first.buffer);
    run("inspect", fileOf("full.hkms", first.snapshot()));
    expect(stdout.join("\n")).toContain("Workers: 1 attached of 3; 0 blocks on their way home");
    for (const heap of [first, second, third]) heap.detach();
  });

  it.each([
    ["nothing", new Uint8Array(0), /snapshot length/],
    ["text", new TextEncoder().encode("no heap image, this. "), /snapshot/],
    ["half", heap.snapshot().slice(0, 4000), /snapshot checksum/],
    ["half.gz", gzipSync(heap.snapshot()).subarray(0, 300), /unexpected end of file/],
  ])("says in one line what is wrong with an image: %s", (name, bytes, pattern) => {
    const file = fileOf(`bad-${name}`, bytes);
    let error: unknown;
    try {
      run("inspect", file);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RunError);
    expect((error as Error).message).toMatch(pattern);
    expect((error as Error).message).not.toContain("\n");
  });

  it("refuses a missing file, and a senseless --top", () => {
    expect(() => run("inspect", join(folder, "none"))).toThrow(/ENOENT/);
    expect(() => run("inspect", image, "--top", "0")).toThrow(/takes an integer from 1/);
    expect(() => run("inspect", image, "--top", "x")).toThrow(/takes an integer from 1/);
  });
});
