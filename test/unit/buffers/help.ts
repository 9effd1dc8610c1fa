import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { expect } from "vitest";
import {
  BufferError,
  type BufferErrorCode,
  BufferPool,
  BytesPool,
} from "../../../src/buffers/index.js";
import { Heap, SharedHeap } from "../../../src/index.js";

export const CAPACITY_BYTES = 2 ** 22;

export interface Pools {
  readonly heap: Heap;
  readonly buffers: BufferPool;
  readonly bytes: BytesPool;
}

export function newPools(heap: Heap = Heap.create({ capacity: CAPACITY_BYTES })): Pools {
  return { heap, buffers: new BufferPool(heap), bytes: new BytesPool(heap) };
}

export function newShared(): SharedHeap {
  return SharedHeap.create({ capacity: CAPACITY_BYTES, maxWorkers: 4 });
}

/** Allocates buffers of one size until it gets the block at `ptr`, and frees the others. */
export function takeAgain(pool: BufferPool, size: number, ptr: number): Uint8Array {
  const others: Uint8Array[] = [];
  for (;;) {
    const view = pool.allocUnsafe(size);
    if (view.byteOffset === ptr) {
      for (const other of others) pool.free(other);
      return view;
    }
    others.push(view);
  }
}

export interface Checked {
  drain(): void;
  verify(): void;
  stats(): { readonly live: { readonly blocks: number } };
}

export function liveBlocks(heap: Checked): number {
  return heap.stats().live.blocks;
}

/** Checks that nothing is live and that the heap verifies. */
export function expectNothingLeft(heap: Checked): void {
  heap.drain();
  heap.verify();
  expect(liveBlocks(heap)).toBe(0);
}

/** Returns the BufferError that an action throws. */
export function refusal(code: BufferErrorCode, action: () => unknown): BufferError {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  if (!(error instanceof BufferError)) {
    throw new Error(`expected a BufferError ${code}, got ${String(error)}`);
  }
  expect(error.name).toBe("BufferError");
  expect(error.code, error.message).toBe(code);
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.message).not.toMatch(/undefined to|to NaN|\[object/);
  return error;
}

/** Values that are neither bytes nor a ptr nor a handle. */
export const HOSTILE: readonly unknown[] = [
  null,
  undefined,
  Number.NaN,
  -1,
  1.5,
  12345n,
  true,
  Symbol("hostile"),
  {},
  { length: -1 },
  { length: Number.NaN },
  { length: "3" },
  { byteOffset: 65536, length: 16, byteLength: 16 },
  () => 1,
];

/** Returns the sources as one module, for processes and workers that the tests start. */
export async function bundleSources(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), "hakmem-buffers-")), "hakmem.mjs");
  const contents = [
    'export * from "./src/index.js";',
    'export * from "./src/buffers/index.js";',
    'export * from "./src/node/pool.js";',
  ].join("\n");
  await build({
    stdin: { contents, resolveDir: resolve("."), loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    outfile,
    logLevel: "error",
  });
  return pathToFileURL(outfile).href;
}
