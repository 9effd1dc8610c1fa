import { expect, it } from "vitest";
import {
  bits,
  mapped,
  Reader,
  ref,
  repeated,
  struct,
  tagged,
  u8,
  union,
  utf8,
  utf8Prefixed,
  when,
} from "../../../../src/codec/index.js";
import { expectBoth, expectFound, loose, WAYS, written } from "./help.js";

it.each(WAYS)("%s: what others refer to may begin or end within a byte", (_way, options) => {
  const Low = struct({ low: bits(5) }, options);
  const Ends = struct({ byte: u8, high: bits(3) }, options);
  const is = (wanted: number) => (value: never) => Object.values(value as object).includes(wanted);
  const low = mapped(
    Low,
    (value) => value.low,
    (value: number) => ({ low: value }),
  );
  const bit = repeated(5, bits(1));
  const one = { tag: 1, value: 1 };
  const expectOne = (of: Parameters<typeof loose>[0], value: object, input: number[]): void =>
    expectBoth(loose(of, options), value, input);
  expectOne(
    { a: bits(3), s: Low, c: when("s", u8, is(1)) },
    { a: 1, s: { low: 1 }, c: 9 },
    [33, 9],
  );
  expectOne({ a: bits(3), s: low, c: utf8(ref("s")) }, { a: 1, s: 2, c: "ab" }, [34, 97, 98]);
  const Cases = union("a", { 1: bits(5) });
  expectOne({ a: bits(3), s: Cases, c: utf8(ref("s")) }, { a: 1, s: 2, c: "ab" }, [34, 97, 98]);
  const list = { a: 1, s: [0, 0, 0, 0, 1], c: 9 };
  expectOne({ a: bits(3), s: bit, c: when("s", u8, is(1)) }, list, [33, 9]);
  const Tagged = tagged(bits(2), { 1: bits(3) });
  expectOne({ a: bits(3), s: Tagged, c: when("s", u8, is(1)) }, { a: 1, s: one, c: 9 }, [41, 9]);
  const ends = { s: { byte: 5, high: 1 }, d: 3, c: 9, e: 8 };
  const After = { s: Ends, d: bits(5), c: when("s", u8, is(1)), e: when("d", u8) };
  expectOne(After, ends, [5, 35, 9, 8]);
});

it.each(WAYS)("%s: a list that others refer to is read once when it has come", (_way, options) => {
  let read = 0;
  const counted = mapped(
    utf8Prefixed("u8"),
    (text) => {
      read++;
      return text;
    },
    (text: string) => text,
  );
  const is = (list: never) => (list as string[]).length === 3;
  const target = loose({ list: repeated("u8", counted), c: when("list", u8, is) }, options);
  const input = written(target, { list: ["ab", "cd", "ef"], c: 1 });
  expectFound(target, input);
  // Three times: twice in one piece, and once byte by byte.
  expect(read).toBe(9);
  expect(target.finder()(new Reader(Uint8Array.from(input)))).toBe(input.length);
});
