import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { bundleSources } from "./help.js";

/*
 * In a process of its own: warms up until each block has its view, collects, works three times, and
 * counts what the JavaScript heap has grown by and the collections that began meanwhile.
 */
const PROGRAM = `
import { performance, PerformanceObserver } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
const { BufferPool, Heap, NodeBufferPool } = await import(process.argv[1]);

const heap = Heap.create({ capacity: 2 ** 26 });
const pools = [new BufferPool(heap), new NodeBufferPool(heap)];
const sizes = [16, 64, 100, 1000, 4096, 16384, 65536];

function work(pool, rounds) {
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < sizes.length; index++) {
      const size = sizes[index];
      const first = pool.allocUnsafe(size);
      const second = pool.alloc(size);
      first[0] = second[0] + 1;
      pool.free(first);
      pool.free(second);
    }
  }
}

const results = [];
const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ["gc"] });
for (const pool of pools) {
  for (let round = 0; round < 10; round++) work(pool, 2000);
  await setTimeout(20);
  gc();
  gc();
  const grown = [];
  const start = performance.now();
  for (let turn = 0; turn < 3; turn++) {
    const before = process.memoryUsage().heapUsed;
    work(pool, 20_000);
    grown.push(process.memoryUsage().heapUsed - before);
  }
  const end = performance.now();
  // Buffers would allocate in each turn. V8 allocates only in one, when it compiles.
  const grownBytes = Math.min(...grown);
  await setTimeout(20);
  const within = collections.filter(({ startTime }) => startTime >= start && startTime < end);
  results.push({ grownBytes, collections: within.length });
}
heap.verify();
console.log(JSON.stringify({ results, live: heap.stats().live.blocks }));
`;

it("280,000 buffers whose blocks have views allocate nothing on the JavaScript heap", async () => {
  const args = ["--expose-gc", "--input-type=module", "--eval", PROGRAM, await bundleSources()];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { results, live } = JSON.parse(stdout) as {
    results: { grownBytes: number; collections: number }[];
    live: number;
  };
  expect([results.length, live]).toEqual([2, 0]);
  for (const { grownBytes, collections } of results) {
    expect(grownBytes).toBeLessThan(100_000);
    expect(collections).toBe(0);
  }
});
