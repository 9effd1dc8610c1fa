import { BufferPool, BytesPool } from "../../../src/buffers/index.js";
import { Writer } from "../../../src/codec/index.js";
import { Heap, SharedHeap } from "../../../src/index.js";

const CAPACITY_BYTES = 2 ** 20;

/** Makes a value anew, because a call may change it or end it. */
export type Make = () => unknown;

export const newHeap = (): Heap => Heap.create({ capacity: CAPACITY_BYTES });
export const newShared = (): SharedHeap => SharedHeap.create({ capacity: 2 ** 20, maxWorkers: 2 });
export const newPool = (): BytesPool => new BytesPool(newHeap());

function released(): unknown {
  const bytes = newPool().from("released");
  bytes.release();
  return bytes;
}

function detachedArray(): Uint8Array {
  const array = new Uint8Array(8);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** Every kind of value that a program may pass by mistake, and objects of the library. */
export const VALUES: readonly Make[] = [
  ...[undefined, null, Number.NaN, -1, -0, 1, 1.5, 8, 255, 2 ** 31, 2 ** 53, Infinity].map(
    (value) => () => value,
  ),
  ...["", "\0", "8", 10n, -1n, true, Symbol("symbol")].map((value) => () => value),
  () => ({}),
  () => Object.create(null),
  () => ({ length: 3 }),
  () => ({ length: -1, buffer: 1, byteLength: Number.NaN }),
  () => [],
  () => [1, "2", null],
  () => () => 1,
  () => class {},
  () => new Map(),
  () => new Date(Number.NaN),
  () => /x/,
  () => Promise.resolve(1),
  () => new Uint8Array(5),
  () => new Uint16Array(5),
  () => new DataView(new ArrayBuffer(5)),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  detachedArray,
  () => ({ [Symbol.toStringTag]: "Uint8Array", length: 2 }),
  () => Object.create(Uint8Array.prototype),
  newHeap,
  newShared,
  newPool,
  () => new BufferPool(newHeap()),
  () => newPool().from("bytes"),
  () => {
    const bytes = newPool().from("chain");
    return bytes.concat(bytes);
  },
  released,
  () => new Writer(newHeap()),
];
