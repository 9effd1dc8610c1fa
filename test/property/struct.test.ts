import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, BytesPool } from "../../src/buffers/index.js";
import { Reader, Writer } from "../../src/codec/index.js";
import { Heap, HeapError } from "../../src/index.js";
import { runs } from "../support/tier.js";
import { type Loose, WAYS } from "../unit/codec/struct/help.js";
import { type Kind, Out } from "./structFields.js";
import { anyStruct } from "./structWorld.js";

const CAPACITY_BYTES = 2 ** 20;
let heap: Heap<ArrayBuffer>;
let pool: BytesPool<ArrayBuffer>;

/** A new heap for each run, so that one that fails does not spoil the next. */
function renew(): void {
  heap = Heap.create({ capacity: CAPACITY_BYTES });
  pool = new BytesPool(heap);
}

function settings(all: number): { numRuns: number } {
  return { numRuns: runs(all / 5, all) };
}

interface Case {
  readonly kind: Kind;
  readonly value: unknown;
}

const cases: fc.Arbitrary<Case> = anyStruct.chain((kind) =>
  kind.values.map((value) => ({ kind, value })),
);
const cuts = fc.array(fc.nat(), { maxLength: 6 });

function compile(kind: Kind): Loose[] {
  return WAYS.map(([, options]) => kind.make(options) as unknown as Loose);
}

function encode({ kind, value }: Case): Uint8Array {
  const out = new Out();
  kind.encode(out, value);
  return out.done();
}

function expectNothingLeft(): void {
  heap.verify();
  expect(heap.stats().live.blocks).toBe(0);
}

/** Returns a chain of parts that end at the cuts. */
function chain(bytes: Uint8Array, ends: readonly number[]): Bytes {
  const sorted = [...new Set(ends.map((end) => end % (bytes.length + 1)))].sort((a, b) => a - b);
  const parts = [0, ...sorted].map((start, index) =>
    pool.from(bytes.subarray(start, sorted[index] ?? bytes.length)),
  );
  const [first, ...others] = parts as [Bytes, ...Bytes[]];
  const all = first.concat(...others);
  for (const part of parts) part.release();
  return all;
}

describe("a value of any description", () => {
  it("is written as the reference says", () => {
    const property = fc.property(cases, fc.nat(20), (each, initial) => {
      const expected = encode(each);
      for (const target of compile(each.kind)) {
        expect(target.lengthOf(each.value)).toBe(expected.length);
        for (const grow of ["realloc", "chain"] as const) {
          const writer = new Writer(heap, { initial: initial + 1, grow });
          writer.u8(1);
          target.write(writer, each.value);
          writer.align();
          target.write(writer, each.value);
          const bytes = writer.finish();
          const twice = Uint8Array.of(1, ...expected, ...expected);
          expect(bytes.toUnshared()).toEqual(twice);
          bytes.release();
          writer[Symbol.dispose]();
        }
      }
      expectNothingLeft();
    });
    fc.assert(property.beforeEach(renew), settings(400));
  });

  it("is read from an array and from a chain", () => {
    const property = fc.property(cases, cuts, (each, ends) => {
      const bytes = encode(each);
      const parts = chain(bytes, ends);
      for (const target of compile(each.kind)) {
        expect(target.decode(bytes)).toEqual(each.value);
        expect(target.decode(parts)).toEqual(each.value);
      }
      parts.release();
      expectNothingLeft();
    });
    fc.assert(property.beforeEach(renew), settings(400));
  });

  it("is found, and only then read, as its bytes come", () => {
    const property = fc.property(cases, cuts, (each, ends) => {
      const bytes = encode(each);
      for (const target of compile(each.kind)) {
        const find = target.finder();
        let marked = 0;
        let wait = 0;
        for (let there = 0; there < bytes.length; there++) {
          const part = chain(bytes.subarray(0, there), ends);
          for (const source of [bytes.subarray(0, there), part]) {
            const reader = new Reader(source);
            expect(target.read(reader)).toBeUndefined();
            expect([reader.position, reader.remaining]).toEqual([0, 0]);
            expect(reader.missing).toBeGreaterThan(0);
            expect(reader.missing).toBeLessThanOrEqual(bytes.length - there);
          }
          part.release();
          if (there < wait) continue;
          const reader = new Reader(bytes.subarray(0, there));
          reader.skip(marked);
          reader.mark();
          expect(find(reader)).toBeUndefined();
          wait = there + reader.missing;
          expect(wait).toBeLessThanOrEqual(bytes.length);
          reader.rewind();
          marked = reader.position;
        }
        const reader = new Reader(bytes);
        reader.skip(marked);
        expect(find(reader)).toBe(bytes.length);
      }
      expectNothingLeft();
    });
    fc.assert(property.beforeEach(renew), settings(300));
  });
});

/** What comes of an action: a value, or the facts of an error with a code. */
function outcome(action: () => unknown): unknown {
  try {
    return { value: action() };
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    const { code, message, details } = error;
    return { code, message, details: { ...details } };
  }
}

const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });

it("bytes that were changed are read alike in every way, or refused alike", () => {
  const property = fc.property(cases, changes, cuts, fc.nat(), (each, edits, ends, cut) => {
    const good = encode(each);
    const bytes = good.subarray(0, cut % 4 === 0 ? cut % (good.length + 1) : good.length);
    for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    const parts = chain(bytes, ends);
    const outcomes = compile(each.kind).flatMap((target) =>
      [bytes, parts].map((source) => {
        const reader = new Reader(source);
        const result = outcome(() => target.read(reader));
        if ("code" in (result as object)) expect([reader.position, reader.missing]).toEqual([0, 0]);
        return { result, at: reader.position, missing: reader.missing };
      }),
    );
    for (const other of outcomes) expect(other).toEqual(outcomes[0]);
    parts.release();
    expectNothingLeft();
  });
  fc.assert(property.beforeEach(renew), settings(500));
});

const wrongs = fc.constantFrom<unknown>(
  ...[undefined, null, -1, 1.5, 2 ** 40, Number.NaN, 2n ** 70n, -1n, "", "text", true, {}, []],
  ...[Symbol("s"), () => 1, new Uint8Array(3), "__proto__", [[]], { tag: 3 }, new Date(0)],
);

/** Returns the value with something else at one place of it. */
function changed(value: unknown, steps: readonly number[], wrong: unknown): unknown {
  const [step, ...rest] = steps;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value ?? 0) === Object.prototype;
  const keys = isPlain ? Object.keys(value as object) : [];
  const key = keys[(step ?? 0) % Math.max(1, keys.length)];
  if (step === undefined || key === undefined) return wrong;
  const entries = Object.entries(value as object).map(([name, inner]): [string, unknown] => [
    name,
    name === key ? changed(inner, rest, wrong) : inner,
  ]);
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

it("values of wrong types are refused alike, and nothing is written", () => {
  const steps = fc.array(fc.nat(), { maxLength: 4 });
  const property = fc.property(cases, steps, wrongs, fc.nat(20), (each, path, wrong, initial) => {
    const value = changed(each.value, path, wrong);
    const outcomes = compile(each.kind).flatMap((target) =>
      (["realloc", "chain"] as const).map((grow) => {
        const writer = new Writer(heap, { initial: initial + 1, grow });
        writer.u8(9);
        writer.bits(5, 3);
        const result = outcome(() => target.write(writer, value));
        if ("code" in (result as object)) {
          expect(writer.length).toBe(2);
          writer.bits(21, 5);
        }
        const bytes = writer.finish();
        const all = [...bytes.toUnshared()];
        if ("code" in (result as object)) expect(all).toEqual([9, 0b10110101]);
        bytes.release();
        writer[Symbol.dispose]();
        return { result, all };
      }),
    );
    for (const other of outcomes) expect(other).toEqual(outcomes[0]);
    expectNothingLeft();
  });
  fc.assert(property.beforeEach(renew), settings(500));
});
