import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BufferPool, BytesPool } from "../../../src/buffers/index.js";
import type { Ptr, SharedHeap } from "../../../src/index.js";
import { bundleSources, expectNothingLeft, newShared } from "./help.js";

/*
 * A worker that adopts what it is sent, checks and releases it, and answers each message with bytes
 * of its own, which it hands off.
 */
const SOURCE = `
import { parentPort, workerData } from "node:worker_threads";
import { BufferPool, BytesPool, SharedHeap } from "./hakmem.mjs";
const heap = SharedHeap.attach(workerData.heap);
const pool = new BytesPool(heap);
const buffers = new BufferPool(heap);
parentPort.on("message", ({ given, fill, view }) => {
  if (view !== undefined) {
    const adopted = buffers.adopt(view.ptr, view.length);
    const isRight = adopted.every((byte) => byte === fill);
    buffers.free(adopted);
    heap.drain();
    const answer = buffers.allocUnsafe(view.length).fill(fill + 1);
    parentPort.postMessage({ isRight, ptr: answer.byteOffset, length: answer.length });
    return;
  }
  if (given === undefined) {
    heap.detach();
    parentPort.close();
    return;
  }
  const bytes = pool.adopt(given.ptr, given.length);
  const isRight = bytes.equals(new Uint8Array(given.length).fill(fill));
  const half = bytes.split(given.length >> 1);
  const turned = bytes.concat(half);
  bytes.release();
  half.release();
  const answer = turned.compact();
  turned.release();
  answer.set(0, fill + 1);
  parentPort.postMessage({ isRight, ...answer.handOff() });
});
`;

interface Answer {
  readonly isRight: boolean;
  readonly ptr: Ptr;
  readonly length: number;
}

const SIZES = [1, 16, 100, 1000, 5000, 40_000, 65_536, 65_537, 200_000];

let heap: SharedHeap;
let worker: Worker;

async function ask(message: unknown): Promise<Answer> {
  worker.postMessage(message);
  const [answer] = await once(worker, "message");
  return answer as Answer;
}

beforeAll(async () => {
  heap = newShared();
  const base = await bundleSources();
  const script = SOURCE.replace("./hakmem.mjs", base);
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  worker = new Worker(url, { workerData: { heap: heap.buffer } });
});

afterAll(async () => {
  await worker.terminate();
});

it("Bytes go to another worker, which releases them, and its own come here", async () => {
  const pool = new BytesPool(heap, { leakDetection: "all" });
  for (let round = 0; round < 20; round++) {
    for (const size of SIZES) {
      const given = pool.from(new Uint8Array(size).fill(round)).handOff();
      const answer = await ask({ given, fill: round });
      expect(answer.isRight).toBe(true);
      const bytes = pool.adopt(answer.ptr, answer.length);
      const expected = new Uint8Array(size).fill(round);
      expected[0] = round + 1;
      expect(bytes.equals(expected)).toBe(true);
      bytes.release();
    }
  }
});

it("so do buffers, and the pool of each worker has views of its own", async () => {
  const pool = new BufferPool(heap);
  for (let round = 0; round < 10; round++) {
    for (const size of SIZES) {
      const view = pool.allocUnsafe(size).fill(round);
      const { isRight, ptr } = await ask({
        view: { ptr: view.byteOffset, length: size },
        fill: round,
      });
      expect(isRight).toBe(true);
      const theirs = pool.adopt(ptr, size);
      expect(theirs.every((byte) => byte === round + 1)).toBe(true);
      pool.free(theirs);
    }
  }
});

it("in the end nothing is live, and the heap verifies", async () => {
  const ended = once(worker, "exit");
  worker.postMessage({});
  await ended;
  expectNothingLeft(heap);
  expect(heap.stats().slabs.inUse).toBe(0);
});
