import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type * as Buffers from "../../src/buffers/index.js";
import type * as Codec from "../../src/codec/index.js";
import type * as Core from "../../src/index.js";

interface Example {
  encode(writer: Codec.Writer, value: unknown): void;
  decode(reader: Codec.Reader): unknown;
  readonly Extension: new (
    type: number,
    bytes: Uint8Array,
  ) => { readonly type: number; readonly bytes: Uint8Array };
  readonly Timestamp: new (
    seconds: number,
    nanoseconds: number,
  ) => { readonly seconds: number; readonly nanoseconds: number };
}

/** What the example imports by name is what is built. */
const load = async <T>(file: string): Promise<T> => import(pathToFileURL(resolve(file)).href);
const { Heap } = await load<typeof Core>("dist/index.js");
const { BytesPool } = await load<typeof Buffers>("dist/buffers.js");
const { Reader, Writer } = await load<typeof Codec>("dist/codec.js");
const { decode, encode, Extension, Timestamp } = await load<Example>("examples/msgpack/msgpack.js");

/** A case: its forms in hex, and what they say under the name of its type. */
interface Case {
  readonly msgpack: readonly string[];
  readonly [type: string]: unknown;
}

const suite = JSON.parse(
  readFileSync("node_modules/msgpack-test-suite/dist/msgpack-test-suite.json", "utf8"),
) as Readonly<Record<string, readonly Case[]>>;
const CASES = Object.entries(suite).flatMap(([file, cases]) =>
  cases.map((each, index) => [`${file} ${index}`, each] as const),
);

const unhex = (text: string): Uint8Array => Buffer.from(text.replaceAll("-", ""), "hex");

/** Returns the value of a case as the example gives it. */
function expectedOf({ msgpack: _, ...says }: Case): unknown {
  const [type, given] = Object.entries(says).at(-1) as [string, unknown];
  if (type === "binary") return new Uint8Array(unhex(given as string));
  if (type === "bignum") {
    const big = BigInt(given as string);
    return Number.isSafeInteger(Number(big)) ? Number(big) : big;
  }
  if (type === "timestamp") return new Timestamp(...(given as [number, number]));
  if (type === "ext") {
    const [kind, bytes] = given as [number, string];
    return new Extension(kind, new Uint8Array(unhex(bytes)));
  }
  return type === "map" || type === "array" ? withMaps(given) : given;
}

function withMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMaps);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, item]) => [key, withMaps(item)]));
}

function written(value: unknown, grow: "realloc" | "chain" = "realloc"): Uint8Array {
  const heap = Heap.create({ capacity: 2 ** 20 });
  const writer = new Writer(heap, { initial: 8, grow });
  encode(writer, value);
  const message = writer.finish();
  const bytes = message.toUnshared();
  message.release();
  writer[Symbol.dispose]();
  expect(heap.stats().live.blocks).toBe(0);
  return bytes;
}

/** Calls `action` with a reader over an array, and over parts of one byte each. */
function everyWay(bytes: Uint8Array, action: (reader: Codec.Reader) => void): void {
  action(new Reader(bytes));
  const heap = Heap.create({ capacity: 2 ** 20 });
  const pool = new BytesPool(heap);
  const parts = [...bytes].map((byte) => pool.from([byte]));
  const [first = pool.from(""), ...others] = parts;
  const all = first.concat(...others);
  for (const part of parts) part.release();
  action(new Reader(all));
  all.release();
  heap.verify();
}

it("the suite has 85 cases", () => {
  expect(CASES.length).toBe(85);
});

describe("msgpack-test-suite", () => {
  it.each(CASES)("%s is read in each form, and from each part of one", (_, each) => {
    const expected = expectedOf(each);
    for (const form of each.msgpack) {
      const bytes = unhex(form);
      everyWay(bytes, (reader) => {
        expect(decode(reader), form).toEqual(expected);
        expect([reader.remaining, reader.ok]).toEqual([0, true]);
      });
      for (let there = 0; there < bytes.length; there++) {
        everyWay(bytes.subarray(0, there), (reader) => {
          decode(reader);
          expect([reader.ok, reader.missing <= bytes.length - there], form).toEqual([false, true]);
          reader.rewind();
          expect(reader.position).toBe(0);
        });
      }
    }
  });

  it.each(CASES)("%s is written in its shortest form of this type", (_, each) => {
    for (const grow of ["realloc", "chain"] as const) {
      const bytes = written(expectedOf(each), grow);
      const forms = each.msgpack.map((form) => form.replaceAll("-", ""));
      expect(forms).toContain(Buffer.from(bytes).toString("hex"));
      // Some large integers are shorter as a float of 32 bits, which would not be an integer.
      const lengths = forms.filter((form) => !/^ca4f|^ca57|^cad7/.test(form)).map(unhex);
      expect(bytes.length).toBe(Math.min(...lengths.map(({ length }) => length)));
    }
  });
});

describe("messages that claim too much", () => {
  it.each([
    ["dd-ff-ff-ff-ff", 0xffffffff],
    ["df-ff-ff-ff-ff", 2 * 0xffffffff],
    ["db-ff-ff-ff-ff", 0xffffffff],
    ["c6-ff-ff-ff-ff", 0xffffffff],
    ["c9-ff-ff-ff-ff-01", 0xffffffff],
    ["9f-dd-ff-ff-ff-ff", 10],
  ])("%s is a short read at once, or too large", (text, missing) => {
    const reader = new Reader(unhex(text));
    decode(reader);
    expect(reader.missing).toBe(missing);
    const bounded = new Reader(unhex(text.replace(/^9f/, "91")), { maximum: 1000 });
    expect(() => decode(bounded)).toThrow(expect.objectContaining({ code: "ERR_TOO_LARGE" }));
  });

  it("nested without end", () => {
    for (const level of ["91", "81", "dc-00-01", "de-00-01"]) {
      const bytes = unhex(`${level}-`.repeat(50_000));
      const reader = new Reader(bytes);
      const code = expect.objectContaining({ code: "ERR_MALFORMED" });
      expect(() => decode(reader)).toThrow(code);
    }
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => written(circle)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });

  it.each(["c1", "92-01-c1", "c7-03-ff-00-00-00", "d7-ff-ff-ff-ff-ff-00-00-00-00"])(
    "%s is malformed",
    (text) => {
      const code = expect.objectContaining({ code: "ERR_MALFORMED" });
      everyWay(unhex(text), (reader) => expect(() => decode(reader)).toThrow(code));
    },
  );
});

const leaf = fc.oneof(
  ...[fc.integer(), fc.maxSafeInteger(), fc.double(), fc.boolean(), fc.constant(null)],
  ...[fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })],
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, tie("array"), tie("map")),
  array: fc.array(tie("value"), { maxLength: 20 }),
  map: fc.array(fc.tuple(leaf, tie("value")), { maxLength: 20 }).map((all) => new Map(all)),
}));

describe("any message", () => {
  it("is read as it was written", () => {
    const property = fc.property(value, (given) => {
      everyWay(written(given), (reader) => expect(decode(reader)).toEqual(given));
    });
    fc.assert(property, { numRuns: 100 });
  });

  it("of random bytes ends with a value, a short read or a coded error", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const reader = new Reader(bytes);
      try {
        while (reader.ok && reader.remaining > 0) decode(reader);
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^ERR_(MALFORMED|TOO_LARGE)$/);
      }
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
