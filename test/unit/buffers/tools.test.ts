import assert from "node:assert";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { BufferPool, type Bytes, BytesPool } from "../../../src/buffers/index.js";
import { LengthFieldFramer, Reader, WebSocketFramer, Writer } from "../../../src/codec/index.js";
import { Heap, SharedHeap } from "../../../src/index.js";
import { wrong } from "../help.js";
import { expectNothingLeft, newPools, refusal } from "./help.js";

/** Far more than a summary needs, and far less than reading a heap would fill. */
const MOST_CHARACTERS = 3000;
const LONG = 2 ** 20;

function failure(action: () => void): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

/** The same bytes in one piece and in three. */
function forms(pool: BytesPool, content: Uint8Array): Bytes[] {
  const whole = pool.from(content);
  const third = Math.floor(content.length / 3);
  const parts = [content.subarray(0, third), content.subarray(third, 2 * third)];
  const [a, b, c] = [...parts, content.subarray(2 * third)].map((part) => pool.from(part));
  const chain = (a as Bytes).concat(b as Bytes, c as Bytes);
  for (const part of [a, b, c]) part?.release();
  return [whole, chain];
}

describe("what prints bytes", () => {
  it("shows how many, in hex, and text that is text", () => {
    const { bytes: pool } = newPools();
    const shown = (data: string | number[]): string => inspect(pool.from(data));
    expect(shown("hello")).toBe('Bytes(5) <68 65 6c 6c 6f> "hello"');
    expect(shown("grün\n")).toBe('Bytes(6) <67 72 c3 bc 6e 0a> "grün\\n"');
    expect(shown([0, 255])).toBe("Bytes(2) <00 ff>");
    expect(shown("")).toBe("Bytes(0) <>");
    const long = inspect(pool.from("é".repeat(500)));
    expect(long).toMatch(/^Bytes\(1000\) <c3 a9 .* … 968 more> "é+"$/);
    expect(format("%o and %s", pool.from("x"), "y").length).toBeLessThan(MOST_CHARACTERS);
  });

  it("is short for long bytes and for released ones, and has no state to show", () => {
    const { heap, bytes: pool } = newPools();
    for (const bytes of forms(pool, new Uint8Array(LONG))) {
      for (const options of [{}, { customInspect: false }, { showHidden: true, depth: 9 }]) {
        expect(inspect({ bytes }, options).length).toBeLessThan(MOST_CHARACTERS);
      }
      expect(JSON.stringify([bytes]).length).toBeLessThan(200);
      expect([Object.keys(bytes), Reflect.ownKeys(bytes)]).toEqual([[], []]);
      for (const key in bytes) throw new Error(key);
      bytes.release();
      expect([
        inspect(bytes),
        JSON.stringify(bytes),
        Object.prototype.toString.call(bytes),
      ]).toEqual([
        "Bytes(released)",
        '{"type":"Bytes","released":true}',
        "[object Bytes(released)]",
      ]);
      expect(inspect(bytes, { customInspect: false })).toContain("released");
    }
    expect(inspect(Object.getPrototypeOf(pool.alloc(0)))).toContain("Bytes(released)");
    heap.reset();
  });

  it("JSON has a summary", () => {
    const { bytes: pool } = newPools();
    expect(JSON.parse(JSON.stringify({ frame: pool.from("hello") }))).toEqual({
      frame: { type: "Bytes", length: 5, hex: "68656c6c6f" },
    });
    expect(JSON.parse(JSON.stringify(pool.alloc(33)))).toEqual({
      type: "Bytes",
      length: 33,
      hex: `${"00".repeat(32)}…`,
    });
  });

  it("details of errors are short", () => {
    const { bytes: pool } = newPools();
    const other = newPools().bytes.from("x");
    const errors = [
      refusal("ERR_INVALID_ARGUMENT", () => pool.from("a").concat(other)),
      refusal("ERR_INVALID_ARGUMENT", () => new BytesPool(wrong<Heap>(new Uint8Array(LONG)))),
      refusal(
        "ERR_INVALID_ARGUMENT",
        () => new LengthFieldFramer(wrong<BytesPool>(other), wrong({})),
      ),
      refusal("ERR_INVALID_ARGUMENT", () => pool.from("a").toString(wrong("x".repeat(LONG)))),
      refusal("ERR_OUT_OF_RANGE", () => pool.from("a").at(wrong(new Array(LONG).fill(0)))),
      refusal("ERR_OUT_OF_RANGE", () => new Writer(Heap.create()).u64be(2n ** 64n)),
      refusal("ERR_OUT_OF_RANGE", () => new Writer(Heap.create()).u64be(wrong(1))),
    ];
    for (const error of errors) {
      expect(JSON.stringify(error.details).length).toBeLessThan(MOST_CHARACTERS);
      expect(inspect(error).length).toBeLessThan(MOST_CHARACTERS);
    }
  });
});

describe("what compares bytes", () => {
  it("passes for the same content, however it lies, and fails shortly for another", () => {
    const { heap, bytes: pool } = newPools();
    for (const length of [0, 1, 5, 31, 32, 33, 5000, LONG >> 2]) {
      const content = new Uint8Array(length).fill(length);
      const all = [...forms(pool, content), pool.from(content).freeze()];
      for (const left of all) {
        for (const right of all) {
          assert.deepEqual(left, right);
          assert.deepStrictEqual({ a: [left] }, { a: [right] });
          if (length < 100) expect(left).toEqual(right);
        }
      }
      const others = [length + 1, ...(length > 0 ? [length] : [])].map((size) => {
        const other = new Uint8Array(size).fill(length);
        other[size - 1] = length + 1;
        return pool.from(other);
      });
      for (const other of others) {
        const message = failure(() => assert.deepEqual(all[0], other));
        expect(message).toContain("Bytes(");
        expect(message.length).toBeLessThan(MOST_CHARACTERS);
        expect(failure(() => assert.deepStrictEqual({ a: all[1] }, { a: other }))).not.toBe("");
        if (length < 100) {
          expect(failure(() => expect(all[0]).toEqual(other))).not.toBe("");
          expect(failure(() => expect({ a: all[1] }).toStrictEqual({ a: other }))).not.toBe("");
        }
      }
      for (const bytes of [...all, ...others]) bytes.release();
    }
    expectNothingLeft(heap);
  });

  it.each([
    ["pool of bytes", (heap: Heap) => new BytesPool(heap)],
    ["pool of buffers", (heap: Heap) => new BufferPool(heap)],
    ["writer", (heap: Heap) => new Writer(heap)],
    [
      "framer",
      (heap: Heap) => new LengthFieldFramer(new BytesPool(heap), { width: 2, maximum: 9 }),
    ],
    [
      "WebSocket framer",
      (heap: Heap) => new WebSocketFramer(new BytesPool(heap), { role: "client", maximum: 999 }),
    ],
  ])("a %s that holds a heap is short, too", (_name, create) => {
    const [left, right] = [create(Heap.create()), create(Heap.create())];
    if (left instanceof Writer) left.bytes(new Uint8Array(LONG));
    const texts = [
      inspect(left),
      JSON.stringify(left),
      failure(() => assert.deepEqual(left, right)),
    ];
    for (const text of texts) {
      expect(text.length).toBeGreaterThan(10);
      expect(text.length).toBeLessThan(2 * MOST_CHARACTERS);
    }
    assert.deepEqual(left, left);
  });

  it("a reader is short as JSON and for the console", () => {
    const reader = new Reader(new BytesPool(Heap.create()).from("abc"));
    expect(JSON.parse(JSON.stringify(reader))).toEqual({ position: 0, remaining: 3, missing: 0 });
    expect(inspect(reader).length).toBeLessThan(2 * MOST_CHARACTERS);
  });
});

describe("what takes bytes for an array", () => {
  const content = Uint8Array.from({ length: 300 }, (_, index) => index & 255);

  it.each(["Heap", "SharedHeap"])("gets the bytes, of a %s", async (kind) => {
    const options = { capacity: 2 ** 22 };
    const heap = kind === "Heap" ? Heap.create(options) : SharedHeap.create(options);
    const pool = new BytesPool<ArrayBufferLike>(heap);
    const folder = await mkdtemp(join(tmpdir(), "hakmem-tools-"));
    for (const bytes of forms(pool, content)) {
      const expected = Buffer.from(content);
      const list = bytes as unknown as Iterable<number>;
      expect(Buffer.from(wrong<Uint8Array>(bytes)).equals(expected)).toBe(true);
      expect(Buffer.from(new Uint8Array(list)).equals(expected)).toBe(true);
      expect(Buffer.from(Uint8Array.from(list)).equals(expected)).toBe(true);
      expect([...bytes]).toEqual([...content]);
      expect(Array.from(list)).toEqual([...content]);
      const again = new BytesPool(Heap.create()).from(bytes);
      expect(again.equals(bytes)).toBe(true);
      expect(Buffer.compare(new BufferPool<ArrayBufferLike>(heap).from(bytes), content)).toBe(0);
      expect(Buffer.concat(await Readable.from(bytes).toArray()).equals(expected)).toBe(true);
      expect(Buffer.from(await new Response(wrong(bytes)).arrayBuffer())).toEqual(expected);
      await writeFile(join(folder, "bytes"), bytes);
      expect((await readFile(join(folder, "bytes"))).equals(expected)).toBe(true);
      // These take no arrays but their own, and say so.
      for (const refuse of [
        () => Buffer.concat([wrong(bytes)]),
        () => new PassThrough().write(bytes),
        () => createHash("sha1").update(wrong(bytes)),
      ]) {
        expect(failure(refuse)).toContain("instance of Bytes");
      }
      bytes.release();
      refusal("ERR_RELEASED", () => Buffer.from(wrong<Uint8Array>(bytes)));
      refusal("ERR_RELEASED", () => [...bytes]);
    }
  });
});

describe("text", () => {
  const encodings = [
    ...["utf8", "utf-8", "latin1", "binary", "ascii", "utf16le", "utf-16le", "ucs2", "ucs-2"],
    ...["hex", "base64", "base64url", "HEX", "Latin1", "UTF-8"],
  ] as BufferEncoding[];

  it.each(encodings)("%s is what a Buffer makes", (encoding) => {
    const { heap, bytes: pool } = newPools();
    for (const length of [0, 1, 2, 3, 4, 5, 255, 4095, 4096, 4097, 10_001]) {
      const content = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 255);
      for (const bytes of forms(pool, content)) {
        expect(bytes.toString(wrong(encoding))).toBe(Buffer.from(content).toString(encoding));
        bytes.release();
      }
    }
    expectNothingLeft(heap);
  });

  it("another encoding is refused", () => {
    const bytes = newPools().bytes.from("abc");
    for (const bad of ["utf32", "", null, 1, {}, "utf8 "]) {
      const error = refusal("ERR_INVALID_ARGUMENT", () => bytes.toString(wrong(bad)));
      expect(error.message).toContain("base64url");
    }
    expect(`${bytes}`).toBe("abc");
  });

  it("hexdump has a line for 16 bytes", () => {
    const bytes = newPools().bytes.from("hello, wörld\n 0123456789");
    expect(bytes.hexdump()).toBe(
      [
        "00000000  68 65 6c 6c 6f 2c 20 77  c3 b6 72 6c 64 0a 20 30  |hello, w..rld. 0|",
        "00000010  31 32 33 34 35 36 37 38  39                       |123456789|",
      ].join("\n"),
    );
    expect(bytes.hexdump(1, 3)).toBe(
      "00000000  65 6c                                             |el|",
    );
    expect(bytes.slice(0, 0).hexdump()).toBe("");
    refusal("ERR_OUT_OF_RANGE", () => bytes.hexdump(0, 99));
  });
});

it("is refused, not read as zeros, by what takes it for an array", () => {
  const { bytes: pool } = newPools();
  for (const bytes of forms(pool, Uint8Array.of(1, 2, 3))) {
    const array = bytes as unknown as number[];
    refusal("ERR_INVALID_ARGUMENT", () => new Uint8Array(9).set(array));
    refusal("ERR_INVALID_ARGUMENT", () => String.fromCharCode.apply(null, array));
    refusal("ERR_INVALID_ARGUMENT", () => Array.prototype.slice.call(array));
    refusal("ERR_INVALID_ARGUMENT", () => array[0]);
    bytes.release();
  }
});
