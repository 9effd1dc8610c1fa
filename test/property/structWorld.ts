/** Descriptions of any kind, made of the fields of `structFields.ts`. */
import fc from "fast-check";
import * as codec from "../../src/codec/index.js";
import {
  type AnyField,
  align,
  bits,
  bytes,
  constant,
  type Field,
  flag,
  type LengthPrefix,
  padding,
  ref,
  repeated,
  repeatedUntilEnd,
  type StructOptions,
  sized,
  struct,
  tagged,
  u16be,
  union,
  utf8,
  when,
} from "../../src/codec/index.js";
import {
  arrays,
  type Kind,
  leaves,
  lebBytes,
  littleBytes,
  Out,
  PREFIXES,
  prefixBytes,
  texts,
  utf8Bytes,
} from "./structFields.js";

function listOf(kind: Kind, prefix: LengthPrefix): Kind {
  const maximum = kind.mayBeEmpty === true ? { maximum: 50 } : {};
  return {
    make: (options) => repeated(prefix, kind.make(options), maximum),
    values: fc.array(kind.values, { maxLength: 4 }),
    encode(out, value) {
      const list = value as unknown[];
      out.bytes(prefixBytes(prefix, list.length));
      for (const each of list) kind.encode(out, each);
    },
  };
}

function timesOf(kind: Kind, count: number): Kind {
  return {
    make: (options) => repeated(count, kind.make(options)),
    values: fc.array(kind.values, { minLength: count, maxLength: count }),
    encode: (out, value) => {
      for (const each of value as unknown[]) kind.encode(out, each);
    },
    mayBeEmpty: kind.mayBeEmpty === true || count === 0,
  };
}

function sizedOf(kind: Kind, prefix: LengthPrefix): Kind {
  return {
    make: (options) => sized(prefix, kind.make(options)),
    values: kind.values,
    encode(out, value) {
      const inner = new Out();
      kind.encode(inner, value);
      const all = inner.done();
      out.bytes([...prefixBytes(prefix, all.length), ...all]);
      out.align();
    },
  };
}

/** A list to the end of a sized field, of an element that has bytes. */
function endlessOf(kind: Kind): Kind {
  const one = sizedOf(kind, "u8");
  const list = {
    make: (options: StructOptions) => repeatedUntilEnd(one.make(options)),
    values: fc.array(one.values, { maxLength: 3 }),
    encode: (out: Out, value: unknown) => {
      for (const each of value as unknown[]) one.encode(out, each);
    },
  };
  return sizedOf(list, "u16be");
}

function taggedOf(first: Kind, second: Kind): Kind {
  return {
    make(options) {
      const others = second.make(options);
      return tagged(codec.u8, { 1: first.make(options), 200: others }, { others });
    },
    values: fc.oneof(
      first.values.map((value) => ({ tag: 1, value })),
      second.values.map((value) => ({ tag: 200, value })),
      fc.record({ tag: fc.integer({ min: 2, max: 255 }), value: second.values }),
    ),
    encode(out, given) {
      const { tag, value } = given as { tag: number; value: unknown };
      out.bytes([tag]);
      (tag === 1 ? first : second).encode(out, value);
    },
  };
}

/** Fields of a struct that belong together, in order, and the values of those with one. */
interface Group {
  make(names: readonly string[], options: StructOptions): [string, AnyField][];
  readonly count: number;
  readonly values: fc.Arbitrary<readonly unknown[]>;
  encode(out: Out, values: readonly unknown[], start: number): void;
}

const one = (kind: Kind): Group => ({
  make: ([name = ""], options) => [[name, kind.make(options)]],
  count: 1,
  values: kind.values.map((value) => [value]),
  encode: (out, [value]) => kind.encode(out, value),
});

const SILENT: unique symbol = Symbol("a field without a value");

function silent(field: Field<never, never>, encode: (out: Out, start: number) => void): Group {
  return {
    make: ([name = ""]) => [[name, field]],
    count: 1,
    values: fc.constant([SILENT]),
    encode: (out, _values, start) => encode(out, start),
  };
}

const silents: fc.Arbitrary<Group> = fc.oneof(
  fc
    .integer({ min: 1, max: 5 })
    .map((count) => silent(padding(count), (out) => out.bytes(new Array(count).fill(0)))),
  fc
    .integer({ min: 1, max: 9 })
    .map((boundary) => silent(align(boundary), (out, start) => out.align(boundary, start))),
  fc
    .nat(65535)
    .map((value) => silent(constant(u16be, value), (out) => out.bytes([value >> 8, value & 255]))),
  fc.nat(7).map((value) => silent(constant(bits(3), value), (out) => out.bits(value, 3))),
);

/** A length or a count, and what has it. */
const lengths: fc.Arbitrary<Group> = fc.constantFrom<Group>(
  {
    make: ([length = "", name = ""]) => [
      [length, codec.varint32],
      [name, utf8(ref(length))],
    ],
    count: 2,
    values: texts.map((text) => [utf8Bytes(text).length, text]),
    encode(out, [length, text]) {
      out.bytes(lebBytes(BigInt(length as number)));
      out.bytes(utf8Bytes(text as string));
    },
  },
  {
    make: ([count = "", name = ""]) => [
      [count, bits(4)],
      [name, repeated(ref(count), bits(3))],
    ],
    count: 2,
    values: fc.array(fc.nat(7), { maxLength: 9 }).map((list) => [list.length, list]),
    encode(out, [count, list]) {
      out.bits(count as number, 4);
      for (const each of list as number[]) out.bits(each, 3);
    },
  },
  {
    make: ([length = "", name = ""]) => [
      [length, codec.u64le],
      [name, bytes(ref(length))],
    ],
    count: 2,
    values: arrays.map((all) => [BigInt(all.length), all]),
    encode(out, [length, all]) {
      out.bytes(littleBytes(length as bigint, 8));
      out.bytes(all as Uint8Array);
    },
  },
);

function flagged(kind: Kind): Group {
  return {
    make: ([has = "", name = ""], options) => [
      [has, flag],
      [name, when(has, kind.make(options))],
    ],
    count: 2,
    values: fc.oneof(
      fc.constant([false, undefined]),
      kind.values.map((value) => [true, value]),
    ),
    encode(out, [has, value]) {
      out.bits(has ? 1 : 0, 1);
      if (has) kind.encode(out, value);
    },
  };
}

function unionOf(first: Kind, second: Kind): Group {
  return {
    make: ([tag = "", name = ""], options) => [
      [tag, codec.u8],
      [name, union(tag, { 7: first.make(options), 8: second.make(options) })],
    ],
    count: 2,
    values: fc.oneof(
      first.values.map((value) => [7, value]),
      second.values.map((value) => [8, value]),
    ),
    encode(out, [tag, value]) {
      out.bytes([tag as number]);
      (tag === 7 ? first : second).encode(out, value);
    },
  };
}

/** Names, among them those that objects have, and that would be code if they were not quoted. */
const NAMES: readonly string[] = [
  ...["id", "a b", "", "__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"],
  ...[
    '"',
    "'",
    "`",
    "\\",
    "\u2028",
    "\n",
    "*/",
    '"];throw 1;//',
    "$" + "{throw 1}",
    "a0",
    "r",
    "w",
    "k",
  ],
  ...["f", "i", "e", "then", "-1", "1.5", "ü", "\ud800", "names", "let", "return", "toJSON"],
];
const FIELDS_MAX = 6;
const names = fc.uniqueArray(
  fc
    .oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 5 }))
    .filter((name) => !/^\d+$/.test(name)),
  { minLength: 2 * FIELDS_MAX, maxLength: 2 * FIELDS_MAX },
);

/** Makes an object of any names, also `__proto__`. */
function objectOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries);
}

function structOf(groups: readonly Group[], all: readonly string[], isEmpty: boolean): Kind {
  let used = 0;
  const named = groups.map((group) => {
    used += group.count;
    return { group, own: all.slice(used - group.count, used) };
  });
  return {
    make: (options) =>
      struct(
        objectOf(named.flatMap(({ group, own }) => group.make(own, options))) as codec.Description,
        options,
      ),
    values: fc.tuple(...named.map(({ group }) => group.values)).map((values) =>
      objectOf(
        named.flatMap(({ own }, index) =>
          own.flatMap((name, place) => {
            const value = values[index]?.[place];
            return value === SILENT ? [] : [[name, value] as const];
          }),
        ),
      ),
    ),
    encode(out, value) {
      const start = out.position;
      for (const { group, own } of named) {
        const values = own.map((name) => (value as Record<string, unknown>)[name]);
        group.encode(out, values, start);
      }
    },
    mayBeEmpty: isEmpty,
  };
}

/** All kinds, in each other. */
export const anyStruct: fc.Arbitrary<Kind> = fc.letrec<{ kind: Kind; struct: Kind; group: Group }>(
  (tie) => ({
    kind: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      { weight: 6, arbitrary: leaves },
      { weight: 2, arbitrary: tie("struct") },
      {
        weight: 2,
        arbitrary: fc
          .tuple(tie("kind"), fc.constantFrom(...PREFIXES))
          .map(([kind, prefix]) => listOf(kind, prefix)),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(tie("kind"), fc.nat(3)).map(([kind, n]) => timesOf(kind, n)),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(tie("kind"), fc.constantFrom<LengthPrefix>("u16le", "varint", "quic"))
          .map(([kind, prefix]) => sizedOf(kind, prefix)),
      },
      { weight: 1, arbitrary: tie("kind").map(endlessOf) },
      { weight: 1, arbitrary: fc.tuple(tie("kind"), tie("kind")).map(([a, b]) => taggedOf(a, b)) },
    ),
    group: fc.oneof(
      { weight: 8, arbitrary: tie("kind").map(one) },
      { weight: 2, arbitrary: silents },
      { weight: 2, arbitrary: lengths },
      { weight: 1, arbitrary: tie("kind").map(flagged) },
      { weight: 1, arbitrary: fc.tuple(tie("kind"), tie("kind")).map(([a, b]) => unionOf(a, b)) },
    ),
    struct: fc
      .tuple(fc.array(tie("group"), { maxLength: FIELDS_MAX }), names)
      .map(([groups, all]) => structOf(groups, all, true)),
  }),
).struct;
