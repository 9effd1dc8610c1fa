/**
 * Buffers of one size come and go. Either there is one at a time, or 256 are live, like those of
 * messages in flight, and each step frees one at random and allocates another. A subject that frees
 * nothing leaves it to the collector, which runs within the time that is measured.
 */

import { Heap } from "hakmem";
import { BufferPool } from "hakmem/buffers";
import { NodeBufferPool } from "hakmem/node";

const SEED = 0x9e3779b9;
const LIVE = 256;

export interface Allocator {
  readonly name: string;
  /** Allocates `steps` buffers of a size and frees each at once. Returns a sum over them. */
  pair(size: number, steps: number): number;
  /** Replaces one of 256 buffers of a size, `steps` times. Returns a sum over them. */
  churn(size: number, steps: number): number;
}

/** Which buffer each step replaces. It is the same for all subjects. */
const ORDER: Uint8Array = (() => {
  const order = new Uint8Array(65536);
  let state = SEED;
  for (let index = 0; index < order.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    order[index] = state >>> 24;
  }
  return order;
})();

/* The loops are written out for each subject, so that V8 sees the types of one in each loop. */

function pooled(): Allocator {
  const pool = new BufferPool(Heap.create({ capacity: 2 ** 26 }));
  return {
    name: "BufferPool",
    pair(size, steps) {
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = pool.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        pool.free(buffer);
      }
      return sum;
    },
    churn(size, steps) {
      const live = Array.from({ length: LIVE }, () => pool.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const index = ORDER[step & 65535] as number;
        pool.free(live[index] as Uint8Array<ArrayBuffer>);
        const buffer = pool.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        live[index] = buffer;
      }
      for (const buffer of live) pool.free(buffer);
      return sum;
    },
  };
}

function pooledNode(): Allocator {
  const pool = new NodeBufferPool(Heap.create({ capacity: 2 ** 26 }));
  return {
    name: "NodeBufferPool",
    pair(size, steps) {
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = pool.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        pool.free(buffer);
      }
      return sum;
    },
    churn(size, steps) {
      const live = Array.from({ length: LIVE }, () => pool.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const index = ORDER[step & 65535] as number;
        pool.free(live[index] as Buffer<ArrayBuffer>);
        const buffer = pool.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        live[index] = buffer;
      }
      for (const buffer of live) pool.free(buffer);
      return sum;
    },
  };
}

function buffers(): Allocator {
  return {
    name: "Buffer.allocUnsafe",
    pair(size, steps) {
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = Buffer.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
      }
      return sum;
    },
    churn(size, steps) {
      const live = Array.from({ length: LIVE }, () => Buffer.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = Buffer.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        live[ORDER[step & 65535] as number] = buffer;
      }
      return sum;
    },
  };
}

function arrays(): Allocator {
  return {
    name: "new Uint8Array",
    pair(size, steps) {
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = new Uint8Array(size);
        buffer[0] = step;
        sum += buffer.length;
      }
      return sum;
    },
    churn(size, steps) {
      const live = Array.from({ length: LIVE }, () => new Uint8Array(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = new Uint8Array(size);
        buffer[0] = step;
        sum += buffer.length;
        live[ORDER[step & 65535] as number] = buffer;
      }
      return sum;
    },
  };
}

/**
 * No process measures both pools. Their views are of two kinds, and where a program uses both, V8
 * tells them apart at each use. Programs use one.
 */
export const POOLED: readonly (() => Allocator)[] = [pooled, buffers, arrays];
export const POOLED_NODE: readonly (() => Allocator)[] = [pooledNode, buffers, arrays];
