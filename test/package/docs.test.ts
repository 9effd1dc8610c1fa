import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const BUNDLE = pathToFileURL(resolve("dist/index.js")).href;

/** The JavaScript examples of a page. What a line prints stands behind `//` at its end. */
function examplesOf(file: string): string[] {
  const blocks = readFileSync(file, "utf8").matchAll(/^```js\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, code = ""]) => code);
}

function promisedOutput(code: string): string[] {
  const lines = code.split("\n").filter((line) => line.trimStart().startsWith("console.log("));
  return lines.flatMap((line) => /\/\/ (.*)$/.exec(line)?.[1] ?? []);
}

function run(code: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "hakmem-docs-"));
  try {
    const file = join(folder, "example.mjs");
    writeFileSync(file, code.replaceAll('"hakmem"', JSON.stringify(BUNDLE)));
    return execFileSync(process.execPath, [file], { encoding: "utf8" }).trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const pages = ["README.md", ...readdirSync("docs").map((name) => `docs/${name}`)];

describe.each(pages.filter((page) => page.endsWith(".md")))("examples of %s", (page) => {
  const examples = examplesOf(page);
  it.each(examples.map((code, index) => [index + 1, code] as const))("example %i", (_, code) => {
    const output = run(code);
    const promised = promisedOutput(code);
    expect(output.slice(0, promised.length)).toEqual(promised);
  });
  it("was read", () => {
    expect(readFileSync(page, "utf8").length).toBeGreaterThan(0);
  });
});

it("the README has an example of ten lines", () => {
  const [first = ""] = examplesOf("README.md");
  expect(promisedOutput(first).length).toBeGreaterThan(0);
  expect(first.trim().split("\n").length).toBeLessThanOrEqual(12);
});
