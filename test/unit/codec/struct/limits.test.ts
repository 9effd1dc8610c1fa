import { expect, it } from "vitest";
import { BytesPool } from "../../../../src/buffers/index.js";
import {
  bits,
  bytes,
  bytesPrefixed,
  lazy,
  mapped,
  Reader,
  ref,
  repeated,
  repeatedUntilEnd,
  type Struct,
  sized,
  struct,
  tagged,
  u8,
  u16be,
  u32be,
  utf8,
  utf8Prefixed,
  utf8Terminated,
  varint32,
  Writer,
  when,
} from "../../../../src/codec/index.js";
import { Heap } from "../../../../src/index.js";
import { SMALL_BYTES } from "../../help.js";
import { onHeap, refusal } from "../support.js";
import { everyWay, expectBoth, type Loose, loose, WAYS, written } from "./help.js";

it.each(WAYS)("%s: a count that cannot be makes no loop", (_way, options) => {
  const counts = [
    loose({ list: repeated("u32be", u8) }, options),
    loose({ list: repeated("u32be", struct({ a: bits(1) }, options)) }, options),
    loose({ count: u32be, list: repeated(ref("count"), bits(1)) }, options),
    loose({ list: repeated("u32be", utf8Prefixed("u8")) }, options),
    loose({ list: repeated("u32be", repeated(3, u16be)) }, options),
  ];
  for (const target of counts) {
    everyWay([255, 255, 255, 255, 1, 1, 1, 1, 1], (reader) => {
      expect(target.read(reader)).toBeUndefined();
      expect(reader.missing).toBeGreaterThan(2 ** 28);
      expect(reader.position).toBe(0);
    });
  }
  const bounded = new Reader(Uint8Array.of(255, 255, 255, 255), { maximum: 1000 });
  const error = refusal(() => counts[0]?.read(bounded), "ERR_TOO_LARGE");
  expect(error.details).toMatchObject({ path: "list", most: 1000, position: 4 });
  expect([bounded.position, bounded.missing]).toEqual([0, 0]);
  const there = new Reader(new Uint8Array(2000).fill(1, 3, 4).fill(9, 2, 3), { maximum: 100 });
  refusal(() => counts[0]?.read(there), "ERR_TOO_LARGE");
  const fixed = loose({ list: repeated(1000, u8) }, options);
  expect(fixed.read(there)).toMatchObject({ list: { length: 1000 } });
});

it.each(WAYS)("%s: elements without bytes are bounded by a maximum", (_way, options) => {
  const target = loose({ list: repeated("u32be", struct({}, options), { maximum: 3 }) }, options);
  expect(target.decode(Uint8Array.of(0, 0, 0, 3))).toEqual({ list: [{}, {}, {}] });
  const error = refusal(() => target.decode(Uint8Array.of(0, 0, 1, 0)), "ERR_TOO_LARGE");
  expect(error.message).toBe("list: the count at 0 is 256; at most 3 is accepted");
  refusal(() => written(target, { list: [{}, {}, {}, {}] }), "ERR_OUT_OF_RANGE");
  // An element that is found to have no bytes only when it is read.
  const endless = loose({ list: repeatedUntilEnd(struct({}, options)) }, options);
  const stuck = refusal(() => endless.decode(Uint8Array.of(1)), "ERR_MALFORMED");
  expect(stuck.details).toMatchObject({ path: "list[0]", position: 0 });
});

it.each(WAYS)("%s: maximum of text, bytes and lists", (_way, options) => {
  const most = { maximum: 3 };
  const target = loose(
    {
      text: utf8Prefixed("u8", most),
      line: utf8Terminated(0, most),
      raw: bytesPrefixed("varint", most),
      list: repeated("u8", u8, most),
      all: sized("u8", repeatedUntilEnd(u8, most), { maximum: 4 }),
    },
    options,
  );
  const value = { text: "abc", line: "abc", raw: Uint8Array.of(1, 2, 3), list: [1, 2, 3], all: [] };
  const input = written(target, value);
  expect(target.decode(Uint8Array.from(input))).toEqual(value);
  const larger = {
    text: "abcd",
    line: "abcd",
    raw: new Uint8Array(4),
    list: [1, 2, 3, 4],
    all: [1, 2, 3, 4],
  };
  for (const [name, wrong] of Object.entries(larger)) {
    const error = (() => {
      try {
        written(target, { ...value, [name]: wrong });
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ name: "BufferError", details: { path: name } });
  }
  const inputs = [[4], [0, 65, 65, 65, 65, 65], [0, 0, 4], [0, 0, 0, 4], [0, 0, 0, 0, 5]];
  inputs.forEach((bytesOf, index) => {
    const error = refusal(() => target.decode(Uint8Array.from(bytesOf)), "ERR_TOO_LARGE");
    expect(error.details.path).toBe(Object.keys(value)[index]);
  });
});

it.each(WAYS)("%s: random bytes are values, or too few, or refused", (_way, options) => {
  const Tree: Struct<unknown, never> = struct(
    {
      a: u8,
      b: repeated(
        "varint",
        lazy(() => Tree, 20),
      ),
    },
    options,
  );
  const target = loose(
    {
      tree: Tree,
      any: tagged(u8, { 0: u8, 1: utf8Terminated(), 2: Tree, 3: sized("varint", Tree) }),
      rest: repeatedUntilEnd(struct({ x: bits(9), y: varint32 }, options)),
    },
    options,
  );
  let state = 12345;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  for (let turn = 0; turn < 3000; turn++) {
    const all = Uint8Array.from({ length: next() & 63 }, () =>
      next() < 128 ? next() & 3 : next(),
    );
    const reader = new Reader(all);
    try {
      if (target.read(reader) === undefined) expect(reader.missing).toBeGreaterThan(0);
    } catch (error) {
      expect(error).toMatchObject({ name: "BufferError", details: { path: expect.any(String) } });
    }
  }
});

it.each(WAYS)("%s: the deepest values fit on the stack", (_way, options) => {
  const Tree: Struct<unknown, never> = struct(
    {
      ...Object.fromEntries("abcdefghijkl".split("").map((name) => [name, u8])),
      next: repeated("u8", sized("u16be", tagged(u8, { 1: lazy(() => Tree, 256) }))),
    },
    options,
  );
  const leaf = Object.fromEntries("abcdefghijkl".split("").map((name) => [name, 1]));
  let value: object = { ...leaf, next: [] };
  for (let depth = 0; depth < 256; depth++) {
    value = { ...leaf, next: [{ tag: 1, value }] };
  }
  const target = Tree as unknown as Loose;
  const input = written(target, value);
  expect(target.decode(Uint8Array.from(input))).toEqual(value);
  const find = target.finder();
  expect(find(new Reader(Uint8Array.from(input)))).toBe(input.length);
  refusal(() => written(target, { ...leaf, next: [{ tag: 1, value }] }), "ERR_TOO_LARGE");
  expect(target.decode(Uint8Array.from(input))).toEqual(value);
});

it.each(WAYS)("%s: functions that throw leave reader and writer as they were", (_way, options) => {
  const failure = new TypeError("no");
  const throwing = mapped(
    u8,
    (value) => {
      if (value === 9) throw failure;
      return value;
    },
    (value: number) => {
      if (value === 9) throw failure;
      return value;
    },
  );
  const target = loose({ a: u16be, b: throwing }, options);
  const reader = new Reader(Uint8Array.of(0, 0, 9));
  expect(() => target.read(reader)).toThrow(failure);
  expect([reader.position, reader.missing, reader.remaining]).toEqual([0, 0, 3]);
  onHeap((heap) => {
    const writer = new Writer(heap);
    writer.u8(7);
    expect(() => target.write(writer, { a: 1, b: 9 })).toThrow(failure);
    expect([...writer.view()]).toEqual([7]);
    writer[Symbol.dispose]();
  });
});

it.each(WAYS)("%s: bytes of a heap are appended, and taken back", (_way, options) => {
  const target = loose({ a: bytesPrefixed("u8"), b: bytes(2), c: u8 }, options);
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    const shared = pool.from([1, 2]);
    for (const grow of ["realloc", "chain"] as const) {
      const writer = new Writer(heap, { grow, initial: 4 });
      writer.bits(5, 3);
      const wrong = { a: shared, b: shared, c: 256 };
      for (let turn = 0; turn < 20; turn++) {
        const error = refusal(() => target.write(writer, wrong), "ERR_OUT_OF_RANGE");
        expect(error.details.path).toBe("c");
      }
      writer.bits(31, 5);
      target.write(writer, { a: shared, b: shared, c: 4 });
      const all = writer.finish();
      expect([...all.toUnshared()]).toEqual([0b10111111, 2, 1, 2, 1, 2, 4]);
      all.release();
      writer[Symbol.dispose]();
    }
    const other = new BytesPool(Heap.create({ capacity: SMALL_BYTES })).from([1, 2]);
    const writer = new Writer(heap, { grow: "chain" });
    const foreign = { a: shared, b: other, c: 1 };
    refusal(() => target.write(writer, foreign), "ERR_INVALID_ARGUMENT");
    expect(writer.length).toBe(0);
    writer[Symbol.dispose]();
    shared.release();
  });
});

it.each(WAYS)("%s: a full heap changes nothing", (_way, options) => {
  const target = loose({ a: bytesPrefixed("u32be"), b: bytesPrefixed("u32be") }, options);
  onHeap((heap) => {
    for (const grow of ["realloc", "chain"] as const) {
      const writer = new Writer(heap, { grow });
      const other = heap.malloc(SMALL_BYTES / 2);
      writer.u8(1);
      const value = { a: new Uint8Array(1000), b: new Uint8Array(SMALL_BYTES / 2) };
      expect(() => target.write(writer, value)).toThrow();
      expect([...writer.view()]).toEqual([1]);
      heap.free(other);
      writer[Symbol.dispose]();
    }
  });
});

it.each(WAYS)("%s: values within values are not measured again at each level", (_way, options) => {
  const levels = 32;
  let measured = 0;
  const counted = mapped(
    u8,
    (byte) => byte,
    (byte) => {
      measured++;
      return byte;
    },
  );
  const Inner = loose(
    {
      end: counted,
      next: repeated(
        "u8",
        lazy(() => Tree as never),
      ),
    },
    options,
  );
  const Tree = loose({ length: u32be, body: sized(ref("length"), Inner as never) }, options);
  let value: unknown = { body: { end: 1, next: [] } };
  for (let level = 1; level < levels; level++) value = { body: { end: 1, next: [value] } };
  expect(Tree.lengthOf(value)).toBe(6 * levels);
  expect(measured).toBe(levels);
  measured = 0;
  onHeap((heap) => {
    const writer = new Writer(heap);
    Tree.write(writer, value);
    expect(writer.length).toBe(6 * levels);
    writer[Symbol.dispose]();
  });
  expect(measured).toBeLessThan(4 * levels * levels);
});

it.each(WAYS)("%s: lists and structs may begin within a byte", (_way, options) => {
  const list = loose({ count: bits(3), list: repeated(ref("count"), bits(5)) }, options);
  expectBoth(list, { count: 1, list: [5] }, [0x25]);
  expect(list.decode(Uint8Array.of(0x25))).toEqual({ count: 1, list: [5] });
  const Pair = struct({ a: bits(4), b: bits(4) }, options);
  const pair = loose({ a: bits(3), pair: Pair, b: bits(5) }, options);
  expectBoth(pair, { a: 1, pair: { a: 2, b: 3 }, b: 4 }, [0x24, 0x64]);
});

it.each(WAYS)("%s: a value that has no room is malformed, not short", (_way, options) => {
  const target = loose({ value: sized("u8", u8) }, options);
  everyWay([0], (reader) => {
    expect(refusal(() => target.read(reader), "ERR_MALFORMED").details.position).toBe(1);
  });
});

it.each(WAYS)("%s: a write that fails leaves bits and what is not frozen", (_way, options) => {
  const target = loose({ bits: bits(3), bytes: bytes(300), end: u8 }, options);
  onHeap((heap) => {
    const pool = new BytesPool(heap);
    for (const grow of ["realloc", "chain"] as const) {
      const writer = new Writer(heap, { grow, pool });
      const before = pool.from([9]);
      writer.append(before);
      before.release();
      writer.bits(2, 3);
      const frozen = pool.from(new Uint8Array(300)).freeze();
      const value = { bits: 7, bytes: frozen, end: 256 };
      refusal(() => target.write(writer, value), "ERR_OUT_OF_RANGE");
      frozen.release();
      writer.bits(1, 5);
      const written = writer.finish();
      expect([...written.toUnshared(), written.isFrozen]).toEqual([9, 0x41, false]);
      written.release();
      writer[Symbol.dispose]();
    }
  });
});

it.each(WAYS)("%s: what a value inherits is not in it", (_way, options) => {
  const target = loose(
    { a: u8, toString: when("a", u8), valueOf: u8, text: utf8(ref("valueOf")) },
    options,
  );
  expect(written(target, { a: 0, text: "ab" })).toEqual([0, 2, 97, 98]);
});
