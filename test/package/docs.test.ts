import { execFileSync, execSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deepDescribe } from "../support/deep.js";
import { cleanEnv, makeInstalled } from "../support/install.js";
import { brokenLinks } from "../support/links.js";

/** Returns the JavaScript examples of a page. What a line prints stands behind `//` at its end. */
function examplesOf(file: string): string[] {
  const blocks = readFileSync(file, "utf8").matchAll(/^```js\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, code = ""]) => code);
}

function promisedOutput(code: string): string[] {
  const lines = code.split("\n").filter((line) => line.trimStart().startsWith("console.log("));
  return lines.flatMap((line) => /\/\/ (.*)$/.exec(line)?.[1] ?? []);
}

function run(code: string): string[] {
  const folder = makeInstalled("hakmem-docs-");
  try {
    writeFileSync(join(folder, "example.mjs"), code);
    const options = { encoding: "utf8", cwd: folder } as const;
    return execFileSync(process.execPath, ["example.mjs"], options).trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns the pages of a folder. */
function pagesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

const pages = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  ...pagesOf("docs"),
  ...pagesOf("examples"),
];

describe.each(pages)("%s", (page) => {
  const examples = examplesOf(page);
  it.each(examples.map((code, index) => [index + 1, code] as const))("example %i", (_, code) => {
    const output = run(code);
    const promised = promisedOutput(code);
    expect(output.slice(0, promised.length)).toEqual(promised);
  });
  it("has links that lead somewhere", () => {
    expect(brokenLinks(page)).toEqual([]);
  });
});

it("a link to a file or a heading that is not there is found", () => {
  const folder = makeInstalled("hakmem-links-");
  try {
    const page = join(folder, "page.md");
    writeFileSync(page, "# A `b:c` d\n[x](#a-bc-d) [x](#nothing) [x](gone.md)\n");
    expect(brokenLinks(page)).toEqual(["#nothing", "gone.md"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("the README has an example of ten lines", () => {
  const [first = ""] = examplesOf("README.md");
  expect(promisedOutput(first).length).toBeGreaterThan(0);
  expect(first.trim().split("\n").length).toBeLessThanOrEqual(12);
});

/** Flags that make a subcommand quick, because no test here asks how fast it is. */
const QUICK: Readonly<Record<string, string>> = {
  bench: "--rounds 2 --round-ms 2",
  ab: "--iterations 2 --round-ms 2",
  profile: "--seconds 1",
  tune: "--budget 10",
};

/** Returns a page's commands in their order, because later ones use what earlier ones write. */
function commandsOf(file: string): string[] {
  const blocks = readFileSync(file, "utf8").matchAll(/^```sh\n([\s\S]*?)^```/gm);
  const lines = [...blocks].flatMap(([, text = ""]) =>
    text
      .replace(/\\\n\s*/g, "")
      .trim()
      .split("\n"),
  );
  return lines.filter((line) => /^(HAKMEM_\w+=\S+ )?(npx )?hakmem /.test(line));
}

deepDescribe.each(["README.md", "docs/CLI.md"])("commands of %s", (page) => {
  let folder = "";
  beforeAll(() => {
    folder = makeInstalled("hakmem-docs-");
    copyFileSync("bench/traces/nginx.hkt.gz", join(folder, "trace.hkt.gz"));
    writeFileSync(join(folder, "app.js"), "for (let i = 0; i < 1e4; i++) Buffer.alloc(i % 512);");
    const bench = ["bench", "tiny-hot", "--rounds", "2", "--round-ms", "2"];
    const ab = ["ab", "--knob", "FAST_CAP=62,254", "--iterations", "2", "--round-ms", "2"];
    const image = [
      'const { Heap } = require("hakmem");',
      'require("fs").writeFileSync("heap.image", Heap.create({ capacity: 2 ** 20 }).snapshot());',
    ].join("");
    const cli = resolve("dist/cli.js");
    execFileSync(process.execPath, [cli, ...bench, "--json", "bench.json"], { cwd: folder });
    execFileSync(process.execPath, [cli, ...ab, "--json", "ab.json"], { cwd: folder });
    execFileSync(process.execPath, ["-e", image], { cwd: folder });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each(commandsOf(page))("%s", (line) => {
    const [, variables = "", words = ""] = /^(HAKMEM_\S+ )?(?:npx )?(.*)$/.exec(line) ?? [];
    const [, name = "", rest = ""] = /^hakmem (\w+)(.*?)(?: *#.*)?$/.exec(words) ?? [];
    const cli = `${process.execPath} ${resolve("dist/cli.js")}`;
    const options = { cwd: folder, env: cleanEnv(), encoding: "utf8" } as const;
    const command = `${variables}${cli} ${name} ${rest} ${QUICK[name] ?? ""}`;
    expect(execSync(command, { ...options, stdio: "pipe" }).length).toBeGreaterThan(0);
  });
});
