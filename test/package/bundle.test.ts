import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transform } from "esbuild";
import { expect, it } from "vitest";
import { Heap as Sources } from "../../src/index.js";
import { deepIt } from "../support/deep.js";

const bundle = readFileSync("dist/index.js", "utf8");

it("stands alone and can be required", () => {
  expect(bundle).not.toMatch(/^import\b/m);
  const { Heap } = createRequire(import.meta.url)("../../dist/index.js") as {
    Heap: { create(): { malloc(size: number): number } };
  };
  expect(Heap.create().malloc(64)).toBeGreaterThan(0);
});

it("opens the heaps of its sources, and they its own: both have one fingerprint", async () => {
  const built = await import("../../dist/index.js");
  const options = { capacity: 2 ** 20 };
  expect(() => Sources.open(built.Heap.create(options).buffer)).not.toThrow();
  expect(() => built.Heap.open(Sources.create(options).buffer)).not.toThrow();
});

it("keeps top-level names constant, so that V8 can put them into machine code", () => {
  expect(bundle).not.toMatch(/^var \w/m);
});

it.each(["index", "trace", "buffers", "internal/buffers", "codec", "node"])(
  "assigns to no constant: %s",
  async (name) => {
    const { warnings } = await transform(readFileSync(`dist/${name}.js`, "utf8"));
    expect(warnings).toEqual([]);
  },
);

const LOOP = `
import { Heap } from "./dist/index.js";
const heap = Heap.create({ capacity: 2 ** 24 });
const ptrs = new Int32Array(600);
function churn() {
  for (let i = 0; i < 600; i++) ptrs[i] = heap.malloc((i * 37) % 3000);
  for (let i = 0; i < 600; i += 8) ptrs[i] = heap.realloc(ptrs[i], 64);
  for (let i = 0; i < 600; i++) heap.free(ptrs[i]);
}
for (let round = 0; round < 3000; round++) churn();
`;

deepIt("is inlined where it is hot, and not where it is cold", () => {
  const argv = ["--trace-turbo-inlining", "--input-type=module", "--eval", LOOP];
  const trace = execFileSync(process.execPath, argv, { encoding: "utf8", maxBuffer: 2 ** 26 });
  const inlined = trace.split("\n").filter((line) => /^Inlining 0x.*into.*churn/.test(line));
  expect(inlined.length).toBeGreaterThanOrEqual(2);
  expect(inlined.join("\n")).not.toMatch(/mallocSlow|freeSlow|realloc/);
});
