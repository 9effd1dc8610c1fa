/**
 * Fields of any kind, values for them, and their bytes from an independent source: bits as text of
 * 0 and 1.
 */
import fc from "fast-check";
import * as codec from "../../src/codec/index.js";
import {
  type AnyField,
  bits,
  boolean,
  bytes,
  bytesPrefixed,
  enumerated,
  flag,
  type LengthPrefix,
  latin1,
  mapped,
  type StructOptions,
  u16be,
  utf8,
  utf8Prefixed,
  utf8Terminated,
  utf16le,
} from "../../src/codec/index.js";
import { INTEGER_FIELDS } from "../support/fields.js";

/** Takes bits, and gives bytes. */
export class Out {
  digits = "";

  align(boundary = 1, start = 0): void {
    while (this.digits.length % 8 !== 0) this.digits += "0";
    while ((this.position - start) % boundary !== 0) this.digits += "00000000";
  }

  /** As readers and writers count: a begun byte is passed. */
  get position(): number {
    return Math.ceil(this.digits.length / 8);
  }

  bits(value: number, count: number): void {
    this.digits += value.toString(2).padStart(count, "0");
  }

  bytes(values: Iterable<number>): void {
    this.align();
    for (const value of values) this.bits(value, 8);
  }

  done(): Uint8Array {
    this.align();
    return Uint8Array.from(this.digits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
  }
}

/** A kind of field: how it is described, its values, and their bytes. */
export interface Kind {
  make(options: StructOptions): AnyField;
  readonly values: fc.Arbitrary<unknown>;
  encode(out: Out, value: unknown): void;
  /** Whether a value may have no bytes. */
  readonly mayBeEmpty?: boolean;
}

export function littleBytes(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * index)) & 255n));
}

export function lebBytes(value: bigint): number[] {
  return value < 128n ? [Number(value)] : [Number(value % 128n) + 128, ...lebBytes(value / 128n)];
}

function slebBytes(value: bigint): number[] {
  const low = Number(value & 127n);
  const isLast = value >= -64n && value < 64n;
  return isLast ? [low] : [low + 128, ...slebBytes(value >> 7n)];
}

function quicBytes(value: bigint): number[] {
  const log = value < 2n ** 6n ? 0 : value < 2n ** 14n ? 1 : value < 2n ** 30n ? 2 : 3;
  const all = littleBytes(value + (BigInt(log) << BigInt(8 * 2 ** log - 2)), 2 ** log);
  return all.reverse();
}

const zigzagOf = (value: bigint): bigint => (value < 0n ? -2n * value - 1n : 2n * value);
const fields = codec as unknown as Readonly<Record<string, AnyField>>;

function simple(
  field: AnyField,
  values: fc.Arbitrary<unknown>,
  bytesOf: (value: never) => Iterable<number>,
): Kind {
  return {
    make: () => field,
    values,
    encode: (out, value) => out.bytes(bytesOf(value as never)),
  };
}

const integers: Kind[] = INTEGER_FIELDS.map(
  ({ name, bytes: count, isLittle, isBig, least, most }) =>
    simple(
      fields[name] as AnyField,
      fc.bigInt({ min: least, max: most }).map((value) => (isBig ? value : Number(value))),
      (value) => {
        const all = littleBytes(BigInt(value), count);
        return isLittle ? all : all.reverse();
      },
    ),
);

const floats: Kind[] = (["le", "be"] as const).flatMap((end) => [
  simple(fields[`f32${end}`] as AnyField, fc.float(), (value) => {
    const buffer = Buffer.alloc(4);
    if (end === "le") buffer.writeFloatLE(value);
    else buffer.writeFloatBE(value);
    return buffer;
  }),
  simple(fields[`f64${end}`] as AnyField, fc.double(), (value) => {
    const buffer = Buffer.alloc(8);
    if (end === "le") buffer.writeDoubleLE(value);
    else buffer.writeDoubleBE(value);
    return buffer;
  }),
]);

const big = (min: bigint, max: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min, max });
const varints: Kind[] = [
  simple(codec.varint32, fc.nat(2 ** 31 - 1), (value) => lebBytes(BigInt(value))),
  simple(codec.varint64, big(0n, 2n ** 64n - 1n), (value) => lebBytes(value)),
  simple(codec.zigzag32, fc.integer(), (value) => lebBytes(zigzagOf(BigInt(value)))),
  simple(codec.zigzag64, big(-(2n ** 63n), 2n ** 63n - 1n), (value) => lebBytes(zigzagOf(value))),
  simple(codec.int32, fc.integer(), (value) => lebBytes(BigInt.asUintN(64, BigInt(value)))),
  simple(codec.int64, big(-(2n ** 63n), 2n ** 63n - 1n), (value) =>
    lebBytes(BigInt.asUintN(64, value)),
  ),
  simple(codec.sleb32, fc.integer(), (value) => slebBytes(BigInt(value))),
  simple(codec.sleb64, big(-(2n ** 63n), 2n ** 63n - 1n), slebBytes),
  simple(codec.varint64Number, fc.maxSafeNat(), (value) => lebBytes(BigInt(value))),
  simple(codec.zigzag64Number, fc.maxSafeInteger(), (value) => lebBytes(zigzagOf(BigInt(value)))),
  simple(codec.int64Number, fc.maxSafeInteger(), (value) =>
    lebBytes(BigInt.asUintN(64, BigInt(value))),
  ),
  simple(codec.sleb64Number, fc.maxSafeInteger(), (value) => slebBytes(BigInt(value))),
  simple(codec.u64leNumber, fc.maxSafeNat(), (value) => littleBytes(BigInt(value), 8)),
  simple(codec.u64beNumber, fc.maxSafeNat(), (value) => littleBytes(BigInt(value), 8).reverse()),
  simple(codec.i64leNumber, fc.maxSafeInteger(), (value) =>
    littleBytes(BigInt.asUintN(64, BigInt(value)), 8),
  ),
  simple(codec.i64beNumber, fc.maxSafeInteger(), (value) =>
    littleBytes(BigInt.asUintN(64, BigInt(value)), 8).reverse(),
  ),
  simple(codec.quic, fc.maxSafeNat(), (value) => quicBytes(BigInt(value))),
  simple(codec.quic64, big(0n, 2n ** 62n - 1n), (value) => quicBytes(value)),
];

export const PREFIXES: readonly LengthPrefix[] = [
  "u8",
  "u16le",
  "u16be",
  "u32le",
  "u32be",
  "varint",
  "quic",
];

export function prefixBytes(prefix: LengthPrefix, count: number): number[] {
  const value = BigInt(count);
  if (prefix === "varint") return lebBytes(value);
  if (prefix === "quic") return quicBytes(value);
  const all = littleBytes(value, Number(prefix.replace(/\D/g, "")) / 8);
  return prefix.endsWith("be") ? all.reverse() : all;
}

export const texts = fc.string({ unit: "grapheme", maxLength: 12 });
const latin1Texts = fc
  .array(fc.nat(255), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));
export const arrays = fc.uint8Array({ maxLength: 12 });
export const utf8Bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const contents: fc.Arbitrary<Kind> = fc.oneof(
  fc.constantFrom(...PREFIXES).map((prefix) =>
    simple(utf8Prefixed(prefix), texts, (text) => {
      const all = utf8Bytes(text);
      return [...prefixBytes(prefix, all.length), ...all];
    }),
  ),
  fc
    .constantFrom(...PREFIXES)
    .map((prefix) =>
      simple(bytesPrefixed(prefix, { maximum: 100 }), arrays, (all: Uint8Array) => [
        ...prefixBytes(prefix, all.length),
        ...all,
      ]),
    ),
  fc
    .constantFrom(...PREFIXES)
    .map((prefix) =>
      simple(latin1(prefix), latin1Texts, (text: string) => [
        ...prefixBytes(prefix, text.length),
        ...Buffer.from(text, "latin1"),
      ]),
    ),
  fc
    .constantFrom(...PREFIXES)
    .map((prefix) =>
      simple(utf16le(prefix), texts, (text: string) => [
        ...prefixBytes(prefix, 2 * text.length),
        ...Buffer.from(text, "utf16le"),
      ]),
    ),
  fc.constantFrom(0, 10, 127).map((end) =>
    simple(
      utf8Terminated(end),
      texts.map((text) => text.replaceAll(String.fromCharCode(end), "")),
      (text) => [...utf8Bytes(text), end],
    ),
  ),
  fc.nat(5).map((count) => ({
    ...simple(
      bytes(count),
      fc.uint8Array({ minLength: count, maxLength: count }),
      (all: Uint8Array) => all,
    ),
    mayBeEmpty: count === 0,
  })),
  fc.nat(5).map((count) => ({
    ...simple(
      utf8(count),
      fc.string({ minLength: count, maxLength: count, unit: "grapheme-ascii" }),
      (text) => utf8Bytes(text),
    ),
    mayBeEmpty: count === 0,
  })),
);

const bitKinds: fc.Arbitrary<Kind> = fc.oneof(
  fc.integer({ min: 1, max: 32 }).map((count) => ({
    make: () => bits(count),
    values: fc.nat(2 ** Math.min(31, count) - 1),
    encode: (out: Out, value: unknown) => out.bits(value as number, count),
  })),
  fc.constant({
    make: () => flag,
    values: fc.boolean(),
    encode: (out: Out, value: unknown) => out.bits(value ? 1 : 0, 1),
  }),
);

const others: readonly Kind[] = [
  simple(boolean, fc.boolean(), (value) => [value ? 1 : 0]),
  simple(
    enumerated(u16be, { one: 1, constructor: 2 }),
    fc.constantFrom("one", "constructor"),
    (name) => [0, name === "one" ? 1 : 2],
  ),
  simple(
    mapped(
      u16be,
      (value) => ({ half: value / 2 }),
      (value) => (typeof value?.half === "number" ? value.half * 2 : -1),
    ),
    fc.nat(65535).map((value) => ({ half: value / 2 })),
    ({ half }: { half: number }) => [(half * 2) >> 8, (half * 2) & 255],
  ),
];

export const leaves: fc.Arbitrary<Kind> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...integers, ...floats, ...varints) },
  { weight: 4, arbitrary: bitKinds },
  { weight: 3, arbitrary: contents },
  { weight: 1, arbitrary: fc.constantFrom(...others) },
);
