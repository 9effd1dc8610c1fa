import fc from "fast-check";
import type { LengthPrefix, Reader, Writer } from "../../src/codec/index.js";
import { INTEGER_FIELDS } from "../support/fields.js";

/** One value of a message: how to write and read it, and its bytes from an independent source. */
export interface Op {
  readonly name: string;
  readonly value: unknown;
  readonly bytes: readonly number[];
  write(writer: Writer): void;
  read(reader: Reader): unknown;
  /** How many bytes are missing if only so many are there. */
  missing(there: number): number;
}

type Method = Exclude<keyof Writer & keyof Reader, "bits" | "mark" | "rewind" | "length">;

/** Returns a value that the methods of that name write and read. */
function op(
  name: Method,
  value: unknown,
  bytes: readonly number[],
  missing: (there: number) => number,
  args: readonly unknown[] = [],
): Op {
  type Call = (...values: unknown[]) => unknown;
  const call = (target: object, values: unknown[]): unknown =>
    ((target as Record<string, Call>)[name] as Call).apply(target, values);
  return {
    name,
    value,
    bytes,
    write: (writer) => call(writer, [...args, value]),
    read: (reader) => call(reader, [...args]),
    missing,
  };
}

const whole = (length: number) => (there: number) => length - there;

/** Two's complement by division, one byte after another. */
function integerBytes(value: bigint, count: number, isLittle: boolean): number[] {
  const bytes: number[] = [];
  let left = value < 0n ? value + 2n ** BigInt(8 * count) : value;
  for (let index = 0; index < count; index++) {
    bytes.push(Number(left % 256n));
    left /= 256n;
  }
  return isLittle ? bytes : bytes.reverse();
}

const near = (edges: readonly bigint[], least: bigint, most: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(
    fc.constantFrom(...edges.filter((edge) => edge >= least && edge <= most)),
    fc.bigInt({ min: least, max: most }),
  );

const EDGES: readonly bigint[] = [
  0n,
  ...[
    6n,
    7n,
    8n,
    14n,
    15n,
    16n,
    21n,
    24n,
    28n,
    30n,
    31n,
    32n,
    35n,
    53n,
    56n,
    62n,
    63n,
    64n,
  ].flatMap((bits) =>
    [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n].flatMap((edge) => [edge, -edge]),
  ),
];

const integers: fc.Arbitrary<Op>[] = INTEGER_FIELDS.map(
  ({ name, bytes: count, isLittle, isBig, least, most }) =>
    near(EDGES, least, most).map((value) => {
      const bytes = integerBytes(value, count, isLittle);
      return op(name, isBig ? value : Number(value), bytes, whole(count));
    }),
);

const floats: fc.Arbitrary<Op>[] = ["le", "be"].flatMap((end) => [
  fc.float().map((value) => {
    const bytes = Buffer.alloc(4);
    if (end === "le") bytes.writeFloatLE(value);
    else bytes.writeFloatBE(value);
    return op(`f32${end}` as Method, value, [...bytes], whole(4));
  }),
  fc.double().map((value) => {
    const bytes = Buffer.alloc(8);
    if (end === "le") bytes.writeDoubleLE(value);
    else bytes.writeDoubleBE(value);
    return op(`f64${end}` as Method, value, [...bytes], whole(8));
  }),
]);

function leb(value: bigint): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128n; left /= 128n) bytes.push(Number(left % 128n) + 128);
  return [...bytes, Number(left)];
}

function quicBytes(value: bigint): number[] {
  const log = value < 2n ** 6n ? 0 : value < 2n ** 14n ? 1 : value < 2n ** 30n ? 2 : 3;
  const bytes = integerBytes(value, 2 ** log, false);
  return [(bytes[0] as number) + 64 * log, ...bytes.slice(1)];
}

const zigzag = (value: bigint): bigint => (value < 0n ? -2n * value - 1n : 2n * value);
const one = (): number => 1;

function quicOp(name: Method, value: bigint, isBig: boolean): Op {
  const bytes = quicBytes(value);
  const missing = (there: number): number => (there === 0 ? 1 : bytes.length - there);
  return op(name, isBig ? value : Number(value), bytes, missing);
}

const varints: fc.Arbitrary<Op>[] = [
  near(EDGES, 0n, 2n ** 32n - 1n).map((v) => op("varint32", Number(v), leb(v), one)),
  near(EDGES, 0n, 2n ** 64n - 1n).map((v) => op("varint64", v, leb(v), one)),
  near(EDGES, -(2n ** 31n), 2n ** 31n - 1n).map((v) =>
    op("zigzag32", Number(v), leb(zigzag(v)), one),
  ),
  near(EDGES, -(2n ** 63n), 2n ** 63n - 1n).map((v) => op("zigzag64", v, leb(zigzag(v)), one)),
  near(EDGES, 0n, 2n ** 53n - 1n).map((v) => quicOp("quic", v, false)),
  near(EDGES, 0n, 2n ** 62n - 1n).map((v) => quicOp("quic64", v, true)),
];

const SAFE = 2n ** 53n - 1n;
const unsigned = (value: bigint): bigint => (value < 0n ? value + 2n ** 64n : value);

/** Signed LEB128: of the fewest groups of 7 bits that have room for the value. */
function sleb(value: bigint): number[] {
  let groups = 1n;
  while (value < -(2n ** (7n * groups - 1n)) || value >= 2n ** (7n * groups - 1n)) groups++;
  const all = value < 0n ? value + 2n ** (7n * groups) : value;
  return Array.from({ length: Number(groups) }, (_, index) => {
    const bits = Number((all / 128n ** BigInt(index)) % 128n);
    return index + 1 < Number(groups) ? bits + 128 : bits;
  });
}

const signed: fc.Arbitrary<Op>[] = [
  near(EDGES, -(2n ** 31n), 2n ** 31n - 1n).map((v) =>
    op("int32", Number(v), leb(unsigned(v)), one),
  ),
  near(EDGES, -(2n ** 63n), 2n ** 63n - 1n).map((v) => op("int64", v, leb(unsigned(v)), one)),
  near(EDGES, -(2n ** 31n), 2n ** 31n - 1n).map((v) => op("sleb32", Number(v), sleb(v), one)),
  near(EDGES, -(2n ** 63n), 2n ** 63n - 1n).map((v) => op("sleb64", v, sleb(v), one)),
];

const safeNumbers: fc.Arbitrary<Op>[] = [
  near(EDGES, 0n, SAFE).map((v) => op("varint64Number", Number(v), leb(v), one)),
  near(EDGES, -SAFE, SAFE).map((v) => op("int64Number", Number(v), leb(unsigned(v)), one)),
  near(EDGES, -SAFE, SAFE).map((v) => op("zigzag64Number", Number(v), leb(zigzag(v)), one)),
  near(EDGES, -SAFE, SAFE).map((v) => op("sleb64Number", Number(v), sleb(v), one)),
  ...(["u64leNumber", "u64beNumber", "i64leNumber", "i64beNumber"] as const).map((name) =>
    near(EDGES, name.startsWith("u") ? 0n : -SAFE, SAFE).map((v) =>
      op(name, Number(v), integerBytes(v, 8, name.includes("le")), whole(8)),
    ),
  ),
];

const PREFIXES: Readonly<Record<LengthPrefix, (length: bigint) => number[]>> = {
  u8: (length) => integerBytes(length, 1, true),
  u16le: (length) => integerBytes(length, 2, true),
  u16be: (length) => integerBytes(length, 2, false),
  u32le: (length) => integerBytes(length, 4, true),
  u32be: (length) => integerBytes(length, 4, false),
  varint: leb,
  quic: quicBytes,
};

/** A prefix that is incomplete says only what itself lacks; then it says what the bytes lack. */
function prefixMissing(prefix: LengthPrefix, front: number, all: number) {
  return (there: number): number => {
    if (there >= front) return all - there;
    if (prefix === "varint" || (prefix === "quic" && there === 0)) return 1;
    return front - there;
  };
}

const ascii = fc.string({ unit: fc.constantFrom(..."abcxyz 09~"), maxLength: 40 });
export const text: fc.Arbitrary<string> = fc.oneof(
  ascii,
  fc.string({ unit: "binary", maxLength: 40 }),
);
const bytesOf = (value: string): number[] => [...Buffer.from(value, "utf8")];
const prefix = fc.constantFrom(...(Object.keys(PREFIXES) as LengthPrefix[]));
const payload = fc.uint8Array({ maxLength: 100 });

const prefixed: fc.Arbitrary<Op>[] = [
  fc.tuple(prefix, text).map(([kind, value]) => {
    const bytes = bytesOf(value);
    const front = PREFIXES[kind](BigInt(bytes.length));
    const all = [...front, ...bytes];
    const missing = prefixMissing(kind, front.length, all.length);
    return op("utf8Prefixed", value, all, missing, [kind]);
  }),
  fc.tuple(prefix, payload).map(([kind, value]) => {
    const front = PREFIXES[kind](BigInt(value.length));
    const all = [...front, ...value];
    const missing = prefixMissing(kind, front.length, all.length);
    return op("bytesPrefixed", value, all, missing, [kind]);
  }),
  text
    .map((value) => value.replaceAll("\0", "0"))
    .map((value) => op("utf8Terminated", value, [...bytesOf(value), 0], one)),
];

/** Values whose length the reader must be told. */
const plain: fc.Arbitrary<Op>[] = [
  text.map((value) => {
    const bytes = bytesOf(value);
    return {
      ...op("utf8", value, bytes, whole(bytes.length)),
      read: (reader: Reader) => reader.utf8(bytes.length),
    };
  }),
  payload.map((value) => ({
    ...op("bytes", value, [...value], whole(value.length)),
    read: (reader: Reader) => reader.bytes(value.length),
  })),
  text.map((value) => {
    const bytes = [...Buffer.from(value, "utf16le")];
    return {
      ...op("utf16le", value, bytes, whole(bytes.length)),
      read: (reader: Reader) => reader.utf16le(bytes.length),
    };
  }),
  payload.map((bytes) => ({
    ...op("latin1", String.fromCharCode(...bytes), [...bytes], whole(bytes.length)),
    read: (reader: Reader) => reader.latin1(bytes.length),
  })),
  payload.map((value) => ({
    ...op("bytes", value, [...value], whole(value.length)),
    name: "copy",
    read: (reader: Reader) => reader.copy(value.length),
  })),
];

/** Digits, and a byte that ends them: without it they may be the beginning of more. */
function digitOp(name: "decimal" | "hex", value: number, digits: string): Op {
  const bytes = [...Buffer.from(digits), 13];
  return {
    name,
    value,
    bytes,
    write: (writer) => {
      writer[name](value);
      writer.u8(13);
    },
    read: (reader) => {
      const at = reader.position;
      const got = reader[name]();
      if (reader.peek() === 13) reader.skip(1);
      else if (at < reader.position) seekBack(reader, at);
      return reader.ok ? got : 0;
    },
    missing: one,
  };
}

/** What a program does that sees no end of the digits: it goes back, and is still short. */
function seekBack(reader: Reader, position: number): void {
  reader.rewind();
  reader.seek(position);
  reader.peek(reader.remaining);
}

const digits: fc.Arbitrary<Op>[] = [
  near(EDGES, -SAFE, SAFE).map((v) => digitOp("decimal", Number(v), `${v}`)),
  near(EDGES, 0n, SAFE).map((v) => digitOp("hex", Number(v), v.toString(16))),
];

export const ops: fc.Arbitrary<Op[]> = fc.array(
  fc.oneof(...[integers, floats, varints, signed, safeNumbers, prefixed, plain, digits].flat()),
  { maxLength: 12 },
);
