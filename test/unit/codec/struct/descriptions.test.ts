import { expect, it } from "vitest";
import {
  align,
  bits,
  bytes,
  bytesRest,
  constant,
  type Description,
  enumerated,
  lazy,
  mapped,
  padding,
  ref,
  repeated,
  repeatedUntilEnd,
  sized,
  struct,
  tagged,
  u8,
  u16be,
  union,
  utf8,
  utf8Prefixed,
  utf8Terminated,
  when,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { refusal } from "../support.js";
import { everyWay, loose, WAYS, written } from "./help.js";

const EMPTY = struct({});

/** Wrong descriptions, and what the message says of each. */
const REFUSED: readonly [string, () => unknown, RegExp][] = [
  ["no object", () => struct(wrong<never>(5)), /^the description is 5/],
  ["null", () => struct(wrong<never>(null)), /^the description is null/],
  ["no field", () => struct(wrong<never>({ a: 5 })), /^the field "a" is 5; it takes a field/],
  ["a name", () => struct(wrong<never>({ a: "u8" })), /^the field "a" is "u8"/],
  ["a function", () => struct(wrong<never>({ a: bits })), /^the field "a" is a function/],
  ["an index", () => struct({ a: u8, 0: u8 }), /^the field "0" is "0"; it takes a name/],
  ["a list", () => struct(wrong<never>([u8])), /^the field "0"/],
  ["a symbol", () => struct(wrong<never>({ [Symbol("s")]: u8 })), /takes names that are strings/],
  [
    "a ref to nothing",
    () => struct({ a: utf8(ref("b")) }),
    /^the field "a": what it refers to is "b"; .*before it/,
  ],
  ["a ref to a later one", () => struct({ a: utf8(ref("b")), b: u8 }), /^the field "a"/],
  ["a ref to itself", () => struct({ a: utf8(ref("a")) }), /^the field "a"/],
  ["a ref to padding", () => struct({ b: padding(1), a: utf8(ref("b")) }), /^the field "a"/],
  ["a flag of nothing", () => struct({ a: when("b", u8) }), /^the field "a"/],
  ["a union of nothing", () => struct({ a: union("b", { 1: u8 }) }), /^the field "a"/],
  ["after the rest", () => struct({ a: bytesRest, b: u8 }), /^the field "b" .*"a" has no end/],
  ["a ref in a list", () => repeated("u8", utf8(ref("a"))), /no field that refers to a/],
  ["a ref in a case", () => tagged(u8, { 1: utf8(ref("a")) }), /^the case 1/],
  ["padding in a list", () => repeated("u8", padding(1)), /a field with a value/],
  ["an alignment in a list", () => repeated("u8", wrong<never>(align(4))), /alignment/],
  ["the rest in a list", () => repeated("u8", bytesRest), /ends before the rest; see sized/],
  ["elements without bytes", () => repeated("u8", EMPTY), /a maximum/],
  ["such in a list", () => repeated("u8", struct({ a: bytes(0) })), /a maximum/],
  ["a wrong count", () => repeated(wrong<never>("u7"), u8), /^the count is "u7"/],
  ["a negative count", () => repeated(-1, u8), /^the count is -1/],
  ["a count of 1.5", () => utf8(1.5), /^the length of the text is 1.5/],
  ["a wrong prefix", () => utf8Prefixed(wrong<never>(4)), /^prefix is 4/],
  ["a wrong maximum", () => utf8Prefixed("u8", { maximum: -1 }), /^maximum is -1/],
  ["options that are none", () => utf8Prefixed("u8", wrong<never>(null)), /^options is null/],
  ["too many bits", () => bits(33), /^bits is 33/],
  ["no bits", () => bits(0), /^bits is 0/],
  ["a wrong terminator", () => utf8Terminated(128), /^terminator is 128/],
  ["a wrong boundary", () => align(0), /^align is 0/],
  ["no padding", () => padding(0), /^padding is 0/],
  ["a constant out of range", () => constant(u8, 256), /u8 at 0 got 256/],
  ["a constant of another type", () => constant(utf8(2), "abc"), /length of the text is 3/],
  ["names with one number", () => enumerated(u8, { a: 1, b: 1 }), /a number for each name/],
  ["a name out of range", () => enumerated(u8, { a: 256 }), /u8 at 0 got 256/],
  ["no cases", () => tagged(u8, {}), /at least one case/],
  ["a case that is none", () => union("a", wrong<never>({ 1: 7 })), /^the case 1 is 7/],
  ["no functions", () => mapped(u8, wrong<never>(1), (value: number) => value), /^decode is 1/],
  ["no function", () => lazy(wrong<never>(u8)), /^lazy is/],
  ["too deep", () => lazy(() => u8, 257), /^depth is 257/],
  [
    "a sized ref",
    () => struct({ b: sized("u8", utf8(ref("a"))) }),
    /^the field "b": what it refers to is "a"/,
  ],
  ["an endless list in itself", () => repeatedUntilEnd(repeatedUntilEnd(u8)), /see sized/],
  ["a wrong switch", () => struct({}, { generate: wrong<never>(1) }), /^generate is 1/],
  ["a ref of no name", () => ref(wrong<never>(1)), /^ref is 1/],
];

it.each(REFUSED)("is refused: %s", (_name, action, message) => {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  expect(error).toMatchObject({ name: "BufferError", message: expect.stringMatching(message) });
});

it("what has no end of its own is no frame", () => {
  const open = struct({ a: sized("u8", bytesRest), b: bytesRest });
  expect(refusal(() => open.finder(), "ERR_INVALID_ARGUMENT").message).toMatch(/where it ends/);
  expect(struct({ a: sized("u8", bytesRest) }).finder()).toBeTypeOf("function");
});

/** Names that would be code, or a prototype, if they were not taken as names. */
const NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "",
  '"',
  "'",
  "`",
  "\\",
  '"]; globalThis.injected = 1; //',
  "*/ globalThis.injected = 1; /*",
  "\n globalThis.injected = 1; \u2028",
  `${"$"}{globalThis.injected = 1}`,
  "\ud800",
  "arguments",
  "await",
  "a0",
  "k",
];

it.each(WAYS)("%s: names are only names", (_way, options) => {
  const description: Description = Object.fromEntries(NAMES.map((name) => [name, u8]));
  const target = loose(description, options);
  const value = Object.fromEntries(NAMES.map((name, index) => [name, index]));
  const all = NAMES.map((_, index) => index);
  expect(written(target, value)).toEqual(all);
  everyWay(all, (reader) => {
    const got = target.read(reader) as object;
    expect(Object.keys(got)).toEqual(NAMES);
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype);
    expect(Object.entries(got)).toEqual(Object.entries(value));
  });
  for (const name of NAMES) {
    const error = refusal(
      () => written(target, { ...value, [name]: undefined }),
      "ERR_OUT_OF_RANGE",
    );
    expect(String(error.details.path).length).toBeLessThan(60);
    const { [name]: _, ...rest } = value;
    refusal(() => written(target, rest), "ERR_OUT_OF_RANGE");
  }
  expect(globalThis).not.toHaveProperty("injected");
  expect(Object.prototype).not.toHaveProperty("a0");
});

it.each(WAYS)("%s: refs and cases of such names", (_way, options) => {
  const target = loose(
    {
      __proto: u8,
      ["__proto__"]: u8,
      constructor: utf8(ref("__proto__")),
      toString: u8,
      valueOf: union("toString", { 1: u8, 2: u16be }),
    },
    options,
  );
  const value = Object.fromEntries([
    ["__proto", 9],
    ["__proto__", 2],
    ["constructor", "ab"],
    ["toString", 2],
    ["valueOf", 258],
  ]);
  expect(written(target, value)).toEqual([9, 2, 97, 98, 2, 1, 2]);
  everyWay([9, 2, 97, 98, 2, 1, 2], (reader) => {
    expect(Object.entries(target.read(reader) as object)).toEqual(Object.entries(value));
  });
  const tags = loose({ a: tagged(utf8Prefixed("u8"), { one: u8 }) }, options);
  for (const tag of ["__proto__", "constructor", "toString"]) {
    const bytesOf = Uint8Array.of(tag.length, ...Buffer.from(tag), 1);
    refusal(() => tags.decode(bytesOf), "ERR_MALFORMED");
    refusal(() => written(tags, { a: { tag, value: 1 } }), "ERR_INVALID_ARGUMENT");
  }
});

it.each(WAYS)("%s: many fields", (_way, options) => {
  const names = Array.from({ length: 300 }, (_, index) => `field${index}`);
  const target = loose(Object.fromEntries(names.map((name) => [name, u16be])), options);
  const value = Object.fromEntries(names.map((name, index) => [name, index]));
  const all = names.flatMap((_, index) => [index >> 8, index & 255]);
  expect(written(target, value)).toEqual(all);
  everyWay(all, (reader) => expect(target.read(reader)).toEqual(value));
});
