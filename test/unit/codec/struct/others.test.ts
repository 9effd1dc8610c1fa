import { expect, expectTypeOf, it } from "vitest";
import {
  bytesPrefixed,
  type Infer,
  Reader,
  ref,
  sized,
  struct,
  tagged,
  u8,
  u16be,
  union,
  utf8Prefixed,
  utf8Rest,
} from "../../../../src/codec/index.js";
import { refusal } from "../support.js";
import { expectBoth, loose, WAYS } from "./help.js";

it.each(WAYS)("%s: tags without a case are read and written as others", (_way, options) => {
  const Record = tagged(u8, { 1: u16be, 2: utf8Prefixed("u8") }, { others: bytesPrefixed("u8") });
  const target = loose({ record: Record }, options);
  expectBoth(target, { record: { tag: 1, value: 258 } }, [1, 1, 2]);
  expectBoth(target, { record: { tag: 9, value: Uint8Array.of(7, 8) } }, [9, 2, 7, 8]);
  const wrong = () => target.decode(Uint8Array.of(2, 9));
  refusal(wrong, "ERR_TRUNCATED");
});

it.each(WAYS)("%s: a union has others, too, also within a size", (_way, options) => {
  const body = sized(ref("length"), union("kind", { 1: u8 }, { others: utf8Rest }));
  const target = loose({ kind: u8, length: u8, body }, options);
  expectBoth(target, { kind: 1, length: 1, body: 5 }, [1, 1, 5]);
  expectBoth(target, { kind: 4, length: 2, body: "hi" }, [4, 2, 104, 105]);
});

it("what others are is in the types", () => {
  const Named = struct({ kind: u8, body: union("kind", { 1: u16be }, { others: utf8Rest }) });
  expectTypeOf<Infer<typeof Named>>().toEqualTypeOf<
    { kind: 1; body: number } | { kind: number; body: string }
  >();
  const Record = tagged(u8, { 1: u16be }, { others: utf8Rest });
  expectTypeOf<Infer<typeof Record>>().toEqualTypeOf<
    { tag: 1; value: number } | { tag: number; value: string }
  >();
  expect(Named.decode(Uint8Array.of(3, 65))).toEqual({ kind: 3, body: "A" });
  const reader = new Reader(Uint8Array.of(3, 65));
  expect(struct({ record: Record }).read(reader)).toEqual({ record: { tag: 3, value: "A" } });
});

it("others is a field with a value, and the only option", () => {
  const odd = [null, 5, {}, { others: 5 }, { other: u8 }] as unknown as { others: typeof u8 }[];
  for (const options of odd) {
    const action = () => tagged(u8, { 1: u8 }, options);
    if (JSON.stringify(options) === "{}") action();
    else refusal(action, "ERR_INVALID_ARGUMENT");
  }
});
