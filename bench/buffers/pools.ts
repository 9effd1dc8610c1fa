/**
 * Buffers of one size come and go, as those of messages in flight do: so many are live, 1 or 256,
 * and each step frees one of them at random and allocates another. Who frees nothing leaves it to
 * the collector, which runs within the time that is measured.
 */

import { Heap } from "hakmem";
import { BufferPool } from "hakmem/buffers";
import { NodeBufferPool } from "hakmem/node";

const SEED = 0x9e3779b9;

export interface Allocator {
  readonly name: string;
  /** Replaces so many buffers of a size; returns a sum over what was in them. `live` is 2 ** n. */
  churn(size: number, steps: number, live: number): number;
}

/** Which buffer each step replaces: the same for all. */
const ORDER: Uint8Array = (() => {
  const order = new Uint8Array(65536);
  let state = SEED;
  for (let index = 0; index < order.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    order[index] = state >>> 24;
  }
  return order;
})();

/* The loops are written out for each, so that V8 knows the types of each by themselves. */

function pooled(): Allocator {
  const pool = new BufferPool(Heap.create({ capacity: 2 ** 26 }));
  return {
    name: "BufferPool",
    churn(size, steps, count) {
      const live = Array.from({ length: count }, () => pool.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const index = (ORDER[step & 65535] as number) & (count - 1);
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
    churn(size, steps, count) {
      const live = Array.from({ length: count }, () => pool.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const index = (ORDER[step & 65535] as number) & (count - 1);
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
    churn(size, steps, count) {
      const live = Array.from({ length: count }, () => Buffer.allocUnsafe(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = Buffer.allocUnsafe(size);
        buffer[0] = step;
        sum += buffer.length;
        live[(ORDER[step & 65535] as number) & (count - 1)] = buffer;
      }
      return sum;
    },
  };
}

function arrays(): Allocator {
  return {
    name: "new Uint8Array",
    churn(size, steps, count) {
      const live = Array.from({ length: count }, () => new Uint8Array(size));
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const buffer = new Uint8Array(size);
        buffer[0] = step;
        sum += buffer.length;
        live[(ORDER[step & 65535] as number) & (count - 1)] = buffer;
      }
      return sum;
    },
  };
}

/**
 * A pool is measured without the other one beside it: the views of both are of two kinds, which V8
 * tells apart at each use where both are used, and programs use one.
 */
export const POOLED: readonly (() => Allocator)[] = [pooled, buffers, arrays];
export const POOLED_NODE: readonly (() => Allocator)[] = [pooledNode, buffers, arrays];
