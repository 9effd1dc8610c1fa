import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { type HeapError, type Ptr, type Recovered, SharedHeap } from "../../dist/index.js";

const MODULE = JSON.stringify(pathToFileURL(resolve("dist/index.js")).href);

/** A worker that attaches, says its id, and runs the code of each message as an async function. */
const SOURCE = `
import { parentPort, workerData } from "node:worker_threads";
import { SharedHeap } from ${MODULE};
const flags = new Int32Array(workerData.flags);
let heap;
const kept = [];
const AsyncFunction = (async () => {}).constructor;
parentPort.on("message", async ({ id, code, given }) => {
  try {
    const run = new AsyncFunction("heap", "given", "flags", "kept", code);
    parentPort.postMessage({ id, value: await run(heap, given, flags, kept) });
  } catch (error) {
    parentPort.postMessage({ id, code: error.code ?? String(error) });
  }
});
try {
  heap = SharedHeap.attach(workerData.heap);
  parentPort.postMessage({ id: 0, value: heap.workerId });
} catch (error) {
  parentPort.postMessage({ id: 0, code: error.code ?? String(error) });
}
`;
const SCRIPT = new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`);

interface Answer {
  readonly id: number;
  readonly value?: number;
  readonly code?: string;
}

const helpers: Helper[] = [];

class Helper {
  readonly worker: Worker;
  readonly flags = new Int32Array(new SharedArrayBuffer(16));
  readonly attached: Promise<number>;
  private sent = 0;

  constructor(heap: SharedHeap) {
    const workerData = { heap: heap.buffer, flags: this.flags.buffer };
    this.worker = new Worker(SCRIPT, { workerData });
    this.worker.setMaxListeners(100);
    this.attached = this.answer(0);
    helpers.push(this);
  }

  run(code: string, given?: unknown): Promise<number> {
    const id = ++this.sent;
    this.worker.postMessage({ id, code, given });
    return this.answer(id);
  }

  async kill(): Promise<void> {
    await this.worker.terminate();
  }

  /** Waits until the worker's code has set its first flag. */
  async started(): Promise<void> {
    while (Atomics.load(this.flags, 0) === 0) await sleep(1);
  }

  private answer(id: number): Promise<number> {
    return new Promise((done, fail) => {
      const listen = (answer: Answer): void => {
        if (answer.id !== id) return;
        this.worker.off("message", listen);
        if (answer.code === undefined) done(answer.value ?? 0);
        else fail(new Error(answer.code));
      };
      this.worker.on("message", listen);
    });
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}

async function start(heap: SharedHeap): Promise<{ helper: Helper; id: number }> {
  const helper = new Helper(heap);
  return { helper, id: await helper.attached };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as HeapError).code;
  }
  return "";
}

/** Takes all slabs of a heap, as spans of one slab. */
function fillUp(heap: SharedHeap): Ptr[] {
  const ptrs: Ptr[] = [];
  for (let ptr = heap.tryMalloc(65_536); ptr !== 0; ptr = heap.tryMalloc(65_536)) ptrs.push(ptr);
  return ptrs;
}

const KEEP_BUSY = `
Atomics.store(flags, 0, 1);
while (Atomics.load(flags, 1) === 0) heap.free(heap.malloc(100));
return heap.malloc(100);
`;

afterEach(async () => {
  await Promise.all(helpers.splice(0).map((helper) => helper.kill()));
});

it("lets a worker attach by the buffer, and blocks be freed across workers", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const { helper, id } = await start(heap);
  expect(id).not.toBe(heap.workerId);
  const own = heap.malloc(1000);
  heap.u8.fill(7, own, own + 1000);
  await helper.run("if (heap.u8[given + 999] !== 7) throw Error('damage'); heap.free(given)", own);
  const code = "const ptr = heap.malloc(5000); heap.u8.fill(9, ptr, ptr + 5000); return ptr";
  const theirs = (await helper.run(code)) as Ptr;
  expect(heap.u8[theirs + 4999]).toBe(9);
  heap.free(theirs);
  expect(codeOf(() => heap.free(theirs))).toBe("ERR_DOUBLE_FREE");
  heap.drain();
  await helper.run("heap.drain(); heap.detach()");
  heap.drain();
  heap.verify();
  expect(heap.stats().slabs.inUse).toBe(0);
});

it("refuses to recover a living worker, idle or busy, and recovers a killed one", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const { helper, id } = await start(heap);
  for (let time = 0; time < 20; time++) {
    expect(codeOf(() => heap.recover(id))).toBe("ERR_WORKER_ALIVE");
    await helper.run("");
  }
  const result = helper.run(KEEP_BUSY);
  await helper.started();
  for (let time = 0; time < 20; time++) {
    expect(codeOf(() => heap.recover(id))).toBe("ERR_WORKER_ALIVE");
  }
  Atomics.store(helper.flags, 1, 1);
  const ptr = await result;
  // It waits anew for as often as it was asked, when its event loop comes to that.
  await helper.run("await new Promise((resolve) => setTimeout(resolve, 100))");
  expect(codeOf(() => heap.recover(id))).toBe("ERR_WORKER_ALIVE");
  await helper.kill();
  const { live, workerId } = heap.recover(id, { freeLive: true });
  expect({ live, workerId }).toEqual({ live: [ptr], workerId: id });
  expect(codeOf(() => heap.recover(id))).toBe("ERR_INVALID_WORKER");
  heap.verify();
  expect(heap.stats().slabs.inUse).toBe(0);
});

it.each([true, false])("guards a worker, with its id: %s", async (isNamed) => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const [victim, other] = [await start(heap), await start(heap)];
  const recovered: Recovered[] = [];
  const named = isNamed ? { workerId: victim.id } : {};
  heap.guard(victim.helper.worker, {
    ...named,
    freeLive: true,
    onRecover: (what) => recovered.push(what),
  });
  const busy = victim.helper.run(KEEP_BUSY);
  busy.catch(() => {});
  await victim.helper.started();
  const ptr = await other.helper.run("return heap.malloc(300)");
  await victim.helper.kill();
  expect(recovered.map(({ workerId }) => workerId)).toEqual([victim.id]);
  expect(heap.stats().workers.map(({ workerId }) => workerId)).toEqual([heap.workerId, other.id]);
  expect(heap.classify(ptr)).toBe("tiny");
  heap.verify();
});

it("recovers a worker whose event loop ended without a detach", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const code = `
    const { workerData } = require("node:worker_threads");
    import(${MODULE}).then(({ SharedHeap }) => SharedHeap.attach(workerData).malloc(500));
  `;
  const worker = new Worker(code, { eval: true, workerData: heap.buffer });
  const recovered: Recovered[] = [];
  heap.guard(worker, { onRecover: (what) => recovered.push(what) });
  await once(worker, "exit");
  expect(recovered).toHaveLength(1);
  expect(recovered[0]?.live).toHaveLength(1);
  heap.free(recovered[0]?.live[0] as Ptr);
  heap.drain();
  expect(heap.stats().slabs.inUse).toBe(0);
});

it("does not recover by a guard a worker that has detached", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const first = await start(heap);
  const recovered: Recovered[] = [];
  const onRecover = (what: Recovered): void => void recovered.push(what);
  heap.guard(first.helper.worker, { workerId: first.id, onRecover });
  await first.helper.run("heap[Symbol.dispose]()");
  const second = await start(heap);
  expect(second.id).toBe(first.id);
  await first.helper.kill();
  expect(recovered).toEqual([]);
  await second.helper.run("heap.free(heap.malloc(10))");
});

it("wakes a worker that waits in mallocWait when another frees and drains", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 4 });
  const { helper } = await start(heap);
  const ptrs = fillUp(heap);
  const wait = helper.run("Atomics.store(flags, 0, 1); return heap.mallocWait(65536)");
  await helper.started();
  await sleep(50);
  heap.free(ptrs.pop() as Ptr);
  heap.drain();
  expect(await wait).toBeGreaterThan(0);
  const late = helper.run("return heap.mallocWait(65536, { timeout: 30 })");
  await expect(late).rejects.toThrow("ERR_HEAP_EXHAUSTED");
  heap.verify();
});

it("serves mallocAsync by another worker's frees, first come first served", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 4 });
  const { helper } = await start(heap);
  const ptrs = fillUp(heap);
  const served: number[] = [];
  const waits = [0, 1, 2, 3].map(async (place) => {
    const ptr = await heap.mallocAsync(65_536);
    served.push(place);
    return ptr;
  });
  for (const ptr of ptrs.slice(0, 4)) {
    await sleep(15);
    await helper.run("heap.free(given); heap.drain()", ptr);
  }
  expect(new Set(await Promise.all(waits)).size).toBe(4);
  expect(served).toEqual([0, 1, 2, 3]);
  heap.verify();
});

const TAKE_TURNS = `
let got = 0;
Atomics.store(flags, 0, 1);
while (Atomics.load(flags, 1) === 0) {
  try {
    const ptr = heap.mallocWait(65536, { timeout: 200 });
    got++;
    Atomics.store(flags, 2, got);
    heap.free(ptr);
    heap.drain();
  } catch {}
}
return got;
`;

it("serves three waiting workers all, and a killed or stalled one stops nobody", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 6 });
  const all = [await start(heap), await start(heap), await start(heap)];
  const stalled = await start(heap);
  const doomed = await start(heap);
  const ptrs = fillUp(heap);
  // It draws the first ticket and does not come back to its event loop to use it.
  const stall = `
    void heap.mallocAsync(65536).then((ptr) => heap.free(ptr));
    Atomics.store(flags, 0, 1);
    Atomics.wait(flags, 1, 0);
  `;
  const end = stalled.helper.run(stall);
  await stalled.helper.started();
  doomed.helper.run("Atomics.store(flags, 0, 1); heap.mallocWait(65536)").catch(() => {});
  await doomed.helper.started();
  await sleep(30);
  await doomed.helper.kill();
  const runs = all.map(({ helper }) => helper.run(TAKE_TURNS));
  await Promise.all(all.map(({ helper }) => helper.started()));
  heap.free(ptrs.pop() as Ptr);
  heap.drain();
  const hasFewer = (): boolean => all.some(({ helper }) => Atomics.load(helper.flags, 2) < 3);
  while (hasFewer()) await sleep(5);
  for (const { helper } of [...all, stalled]) {
    Atomics.store(helper.flags, 1, 1);
    Atomics.notify(helper.flags, 1);
  }
  await end;
  for (const got of await Promise.all(runs)) expect(got).toBeGreaterThanOrEqual(3);
  expect(heap.recover(doomed.id).live).toEqual([]);
});

it("drains on a timer, so that a quiet worker keeps nothing", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 23, maxWorkers: 4 });
  const { helper } = await start(heap);
  await helper.run("heap.drainEvery(5); kept.push(...[1, 2, 3].map(() => heap.malloc(64)))");
  await helper.run("for (const ptr of kept) heap.free(ptr)");
  while (heap.stats().slabs.inUse > 0) await sleep(5);
  heap.verify();
});

const LIVES = `
import { Worker, isMainThread } from "node:worker_threads";
import { SharedHeap } from ${MODULE};
const heap = SharedHeap.create({ capacity: 2 ** 22, maxWorkers: 2 });
heap.drainEvery(10);
heap.free(heap.malloc(100));
`;
const IN_A_WORKER = `
import { Worker } from "node:worker_threads";
const source = ${JSON.stringify(LIVES)};
const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(source)));
worker.on("exit", () => console.log("over"));
`;

it("keeps no process and no worker alive", () => {
  const run = (code: string): string => {
    const argv = ["--input-type=module", "--eval", code];
    return execFileSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000 });
  };
  expect(run(LIVES)).toBe("");
  expect(run(IN_A_WORKER)).toBe("over\n");
});

it("attaches 63 workers beside the first at once, and refuses one more", async () => {
  const heap = SharedHeap.create({ capacity: 2 ** 25, maxWorkers: 64 });
  const all = Array.from({ length: 63 }, () => new Helper(heap));
  const ids = await Promise.all(all.map(({ attached }) => attached));
  expect(new Set([heap.workerId, ...ids]).size).toBe(64);
  await expect(new Helper(heap).attached).rejects.toThrow("ERR_NO_WORKER_SLOT");
  expect(codeOf(() => SharedHeap.attach(heap.buffer))).toBe("ERR_NO_WORKER_SLOT");
  await all[0]?.run("heap.detach()");
  const late = await start(heap);
  expect(late.id).toBe(ids[0]);
  heap.verify();
});
