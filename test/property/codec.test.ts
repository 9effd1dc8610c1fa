import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bytes, BytesPool } from "../../src/buffers/index.js";
import { crc32, Reader, Writer } from "../../src/codec/index.js";
import { Heap } from "../../src/index.js";
import { runs } from "../support/tier.js";
import { type Op, ops } from "./codecOps.js";

const CAPACITY_BYTES = 2 ** 20;

function settings(all: number): { numRuns: number } {
  return { numRuns: runs(all / 5, all) };
}

/** Runs an action on a heap, and checks that it leaves nothing there. */
function onHeap(action: (heap: Heap) => void): void {
  const heap = Heap.create({ capacity: CAPACITY_BYTES });
  action(heap);
  heap.verify();
  expect([...heap.blocks()].filter(({ state }) => state === "live")).toEqual([]);
}

const encode = (message: readonly Op[]): Uint8Array =>
  Uint8Array.from(message.flatMap(({ bytes }) => bytes));

/** Returns what was read as plain data, and releases slices. */
function plain(value: unknown): unknown {
  if (!(value instanceof Bytes)) return value;
  const copy = value.toUnshared();
  value.release();
  return copy;
}

function expectRead(reader: Reader, message: readonly Op[]): void {
  let position = 0;
  const all = encode(message);
  expect(reader.crc32(0, all.length)).toBe(crc32(all));
  for (const { name, value, bytes, read } of message) {
    if (bytes.length > 0) expect(reader.peek(bytes.length - 1), name).toBe(bytes.at(-1));
    expect(plain(read(reader)), name).toEqual(value);
    reader.seek(position);
    expect(plain(read(reader)), name).toEqual(value);
    position += bytes.length;
    expect(reader.position, name).toBe(position);
  }
  expect(reader.missing).toBe(0);
  expect(reader.remaining).toBe(0);
}

/** Returns a chain of parts that end at the cuts. */
function chain(pool: BytesPool, bytes: Uint8Array, cuts: readonly number[]): Bytes {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const parts = [0, ...ends].map((start, index) =>
    pool.from(bytes.subarray(start, ends[index] ?? bytes.length)),
  );
  const [first, ...others] = parts as [Bytes, ...Bytes[]];
  const all = first.concat(...others);
  for (const part of parts) part.release();
  return all;
}

describe("a message of any values", () => {
  it.each(["realloc", "chain"] as const)("is written like the reference: %s", (grow) => {
    const initial = fc.integer({ min: 1, max: 300 });
    const property = fc.property(fc.array(ops, { maxLength: 3 }), initial, (messages, size) => {
      onHeap((heap) => {
        const writer = new Writer(heap, { initial: size, grow });
        for (const message of messages) {
          for (const each of message) each.write(writer);
          const expected = encode(message);
          expect(writer.length).toBe(expected.length);
          expect(writer.crc32()).toBe(crc32(expected));
          const bytes = writer.finish();
          expect(bytes.toUnshared()).toEqual(expected);
          bytes.release();
          expect(writer.length).toBe(0);
        }
        writer[Symbol.dispose]();
      });
    });
    fc.assert(property, settings(150));
  });

  it("is read from an array, at any place of its buffer", () => {
    const property = fc.property(ops, fc.nat(20), (message, offset) => {
      const bytes = encode(message);
      const inside = new Uint8Array(bytes.length + 2 * offset).fill(0xff);
      inside.set(bytes, offset);
      expectRead(new Reader(inside.subarray(offset, offset + bytes.length)), message);
      expectRead(new Reader(Buffer.from(bytes)), message);
      const reader = new Reader(inside);
      reader.reset(inside, offset, bytes.length);
      expectRead(reader, message);
    });
    fc.assert(property, settings(200));
  });

  it("is read from a chain, wherever it is cut", () => {
    const property = fc.property(ops, fc.array(fc.nat(), { maxLength: 12 }), (message, cuts) => {
      onHeap((heap) => {
        const bytes = chain(new BytesPool(heap), encode(message), cuts);
        const reader = new Reader(bytes);
        expectRead(reader, message);
        reader.rewind();
        expectRead(reader, message);
        const more = bytes.concat(bytes, bytes);
        reader.reset(more, bytes.length, bytes.length);
        expectRead(reader, message);
        more.release();
        bytes.release();
      });
    });
    fc.assert(property, settings(200));
  });
});

/** Reads a cut message. From the value that is incomplete, everything must be empty. */
function expectShort(reader: Reader, message: readonly Op[], there: number): void {
  let start = 0;
  let missing = 0;
  for (const { name, value, bytes, read, ...rest } of message) {
    const end = start + bytes.length;
    const got = plain(read(reader));
    if (missing === 0 && end <= there) {
      expect(got, name).toEqual(value);
      start = end;
      continue;
    }
    if (missing === 0) missing = rest.missing(there - start);
    if (typeof got === "number" || typeof got === "bigint") expect(Number(got), name).toBe(0);
    else expect((got as string).length, name).toBe(0);
    expect(reader.missing, name).toBe(missing);
    expect(reader.position, name).toBe(start);
    expect(reader.remaining).toBe(0);
  }
  expect(reader.missing).toBe(missing);
  reader.rewind();
  expect([reader.missing, reader.position, reader.remaining]).toEqual([0, 0, there]);
}

it("says what is missing, wherever a message ends", () => {
  const property = fc.property(ops, fc.array(fc.nat(), { maxLength: 6 }), (message, cuts) => {
    const bytes = encode(message);
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      for (let there = 0; there < bytes.length; there++) {
        expectShort(new Reader(bytes.subarray(0, there)), message, there);
        const part = chain(pool, bytes.subarray(0, there), cuts);
        expectShort(new Reader(part), message, there);
        part.release();
      }
    });
  });
  fc.assert(property, settings(25));
});

const field = fc
  .integer({ min: 1, max: 32 })
  .chain((count) => fc.record({ count: fc.constant(count), value: fc.nat(2 ** count - 1) }));

/** Returns bit fields as text of 0 and 1, the plainest oracle. */
function bitBytes(fields: readonly { count: number; value: number }[]): Uint8Array {
  const digits = fields.map(({ count, value }) => value.toString(2).padStart(count, "0")).join("");
  const padded = digits.padEnd(8 * Math.ceil(digits.length / 8), "0");
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

describe("bit fields of any widths", () => {
  const fields = fc.array(field, { maxLength: 20 });
  const cuts = fc.array(fc.nat(), { maxLength: 6 });

  it.each(["realloc", "chain"] as const)("are written and read: %s", (grow) => {
    const property = fc.property(fields, cuts, fc.nat(20), (all, ends, initial) => {
      onHeap((heap) => {
        const writer = new Writer(heap, { initial: initial + 1, grow });
        for (const { value, count } of all) writer.bits(value, count);
        writer.u16be(0xabcd);
        const expected = Uint8Array.from([...bitBytes(all), 0xab, 0xcd]);
        const written = writer.finish();
        expect(written.toUnshared()).toEqual(expected);
        const cut = chain(new BytesPool(heap), expected, ends);
        for (const bytes of [written, cut]) {
          const reader = new Reader(bytes);
          for (const { value, count } of all) expect(reader.bits(count)).toBe(value);
          expect(reader.u16be()).toBe(0xabcd);
          bytes.release();
        }
        writer[Symbol.dispose]();
      });
    });
    fc.assert(property, settings(200));
  });

  it("say what is missing", () => {
    const property = fc.property(fields, (all) => {
      const bytes = bitBytes(all);
      for (let there = 0; there < bytes.length; there++) {
        const reader = new Reader(bytes.subarray(0, there));
        let bits = 0;
        let missing = 0;
        for (const { value, count } of all) {
          const end = Math.ceil((bits + count) / 8);
          if (missing === 0 && end > there) missing = end - there;
          expect(reader.bits(count)).toBe(missing === 0 ? value : 0);
          expect(reader.missing).toBe(missing);
          bits += count;
        }
        reader.rewind();
        expect(reader.missing).toBe(0);
      }
    });
    fc.assert(property, settings(50));
  });
});
