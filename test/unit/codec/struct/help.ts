import { expect } from "vitest";
import { type Bytes, BytesPool } from "../../../../src/buffers/index.js";
import {
  type Description,
  struct as makeStruct,
  Reader,
  type StructOptions,
  Writer,
} from "../../../../src/codec/index.js";
import { onHeap } from "../support.js";

/** Both ways of a description. */
export const WAYS: readonly [string, StructOptions][] = [
  ["generated", {}],
  ["closures", { generate: false }],
];

/** A struct of any description, for tests of values that the compiler would refuse. */
export interface Loose {
  read(reader: Reader): unknown;
  write(writer: Writer, value: unknown): void;
  decode(source: Bytes | Uint8Array): unknown;
  lengthOf(value: unknown): number;
  finder(): (reader: Reader) => number | undefined;
}

export function loose(description: Description, options: StructOptions): Loose {
  return makeStruct(description, options) as unknown as Loose;
}

/** Writes a value, in one block and as a chain of small ones, and returns the bytes. */
export function written(target: Loose, value: unknown): number[] {
  let all: number[] = [];
  onHeap((heap) => {
    const results = (["realloc", "chain"] as const).map((grow) => {
      const writer = new Writer(heap, { grow, initial: 1 });
      target.write(writer, value);
      const bytes = writer.finish();
      const copy = [...bytes.toUnshared()];
      bytes.release();
      writer[Symbol.dispose]();
      return copy;
    });
    [all = []] = results;
    expect(results[1]).toEqual(all);
  });
  expect(target.lengthOf(value)).toBe(all.length);
  return all;
}

/** Reads bytes from an array, and from a chain of single bytes. */
export function everyWay(input: readonly number[], action: (reader: Reader) => void): void {
  action(new Reader(Uint8Array.from(input)));
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    const parts = [pool.from([]), ...input.map((byte) => pool.from([byte]))];
    const [first, ...others] = parts as [Bytes, ...Bytes[]];
    const all = first.concat(...others);
    for (const part of parts) part.release();
    action(new Reader(all));
    all.release();
  });
}

/** Reads every beginning of the bytes: none but the whole is a value, and the reader stays. */
export function readEvery(target: Loose, input: readonly number[]): unknown {
  let value: unknown;
  for (let there = 0; there < input.length; there++) {
    everyWay([9, ...input.slice(0, there)], (reader) => {
      reader.u8();
      expect(target.read(reader)).toBeUndefined();
      expect(reader.missing).toBeGreaterThan(0);
      expect(reader.missing).toBeLessThanOrEqual(input.length - there);
      expect([reader.position, reader.remaining]).toEqual([1, 0]);
      expect(reader.u8()).toBe(0);
      reader.rewind();
      expect([reader.position, reader.remaining]).toEqual([0, there + 1]);
    });
  }
  everyWay([...input, 77], (reader) => {
    value = target.read(reader);
    expect([reader.missing, reader.u8(), reader.remaining]).toEqual([0, 77, 0]);
  });
  return value;
}

/** Finds the end of a value whose bytes come one by one, and in one piece. */
export function expectFound(target: Loose, input: readonly number[]): void {
  const all = Uint8Array.from([...input, 1, 2, 3]);
  const whole = target.finder();
  expect(whole(new Reader(all))).toBe(input.length);
  expect(whole(new Reader(all))).toBe(input.length);
  const find = target.finder();
  let marked = 0;
  let wait = 0;
  for (let there = 0; there < input.length; there++) {
    if (there < wait) continue;
    const reader = new Reader(all.subarray(0, there));
    reader.skip(marked);
    reader.mark();
    expect(find(reader)).toBeUndefined();
    expect(reader.missing).toBeGreaterThan(0);
    wait = there + reader.missing;
    expect(wait).toBeLessThanOrEqual(input.length);
    reader.rewind();
    marked = reader.position;
  }
  const reader = new Reader(all.subarray(0, input.length));
  reader.skip(marked);
  expect(find(reader)).toBe(input.length);
}

/** A value is written as these bytes, and they are read as it. */
export function expectBoth(target: Loose, value: unknown, input: readonly number[]): void {
  expect(written(target, value)).toEqual(input);
  expect(readEvery(target, input)).toEqual(value);
  expectFound(target, input);
}
