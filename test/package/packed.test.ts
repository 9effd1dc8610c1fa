/** The package as `npm install` puts it into a program: its entries, its command, its files. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cleanEnv } from "../support/install.js";

const PACKAGE = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const ENTRIES = Object.keys(PACKAGE.exports).filter((name) => !name.endsWith(".json"));

const folder = mkdtempSync(join(tmpdir(), "hakmem-packed-"));
const installed = join(folder, "node_modules", "hakmem");

function run(command: string, args: readonly string[], cwd: string = folder): string {
  const options = { cwd, encoding: "utf8", env: cleanEnv(), stdio: "pipe" } as const;
  return execFileSync(command, args, options);
}

beforeAll(() => {
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const tarball = run("npm", pack, resolve(".")).trim();
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  const quiet = ["--offline", "--no-audit", "--no-fund", "--silent"];
  run("npm", ["install", ...quiet, join(folder, tarball)]);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it.each(ENTRIES)("the entry %s is imported", (entry) => {
  const name = JSON.stringify(join("hakmem", entry));
  const code = `console.log(Object.keys(await import(${name})).length)`;
  expect(Number(run(process.execPath, ["--input-type=module", "--eval", code]))).toBeGreaterThan(0);
});

it.each(ENTRIES)("the entry %s has its types", (entry) => {
  const { types } = PACKAGE.exports[entry] as { readonly types: string };
  expect(readFileSync(join(installed, types), "utf8")).toContain("export");
});

it("the entries work together", () => {
  const code = `
    import { Heap, SharedHeap } from "hakmem";
    import { BytesPool } from "hakmem/buffers";
    import { Writer } from "hakmem/codec";
    for (const heap of [Heap.create(), SharedHeap.create()]) {
      const bytes = new BytesPool(heap).from("bytes");
      const writer = new Writer(heap);
      writer.u16be(0x1234);
      const written = writer.finish();
      console.log(bytes.toString(), written.length);
      for (const each of [bytes, written]) each.release();
      writer[Symbol.dispose]();
      heap.drain();
      heap.verify();
      console.log(heap.stats().live.blocks);
    }`;
  const output = run(process.execPath, ["--input-type=module", "--eval", code]);
  expect(output).toBe("bytes 2\n0\nbytes 2\n0\n");
});

it("the command runs", () => {
  const command = join(folder, "node_modules", ".bin", "hakmem");
  expect(run(command, ["--version"])).toBe(`${PACKAGE.version}\n`);
  const quick = ["--rounds", "2", "--round-ms", "2", "--json", "-"];
  const output = run(command, ["bench", "tiny-hot", "64", "10", "100", ...quick]);
  expect(JSON.parse(output)).toMatchObject({ kind: "hakmem bench" });
});

it("holds what a program needs, and no sources", () => {
  const names = readdirSync(installed).sort();
  expect(names).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "package.json"]);
});
