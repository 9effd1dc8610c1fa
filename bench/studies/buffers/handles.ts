/**
 * Small messages as `Bytes` beside Node's buffers: one is allocated and released, cut from a chunk
 * and released, or written and released. A buffer is left to the collector, which runs within the
 * time that is measured.
 */
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { Writer } from "hakmem/codec";
import type { Timed } from "../../measure/inProcess.js";

const SIZE = 64;
const CHUNK = 4096;
/** Where in the chunk a message is cut: below this, in steps of 1. */
const STARTS = 1024;

/** Keeps a buffer, so that the engine cannot leave it out. */
export let kept: Uint8Array = new Uint8Array(0);

function newPool(): BytesPool {
  return new BytesPool(Heap.create({ capacity: 2 ** 24 }));
}

function allocated(): Timed[] {
  const pool = newPool();
  return [
    {
      name: "BytesPool",
      run(times) {
        for (let step = 0; step < times; step++) pool.allocUnsafe(SIZE).release();
      },
    },
    {
      name: "Buffer",
      run(times) {
        for (let step = 0; step < times; step++) kept = Buffer.allocUnsafe(SIZE);
      },
    },
  ];
}

function cut(): Timed[] {
  const bytes = newPool().alloc(CHUNK);
  const buffer = Buffer.alloc(CHUNK);
  return [
    {
      name: "BytesPool",
      run(times) {
        for (let step = 0; step < times; step++) {
          const start = step % STARTS;
          bytes.slice(start, start + SIZE).release();
        }
      },
    },
    {
      name: "Buffer",
      run(times) {
        for (let step = 0; step < times; step++) {
          const start = step % STARTS;
          kept = buffer.subarray(start, start + SIZE);
        }
      },
    },
  ];
}

function written(): Timed[] {
  const writer = new Writer(Heap.create({ capacity: 2 ** 24 }), { initial: SIZE });
  return [
    {
      name: "BytesPool",
      run(times) {
        for (let step = 0; step < times; step++) {
          writer.u32be(step);
          writer.finish().release();
        }
      },
    },
    {
      name: "Buffer",
      run(times) {
        for (let step = 0; step < times; step++) {
          const buffer = Buffer.allocUnsafe(SIZE);
          buffer.writeUInt32BE(step);
          kept = buffer.subarray(0, 4);
        }
      },
    },
  ];
}

/** What is measured, by the name of its case. */
const CASES: Readonly<Record<string, () => Timed[]>> = {
  alloc: allocated,
  slice: cut,
  write: written,
};

/** @throws Error for a case that there is not */
export function handles(name: string): Timed[] {
  const make = CASES[name];
  if (make === undefined) throw new Error(`there is no case ${name}`);
  return make();
}
