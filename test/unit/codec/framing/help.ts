import { expect } from "vitest";
import {
  BufferError,
  type BufferErrorCode,
  type Bytes,
  BytesPool,
} from "../../../../src/buffers/index.js";
import { Heap } from "../../../../src/index.js";

export interface Bench {
  readonly heap: Heap;
  readonly pool: BytesPool;
}

export function newBench(): Bench {
  const heap = Heap.create({ capacity: 2 ** 22 });
  return { heap, pool: new BytesPool(heap) };
}

export function expectNothingLeft({ heap }: Bench): void {
  heap.drain();
  heap.verify();
  expect(heap.stats().live.blocks).toBe(0);
}

export function refusal(action: () => unknown, code: BufferErrorCode): BufferError {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  if (!(error instanceof BufferError)) throw new Error(`expected ${code}, got ${String(error)}`);
  expect(error.code, error.message).toBe(code);
  return error;
}

/** A receiver that reads and releases. */
export function collect(texts: string[]): (frame: Bytes) => void {
  return (frame) => {
    texts.push(frame.toString());
    frame.release();
  };
}

export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
