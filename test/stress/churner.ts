/**
 * A thread that attaches, allocates, frees all and detaches, again and again, until it is killed,
 * most likely while it attaches or detaches. It can also supervise such threads.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { SharedHeap as Heap, Ptr } from "../../dist/index.js";
import { random } from "./plan.js";
import { BEGUN, type Churner, supervise } from "./supervise.js";

const given = workerData as Churner;
const { SharedHeap } = (await import(given.module)) as { SharedHeap: typeof Heap };
const flags = new Int32Array(given.flags);

if (given.supervise !== undefined) {
  const heap = SharedHeap.attach(given.heap);
  const { module, script, seed } = given;
  const done = await supervise(heap, { module, script, seed, ...given.supervise });
  heap.detach();
  parentPort?.postMessage(done);
} else {
  churn(random(given.seed));
}

function churn(next: () => number): never {
  Atomics.store(flags, BEGUN, 1);
  Atomics.notify(flags, BEGUN);
  for (;;) {
    const heap = SharedHeap.attach(given.heap);
    const ptrs: Ptr[] = [];
    for (let count = next() * 12; count > 0; count--) {
      const ptr = heap.tryMalloc(Math.floor(next() ** 4 * 150_000));
      if (ptr !== 0) ptrs.push(ptr);
    }
    for (const ptr of ptrs) heap.free(ptr);
    heap.detach();
  }
}
