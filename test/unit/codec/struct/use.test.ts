import { describe, expect, expectTypeOf, it } from "vitest";
import { type Bytes, BytesPool } from "../../../../src/buffers/index.js";
import {
  bits,
  boolean,
  bytesPrefixed,
  constant,
  enumerated,
  type Infer,
  type InferInput,
  mapped,
  padding,
  Reader,
  ref,
  repeated,
  type StructOptions,
  sized,
  slice,
  struct,
  tagged,
  u8,
  u16be,
  u32be,
  u64be,
  union,
  utf8,
  utf8Prefixed,
  varint32,
  Writer,
  when,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { onHeap, refusal } from "../support.js";
import { WAYS } from "./help.js";

const Item = struct({ key: varint32, name: utf8Prefixed("u8") });
const Message = struct({
  magic: constant(u16be, 0xcafe),
  id: u32be,
  big: u64be,
  nameLength: u8,
  hasNote: boolean,
  kind: u8,
  name: utf8(ref("nameLength")),
  note: when("hasNote", utf8Prefixed("u8")),
  body: union("kind", { 1: Item, 2: bytesPrefixed("u8") }),
  pad: padding(1),
  items: repeated("u8", Item),
  state: enumerated(u8, { on: 1, off: 0 }),
  any: tagged(u8, { 1: u8, 2: utf8Prefixed("u8") }),
});

interface ItemValue {
  key: number;
  name: string;
}

describe("the types of values", () => {
  it("are inferred", () => {
    type Value = Infer<typeof Message>;
    expectTypeOf<Infer<typeof Item>>().toEqualTypeOf<ItemValue>();
    expectTypeOf<Value["id"]>().toEqualTypeOf<number>();
    expectTypeOf<Value["big"]>().toEqualTypeOf<bigint>();
    expectTypeOf<Value["note"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Value["items"]>().toEqualTypeOf<ItemValue[]>();
    expectTypeOf<Value["state"]>().toEqualTypeOf<"on" | "off">();
    expectTypeOf<Value["kind"]>().toEqualTypeOf<1 | 2>();
    expectTypeOf<Value>().not.toHaveProperty("magic");
    expectTypeOf<Value>().not.toHaveProperty("pad");
    type First = Extract<Value, { kind: 1 }>;
    expectTypeOf<First["body"]>().toEqualTypeOf<ItemValue>();
    type Text = Extract<Value["any"], { tag: 2 }>;
    expectTypeOf<Text["value"]>().toEqualTypeOf<string>();
    expectTypeOf(Message.decode).returns.toEqualTypeOf<Value>();
    expectTypeOf(Message.read).returns.toEqualTypeOf<Value | undefined>();
  });

  it("tell unions that are sized", () => {
    const Record = struct({
      kind: u8,
      size: u16be,
      body: sized(ref("size"), union("kind", { 1: Item, 2: utf8Prefixed("u8") })),
    });
    type Value = Infer<typeof Record>;
    type First = Extract<Value, { kind: 1 }>;
    expectTypeOf<First>().toEqualTypeOf<{ kind: 1; size: number; body: ItemValue }>();
    const input: InferInput<typeof Record> = { kind: 2, body: "text" };
    expect(Record.lengthOf(input)).toBe(8);
  });

  it("that are written may lack what the others tell", () => {
    const value: InferInput<typeof Message> = {
      id: 1,
      big: 2n,
      kind: 1,
      name: "abc",
      body: { key: 1, name: "x" },
      items: [],
      state: "on",
      any: { tag: 1, value: 5 },
    };
    onHeap((heap) => {
      const bytes = Message.encode(new BytesPool(heap), value);
      const decoded = Message.decode(bytes);
      expect(decoded).toEqual({ ...value, nameLength: 3, hasNote: false, note: undefined });
      if (decoded.kind === 1) expectTypeOf(decoded.body).toEqualTypeOf<ItemValue>();
      bytes.release();
    });
    // @ts-expect-error id is a number
    const wrongId: InferInput<typeof Message> = { ...value, id: "1" };
    // @ts-expect-error the body of kind 2 is bytes
    const wrongBody: InferInput<typeof Message> = { ...value, kind: 2 };
    expect([wrongId.id, wrongBody.kind]).toEqual(["1", 2]);
  });
});

const smallOf = (options: StructOptions) =>
  struct({ id: u16be, name: utf8Prefixed("u8"), rest: repeated("u8", u8) }, options);

describe.each(WAYS)("%s", (_way, options) => {
  const Small = smallOf(options);

  it("decodes whole values only", () => {
    const whole = Uint8Array.of(0, 1, 1, 65, 2, 7, 8);
    expect(Small.decode(whole)).toEqual({ id: 1, name: "A", rest: [7, 8] });
    const short = refusal(() => Small.decode(whole.subarray(0, 6)), "ERR_TRUNCATED");
    expect(short.details).toEqual({ position: 0, missing: 1 });
    const long = refusal(() => Small.decode(Uint8Array.of(...whole, 1)), "ERR_MALFORMED");
    expect(long.details).toEqual({ position: 7, expected: "the end; 1 bytes are left" });
    const strict = { strict: true };
    refusal(() => Small.decode(Uint8Array.of(0, 1, 1, 255, 0), strict), "ERR_MALFORMED");
  });

  it("refuses what is no reader, no writer and no pool", () => {
    refusal(() => Small.read(wrong({})), "ERR_INVALID_ARGUMENT");
    refusal(() => Small.write(wrong({}), { id: 1, name: "", rest: [] }), "ERR_INVALID_ARGUMENT");
    refusal(
      () => Small.encode(wrong<never>({}), { id: 1, name: "", rest: [] }),
      "ERR_INVALID_ARGUMENT",
    );
    refusal(() => Small.decode(wrong("abc")), "ERR_INVALID_ARGUMENT");
    for (const value of [undefined, null, 5, "text"]) {
      onHeap((heap) => {
        const writer = new Writer(heap);
        const error = refusal(() => Small.write(writer, wrong(value)), "ERR_INVALID_ARGUMENT");
        expect(error.message).toMatch(/^the value is .*; it takes an object$/);
        expect(writer.length).toBe(0);
        writer[Symbol.dispose]();
      });
      refusal(() => Small.lengthOf(wrong(value)), "ERR_INVALID_ARGUMENT");
    }
  });

  it("does not read bytes that were released", () => {
    onHeap((heap) => {
      const bytes = new BytesPool(heap).from([0, 1, 0, 0]);
      const reader = new Reader(bytes);
      bytes.release();
      refusal(() => Small.read(reader), "ERR_RELEASED");
    });
  });
});

describe.each(WAYS)("%s", (_way, options) => {
  const Small = smallOf(options);

  it("says the path of lists in lists", () => {
    const Deep = struct({ rows: repeated("u8", repeated("u8", Small)) }, options);
    const good = { id: 1, name: "", rest: [] };
    const rows = [[good], [good, { id: 1, name: "", rest: [1, 2, -1] }]];
    onHeap((heap) => {
      const error = refusal(() => Deep.encode(new BytesPool(heap), { rows }), "ERR_OUT_OF_RANGE");
      expect(error.details).toMatchObject({ path: "rows[1][1].rest[2]", got: -1 });
      expect(error.message).toMatch(/^rows\[1\]\[1\]\.rest\[2\]: u8 at \d+ got -1/);
      const names = { rows: wrong<never>([[good, { ...good, name: 5 }]]) };
      const other = refusal(() => Deep.encode(new BytesPool(heap), names), "ERR_INVALID_ARGUMENT");
      expect(other.details.path).toBe("rows[0][1].name");
      expect(refusal(() => Deep.lengthOf(names), "ERR_INVALID_ARGUMENT").details.path).toBe(
        "rows[0][1].name",
      );
    });
  });

  it("goes on within bits, and leaves them to what follows", () => {
    const Half = struct({ a: bits(4) }, options);
    onHeap((heap) => {
      const writer = new Writer(heap);
      Half.write(writer, { a: 5 });
      refusal(() => Half.write(writer, { a: 16 }), "ERR_OUT_OF_RANGE");
      Half.write(writer, { a: 6 });
      Half.write(writer, { a: 7 });
      expect([...writer.view()]).toEqual([0x56, 0x70]);
      const reader = new Reader(writer.view());
      expect([Half.read(reader), reader.bits(4), Half.read(reader)]).toEqual([
        { a: 5 },
        6,
        { a: 7 },
      ]);
      writer[Symbol.dispose]();
    });
  });

  it.each([1, 2, 3, 1000])("is cut from a stream in chunks of %d", (size) => {
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      const values = Array.from({ length: 20 }, (_, id) => ({
        id,
        name: "x".repeat(id),
        rest: Array.from({ length: id % 5 }, () => id),
      }));
      const encoded = values.flatMap((value) => {
        const bytes = Small.encode(pool, value);
        const all = [...bytes];
        bytes.release();
        return all;
      });
      const framer = Small.framer(pool, { maximum: 100 });
      const got: unknown[] = [];
      for (let at = 0; at < encoded.length; at += size) {
        framer.push(Uint8Array.from(encoded.slice(at, at + size)), (frame) => {
          got.push(Small.decode(frame));
          frame.release();
        });
      }
      framer.end();
      expect(got).toEqual(values);
    });
  });
});

describe("a finder takes time in proportion to the bytes", () => {
  it("of many small elements that come one by one", () => {
    const List = struct({ all: repeated("u16be", utf8Prefixed("u8")) });
    const count = 20_000;
    // The first text is empty, and all others are one byte, 0.
    const all = Uint8Array.from({ length: 1 + 2 * count }, (_, index) => index % 2);
    new DataView(all.buffer).setUint16(0, count);
    onHeap((heap) => {
      const framer = List.framer(new BytesPool(heap), { maximum: 2 ** 16 });
      let frames = 0;
      for (let at = 0; at < all.length; at++) {
        framer.push(all.subarray(at, at + 1), (frame) => {
          frames += frame.length;
          frame.release();
        });
      }
      framer.end();
      expect(frames).toBe(all.length);
    });
  });
});

describe.each(WAYS)("slices, %s", (_way, options) => {
  const Frame = struct({ id: u8, head: slice(2), body: slice("u8"), end: u8 }, options);
  const Pair = struct({ frames: repeated(2, Frame), last: constant(u8, 9) }, options);
  const one = [1, 10, 11, 3, 20, 21, 22, 4];
  const all = [...one, ...one, 9];

  it("share the bytes, and are the caller's", () => {
    onHeap((heap) => {
      const bytes = new BytesPool(heap).from(all);
      const { frames } = Pair.decode(bytes);
      bytes.release();
      expect(frames.map(({ head, body }) => [[...head], [...body]])).toEqual([
        [
          [10, 11],
          [20, 21, 22],
        ],
        [
          [10, 11],
          [20, 21, 22],
        ],
      ]);
      const again = Frame.encode(new BytesPool(heap), frames[0] as Infer<typeof Frame>);
      expect([...again]).toEqual(one);
      again.release();
      for (const { head, body } of frames)
        for (const each of [head, body]) (each as Bytes).release();
    });
    const array = Uint8Array.from(one);
    expect((Frame.decode(array).body as Uint8Array).buffer).toBe(array.buffer);
  });

  it("are released if the value is not read to its end", () => {
    onHeap((heap) => {
      const pool = new BytesPool(heap);
      for (let there = 0; there < all.length; there++) {
        const bytes = pool.from(all.slice(0, there));
        const reader = new Reader(bytes);
        expect(Pair.read(reader)).toBeUndefined();
        bytes.release();
        expect(heap.stats().live.blocks).toBe(0);
      }
      for (const [wrong, path] of [
        [[...all.slice(0, -1), 8], "last"],
        [[...all, 1], undefined],
      ] as const) {
        const bytes = pool.from(wrong);
        const error = refusal(() => Pair.decode(bytes), "ERR_MALFORMED");
        expect(error.details.path).toBe(path);
        bytes.release();
        expect(heap.stats().live.blocks).toBe(0);
      }
    });
  });

  it("of values that functions read within others are released with them", () => {
    const Outer = struct(
      {
        inner: mapped(
          slice("u8"),
          (bytes) => {
            const frame = Frame.decode(bytes);
            if ("release" in bytes) bytes.release();
            return frame;
          },
          (): Uint8Array => new Uint8Array(0),
        ),
        last: constant(u8, 9),
      },
      options,
    );
    onHeap((heap) => {
      const bytes = new BytesPool(heap).from([one.length, ...one, 8]);
      refusal(() => Outer.decode(bytes), "ERR_MALFORMED");
      bytes.release();
      expect(heap.stats().live.blocks).toBe(0);
    });
  });
});
