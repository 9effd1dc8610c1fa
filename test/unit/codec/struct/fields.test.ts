import { expect, it } from "vitest";
import {
  align,
  bits,
  boolean,
  bytes,
  bytesPrefixed,
  bytesRest,
  constant,
  enumerated,
  f64le,
  flag,
  i16le,
  lazy,
  mapped,
  padding,
  quic,
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
  u64be,
  union,
  utf8,
  utf8Prefixed,
  utf8Rest,
  utf8Terminated,
  varint32,
  varint64,
  when,
} from "../../../../src/codec/index.js";
import { refusal } from "../support.js";
import { expectBoth, type Loose, loose, WAYS, written } from "./help.js";

it.each(WAYS)("%s: numbers, bits, text and lists", (_way, options) => {
  const Item = struct({ key: varint32, name: utf8("u8") }, options);
  const Message = loose(
    {
      id: u32be,
      flags: bits(3),
      kind: bits(5),
      isLast: flag,
      wide: bits(12),
      low: i16le,
      value: f64le,
      big: u64be,
      far: quic,
      name: utf8Prefixed("u16le"),
      items: repeated("u8", Item),
      grid: repeated("varint", repeated(2, u16be)),
    },
    options,
  );
  const items = [
    { key: 300, name: "a" },
    { key: 0, name: "grün" },
  ];
  const value = {
    id: 0xfffefdfc,
    flags: 5,
    kind: 3,
    isLast: true,
    wide: 0xabc,
    low: -2,
    value: 1.5,
    big: 2n ** 63n,
    far: 16384,
    name: "x",
    items,
    grid: [
      [1, 2],
      [3, 4],
    ],
  };
  expectBoth(Message, value, [
    ...[0xff, 0xfe, 0xfd, 0xfc, 0xa3, 0xd5, 0xe0, 0xfe, 0xff],
    ...[0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0x40, 0],
    ...[1, 0, 0x78, 2, 0xac, 2, 1, 0x61, 0, 5, 0x67, 0x72, 0xc3, 0xbc, 0x6e],
    ...[2, 0, 1, 0, 2, 0, 3, 0, 4],
  ]);
});

it.each(WAYS)("%s: bits go on in structs within", (_way, options) => {
  const Inner = struct({ b: bits(3), c: repeated(2, bits(1)) }, options);
  const Message = loose({ a: bits(2), inner: Inner, d: bits(1), e: u8 }, options);
  const value = { a: 2, inner: { b: 7, c: [0, 1] }, d: 1, e: 255 };
  expectBoth(Message, value, [0b10111011, 255]);
});

it.each(WAYS)("%s: text and bytes", (_way, options) => {
  const Message = loose(
    {
      four: utf8(4),
      line: utf8Terminated(10),
      raw: bytes(3),
      more: bytesPrefixed("u16be"),
      empty: utf8Prefixed("quic"),
    },
    options,
  );
  const value = {
    four: "grü",
    line: "",
    raw: Uint8Array.of(1, 2, 3),
    more: Uint8Array.of(9),
    empty: "",
  };
  expectBoth(Message, value, [0x67, 0x72, 0xc3, 0xbc, 10, 1, 2, 3, 0, 1, 9, 0]);
});

it.each(WAYS)("%s: constants, padding, boundaries and booleans", (_way, options) => {
  const Message = loose(
    {
      magic: constant(u16be, 0xcafe),
      sign: constant(utf8(2), "ok"),
      raw: constant(bytes(1), Uint8Array.of(7)),
      a: u8,
      _: align(4),
      b: bits(1),
      __: align(),
      c: bits(1),
      pad: padding(2),
      yes: boolean,
    },
    options,
  );
  const value = { a: 1, b: 1, c: 1, yes: true };
  const input = [0xca, 0xfe, 0x6f, 0x6b, 7, 1, 0, 0, 0x80, 0x80, 0, 0, 1];
  expectBoth(Message, value, input);
  const wrong = refusal(() => Message.decode(Uint8Array.of(0xca, 0xff)), "ERR_MALFORMED");
  expect(wrong.message).toBe("magic: malformed at 0: expected 51966, not 51967");
  expect(wrong.details).toEqual({
    position: 0,
    expected: "51966, not 51967",
    path: "magic",
  });
  const notBoolean = Uint8Array.from(input).fill(2, 12);
  expect(refusal(() => Message.decode(notBoolean), "ERR_MALFORMED").details).toEqual({
    position: 12,
    expected: "0 or 1",
    path: "yes",
  });
});

it.each(WAYS)("%s: lengths in other fields", (_way, options) => {
  const Message = loose(
    {
      nameLength: u8,
      count: u64be,
      size: varint32,
      name: utf8(ref("nameLength")),
      list: repeated(ref("count"), u8),
      raw: bytes(ref("size")),
    },
    options,
  );
  const told = { name: "grün", list: [1, 2], raw: Uint8Array.of(3) };
  const value = { nameLength: 5, count: 2n, size: 1, ...told };
  const input = [5, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0x67, 0x72, 0xc3, 0xbc, 0x6e, 1, 2, 3];
  expectBoth(Message, value, input);
  expect(written(Message, told)).toEqual(input);
  const error = refusal(() => written(Message, { ...value, nameLength: 4 }), "ERR_OUT_OF_RANGE");
  expect(error.message).toBe("name: the length of the text is 5; nameLength says 4");
  expect(error.details).toEqual({ got: 5, expected: 4, path: "name" });
  refusal(() => written(Message, { ...value, count: 3n }), "ERR_OUT_OF_RANGE");
  const untold = refusal(() => written(Message, { ...told, name: 5 }), "ERR_INVALID_ARGUMENT");
  expect(untold.details.path).toBe("name");
  const huge = Uint8Array.from([0, 255, 255, 255, 255, 255, 255, 255, 255, 0]);
  expect(refusal(() => Message.decode(huge), "ERR_MALFORMED").details.path).toBe("list");
});

it.each(WAYS)("%s: what is there if a flag says so", (_way, options) => {
  const Message = loose(
    {
      hasName: flag,
      hasId: bits(1),
      version: bits(6),
      name: when("hasName", utf8Prefixed("u8")),
      id: when("hasId", u8),
      old: when("version", u8, 1),
      late: when("version", u8, (version: number) => version > 1),
    },
    options,
  );
  const name = { hasName: true, hasId: 0, version: 1, name: "a", old: 7 };
  expectBoth(Message, name, [0b10000001, 1, 0x61, 7]);
  const id = { hasName: false, hasId: 1, version: 2, id: 5, late: 9 };
  expectBoth(Message, id, [0b01000010, 5, 9]);
  expect(written(Message, { version: 0 })).toEqual([0]);
  expect(written(Message, { version: 0, id: 3 })).toEqual([64, 3]);
  const error = refusal(
    () => written(Message, { hasName: true, version: 0 }),
    "ERR_INVALID_ARGUMENT",
  );
  expect(error.message).toBe("name: the value is missing, but hasName is true");
  refusal(() => written(Message, { version: 0, old: 1 }), "ERR_INVALID_ARGUMENT");
});

it.each(WAYS)("%s: unions and tags", (_way, options) => {
  const Point = struct({ x: u8, y: u8 }, options);
  const Message = loose(
    {
      kind: u8,
      body: union("kind", { 1: Point, 2: utf8Prefixed("u8") }),
      any: tagged(enumerated(u8, { none: 0, some: 1 }), { none: struct({}, options), some: u8 }),
    },
    options,
  );
  const point = { kind: 1, body: { x: 3, y: 4 }, any: { tag: "none", value: {} } };
  expectBoth(Message, point, [1, 3, 4, 0]);
  const text = { kind: 2, body: "a", any: { tag: "some", value: 9 } };
  expectBoth(Message, text, [2, 1, 0x61, 1, 9]);
  const unknown = refusal(() => Message.decode(Uint8Array.of(3, 1)), "ERR_MALFORMED");
  expect(unknown.message).toBe("body: malformed at 1: expected a tag of 1, 2, not 3");
  const name = refusal(() => Message.decode(Uint8Array.of(2, 0, 7)), "ERR_MALFORMED");
  expect(name.details.path).toBe("any.tag");
  const tag = { kind: 2, body: "a", any: { tag: "constructor", value: 9 } };
  const refused = refusal(() => written(Message, tag), "ERR_INVALID_ARGUMENT");
  expect(refused.details.path).toBe("any.tag");
  const value = { kind: 1, body: { x: 3, y: 400 }, any: { tag: "none", value: {} } };
  expect(refusal(() => written(Message, value), "ERR_OUT_OF_RANGE").details).toMatchObject({
    path: "body.y",
    got: 400,
    position: 2,
  });
});

it.each(WAYS)("%s: values of other types", (_way, options) => {
  const Message = loose(
    {
      at: mapped(
        u32be,
        (seconds) => new Date(seconds * 1000),
        (date) => date.getTime() / 1000,
      ),
      method: enumerated(u8, { get: 1, set: 2 }),
    },
    options,
  );
  expectBoth(Message, { at: new Date(256000), method: "set" }, [0, 0, 1, 0, 2]);
  const error = refusal(() => Message.decode(Uint8Array.of(0, 0, 0, 0, 3)), "ERR_MALFORMED");
  expect(error.message).toBe("method: malformed at 4: expected one of 1, 2, not 3");
  refusal(() => written(Message, { at: new Date(0), method: "put" }), "ERR_INVALID_ARGUMENT");
});

it.each(WAYS)("%s: values that lie in so many bytes", (_way, options) => {
  const Inner = struct({ id: varint64, rest: bytesRest }, options);
  const Message = loose(
    {
      inner: sized("varint", Inner),
      texts: sized(4, repeatedUntilEnd(utf8Prefixed("u8"))),
      last: sized("u16be", utf8Rest),
      one: bits(1),
      two: sized(1, struct({ bit: bits(1) }, options)),
      three: bits(1),
    },
    options,
  );
  const value = {
    inner: { id: 300n, rest: Uint8Array.of(7) },
    texts: ["a", "b"],
    last: "xyz",
    one: 1,
    two: { bit: 1 },
    three: 1,
  };
  const input = [3, 0xac, 2, 7, 1, 0x61, 1, 0x62, 0, 3, 0x78, 0x79, 0x7a, 0x80, 0x80, 0x80];
  expectBoth(Message, value, input);
  const overrun = Uint8Array.from(input).fill(5, 6, 7);
  expect(refusal(() => Message.decode(overrun), "ERR_MALFORMED").details).toEqual({
    position: 4,
    expected: "a value of exactly 4 bytes",
    path: "texts",
  });
});

it.each(WAYS)("%s: values that contain themselves, to a depth", (_way, options) => {
  interface Tree {
    id: number;
    children: Tree[];
  }
  const Tree: Struct<Tree> = struct(
    {
      id: u8,
      children: repeated(
        "u8",
        lazy(() => Tree, 3),
      ),
    },
    options,
  );
  const Message = Tree as unknown as Loose;
  const leaf = (id: number): Tree => ({ id, children: [] });
  const value = { id: 1, children: [leaf(2), { id: 3, children: [leaf(4)] }] };
  expectBoth(Message, value, [1, 2, 2, 0, 3, 1, 4, 0]);
  const deep = Uint8Array.of(1, 1, 1, 1, 1, 1, 1, 1, 1, 0);
  const error = refusal(() => Message.decode(deep), "ERR_TOO_LARGE");
  expect(error.message).toBe(
    "children[0].children[0].children[0].children[0]: " +
      "the depth at 8 is 4; at most 3 is accepted",
  );
  const circle: Tree = leaf(1);
  circle.children.push(circle);
  refusal(() => written(Message, circle), "ERR_TOO_LARGE");
  expectBoth(Message, value, [1, 2, 2, 0, 3, 1, 4, 0]);
});

it.each(WAYS)("%s: fields within others refer to the fields of the struct", (_way, options) => {
  const Point = struct({ x: u8, y: u8 }, options);
  const cases = { 1: Point, 2: utf8Rest, 3: bytesRest };
  const Record = loose(
    {
      type: u8,
      hasNote: flag,
      length: u16be,
      size: u8,
      value: sized(ref("length"), union("type", cases)),
      more: sized("u8", union("type", cases)),
      note: when("hasNote", utf8(ref("size"))),
      time: when(
        "hasNote",
        mapped(union("type", { 1: u8, 2: u16be }), String, (text: string) => Number(text)),
      ),
    },
    options,
  );
  const point = { type: 1, value: { x: 3, y: 4 }, more: { x: 5, y: 6 } };
  const told = { hasNote: false, length: 2, size: 0, note: undefined, time: undefined };
  const pointBytes = [1, 0, 0, 2, 0, 3, 4, 2, 5, 6];
  expectBoth(Record, { ...point, ...told }, pointBytes);
  expect(written(Record, point)).toEqual(pointBytes);
  const text = { type: 2, value: "grün", more: "", note: "ab", time: "258" };
  const textBytes = [2, 0x80, 0, 5, 2, 0x67, 0x72, 0xc3, 0xbc, 0x6e, 0, 0x61, 0x62, 1, 2];
  expectBoth(Record, { ...text, hasNote: true, length: 5, size: 2 }, textBytes);
  expect(written(Record, text)).toEqual(textBytes);
  const wrongLength = { ...point, length: 3 };
  const error = refusal(() => written(Record, wrongLength), "ERR_OUT_OF_RANGE");
  expect(error.message).toBe("value: the length is 2; length says 3");
  refusal(() => written(Record, { ...text, type: 7 }), "ERR_INVALID_ARGUMENT");
  const { type: _, ...untyped } = text;
  refusal(() => written(Record, untyped), "ERR_OUT_OF_RANGE");
  const overrun = refusal(
    () => Record.decode(Uint8Array.of(1, 0, 0, 3, 0, 1, 2, 3)),
    "ERR_MALFORMED",
  );
  expect(overrun.details.path).toBe("value");
  refusal(
    () => loose({ a: u8, b: sized(ref("c"), union("a", cases)) }, options),
    "ERR_INVALID_ARGUMENT",
  );
  const three = (): unknown => when("a", sized(ref("b"), union("c", cases)));
  refusal(three, "ERR_INVALID_ARGUMENT");
});

it.each(WAYS)("%s: tags, lengths and flags of other kinds", (_way, options) => {
  const cases = { "": u8, one: u16be };
  const double = mapped(
    bits(4),
    (half) => half * 2,
    (value: number) => value / 2,
  );
  const Message = loose(
    {
      size: double,
      mode: enumerated(bits(4), { on: 1, off: 0 }),
      name: utf8(ref("size")),
      kind: utf8Prefixed("u8"),
      line: utf8Terminated(10),
      body: union("kind", cases),
      end: union("line", cases),
      more: when("mode", u8, "on"),
      any: tagged(utf8Terminated(0), cases),
      other: tagged(
        mapped(
          bytes(1),
          (all) => `${all[0]}`,
          (text) => Uint8Array.of(+text),
        ),
        { 7: u8 },
      ),
    },
    options,
  );
  const value = {
    ...{ size: 4, mode: "on", name: "abcd", kind: "one", line: "", body: 258, end: 3, more: 4 },
    ...{ any: { tag: "one", value: 772 }, other: { tag: "7", value: 9 } },
  };
  const input = [0x21, 97, 98, 99, 100, 3, 111, 110, 101, 10, 1, 2, 3, 4];
  expectBoth(Message, value, [...input, 111, 110, 101, 0, 3, 4, 7, 9]);
  const { size: _, ...told } = value;
  expect(written(Message, told)).toHaveLength(22);
});
