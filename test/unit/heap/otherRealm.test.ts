import vm from "node:vm";
import { expect, it } from "vitest";
import { Heap, SharedHeap } from "../../../src/index.js";
import { thrown, wrong } from "../help.js";

function ofOtherRealm<T>(source: string): T {
  return vm.runInNewContext(source) as T;
}

it.each(["ArrayBuffer", "SharedArrayBuffer"])("a heap lives in an %s of another realm", (kind) => {
  const buffer = ofOtherRealm<ArrayBuffer>(`new ${kind}(2 ** 20)`);
  const heap = Heap.over(buffer);
  const ptr = heap.malloc(100);
  heap.u8[ptr] = 7;
  heap[Symbol.dispose]();
  const again = Heap.open({ buffer });
  expect(again.u8[ptr]).toBe(7);
  again.free(ptr);
});

it("a shared heap is attached in a buffer of another realm", () => {
  const image = SharedHeap.create({ capacity: 2 ** 20 });
  const buffer = ofOtherRealm<SharedArrayBuffer>("new SharedArrayBuffer(2 ** 20)");
  new Uint8Array(buffer).set(image.u8);
  const heap = SharedHeap.attach(buffer);
  heap.free(heap.malloc(10));
  heap.detach();
  thrown(() => SharedHeap.attach(ofOtherRealm("new ArrayBuffer(2 ** 20)")), "ERR_INVALID_ARGUMENT");
});

it("snapshots of another realm are restored", () => {
  for (const kind of [Heap, SharedHeap]) {
    const heap = kind.create({ capacity: 2 ** 20 });
    const ptr = heap.malloc(10);
    const list = [...heap.snapshot()];
    const snapshot = ofOtherRealm<Uint8Array>(`Uint8Array.of(${list})`);
    const restored = kind.restore(snapshot);
    expect(restored.classify(ptr)).toBe("tiny");
  }
});

it("ptrs are in arrays of another realm", () => {
  const heap = Heap.create({ capacity: 2 ** 20 });
  for (const kind of ["Int32Array", "Uint32Array", "Float64Array"]) {
    const ptrs = ofOtherRealm<Int32Array>(`new ${kind}(3)`);
    heap.mallocBatch(10, 3, ptrs);
    heap.freeBatch(ptrs, 3);
  }
  expect(heap.stats().live.blocks).toBe(0);
});

it("what only says that it is a buffer is refused", () => {
  for (const tag of ["ArrayBuffer", "SharedArrayBuffer"]) {
    const forged = { [Symbol.toStringTag]: tag, byteLength: 2 ** 20 };
    thrown(() => Heap.over(wrong(forged)), "ERR_INVALID_ARGUMENT");
    thrown(() => Heap.over(wrong({ buffer: forged })), "ERR_INVALID_ARGUMENT");
  }
  thrown(() => Heap.restore(wrong({ [Symbol.toStringTag]: "Uint8Array" })), "ERR_BAD_HEAP_IMAGE");
});
