/**
 * MessagePack with a Reader and a Writer. What a message claims costs nothing: a count of elements
 * is checked against the bytes that have come, and depth has a limit.
 */
import { Buffer } from "node:buffer";
import { BufferError } from "hakmem";

/** Arrays and maps within one another. */
const DEPTH_MAX = 100;
const TIMESTAMP_TYPE = -1;

/** A value of a type that the application defines, from -128 to 127. */
export class Extension {
  /**
   * @param {number} type
   * @param {Uint8Array} bytes
   */
  constructor(type, bytes) {
    this.type = type;
    this.bytes = bytes;
  }
}

/** Seconds since 1970, and the nanoseconds after them. */
export class Timestamp {
  /**
   * @param {number} seconds a safe integer
   * @param {number} nanoseconds from 0 to 999,999,999
   */
  constructor(seconds, nanoseconds) {
    this.seconds = seconds;
    this.nanoseconds = nanoseconds;
  }
}

/**
 * Reads a value. Maps are `Map`s, binary data is copied, and integers that are no safe numbers are
 * bigints. If bytes are missing, `reader.ok` is false afterwards, and the value means nothing.
 * @param {import("hakmem/codec").Reader} reader its `maximum` bounds each string, array and so on
 * @param {number} depth how many levels may follow
 * @returns {unknown}
 * @throws {BufferError} ERR_MALFORMED, ERR_TOO_LARGE
 */
export function decode(reader, depth = DEPTH_MAX) {
  const { position } = reader;
  const first = reader.u8();
  if (first < 0x80) return first;
  if (first >= 0xe0) return first - 0x100;
  if (first < 0x90) return map(reader, first & 15, depth);
  if (first < 0xa0) return array(reader, first & 15, depth);
  if (first < 0xc0) return reader.utf8(reader.counted(first & 31));
  return FORMS[first - 0xc0](reader, depth, position);
}

/**
 * What follows a first byte from 0xc0 on.
 * @type {((reader: import("hakmem/codec").Reader, depth: number, position: number) => unknown)[]}
 */
const FORMS = [
  () => null, // 0xc0
  (_reader, _depth, position) => {
    throw malformed(position, "a type other than 0xc1");
  },
  () => false,
  () => true,
  (reader) => reader.copy(reader.counted(reader.u8())), // 0xc4: binary data
  (reader) => reader.copy(reader.counted(reader.u16be())),
  (reader) => reader.copy(reader.counted(reader.u32be())),
  (reader) => extension(reader, reader.u8()), // 0xc7
  (reader) => extension(reader, reader.u16be()),
  (reader) => extension(reader, reader.u32be()),
  (reader) => reader.f32be(), // 0xca
  (reader) => reader.f64be(),
  (reader) => reader.u8(), // 0xcc
  (reader) => reader.u16be(),
  (reader) => reader.u32be(),
  (reader) => asNumber(reader.u64be()),
  (reader) => reader.i8(), // 0xd0
  (reader) => reader.i16be(),
  (reader) => reader.i32be(),
  (reader) => asNumber(reader.i64be()),
  (reader) => extension(reader, 1), // 0xd4
  (reader) => extension(reader, 2),
  (reader) => extension(reader, 4),
  (reader) => extension(reader, 8),
  (reader) => extension(reader, 16),
  (reader) => reader.utf8(reader.counted(reader.u8())), // 0xd9
  (reader) => reader.utf8(reader.counted(reader.u16be())),
  (reader) => reader.utf8(reader.counted(reader.u32be())),
  (reader, depth) => array(reader, reader.u16be(), depth), // 0xdc
  (reader, depth) => array(reader, reader.u32be(), depth),
  (reader, depth) => map(reader, reader.u16be(), depth), // 0xde
  (reader, depth) => map(reader, reader.u32be(), depth),
];

function array(reader, claimed, depth) {
  checkDepth(reader, depth);
  const items = [];
  // Each element has a byte at least. A loop ends when the first one is not there.
  const count = reader.counted(claimed, 1);
  for (let index = 0; index < count && reader.ok; index++) items.push(decode(reader, depth - 1));
  return items;
}

function map(reader, claimed, depth) {
  checkDepth(reader, depth);
  const entries = new Map();
  const count = reader.counted(claimed, 2);
  for (let index = 0; index < count && reader.ok; index++) {
    const key = decode(reader, depth - 1);
    entries.set(key, decode(reader, depth - 1));
  }
  return entries;
}

function checkDepth(reader, depth) {
  if (depth === 0) throw malformed(reader.position, `at most ${DEPTH_MAX} levels`);
}

function extension(reader, claimed) {
  const { position } = reader;
  const type = reader.i8();
  const count = reader.counted(claimed);
  if (type !== TIMESTAMP_TYPE || !reader.ok) return new Extension(type, reader.copy(count));
  if (count === 4) return new Timestamp(reader.u32be(), 0);
  if (count === 8) {
    // 30 bits of nanoseconds and 34 of seconds.
    const high = reader.u32be();
    return timestamp((high % 4) * 2 ** 32 + reader.u32be(), Math.floor(high / 4), position);
  }
  if (count !== 12) throw malformed(position, "a timestamp of 4, 8 or 12 bytes");
  const nanoseconds = reader.u32be();
  return timestamp(reader.i64beNumber(), nanoseconds, position);
}

function timestamp(seconds, nanoseconds, position) {
  if (nanoseconds < 1e9) return new Timestamp(seconds, nanoseconds);
  throw malformed(position, "at most 999999999 nanoseconds");
}

function asNumber(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function malformed(position, expected) {
  const message = `malformed at ${position}: expected ${expected}`;
  return new BufferError("ERR_MALFORMED", message, { position, expected });
}

/**
 * Writes a value in the shortest form. After an error the message is incomplete: `writer.reset()`.
 * @param {import("hakmem/codec").Writer} writer
 * @param {unknown} value what `decode` returns, or an object with names
 * @param {number} depth how many levels may follow
 * @throws {BufferError} ERR_INVALID_ARGUMENT, and what the writer throws
 */
export function encode(writer, value, depth = DEPTH_MAX) {
  if (typeof value === "number") putNumber(writer, value);
  else if (typeof value === "string") putString(writer, value);
  else if (typeof value === "boolean") writer.u8(value ? 0xc3 : 0xc2);
  else if (value === null || value === undefined) writer.u8(0xc0);
  else if (typeof value === "bigint") putBigInt(writer, value);
  else if (value instanceof Uint8Array) putBytes(writer, value);
  else if (value instanceof Timestamp) putTimestamp(writer, value);
  else if (value instanceof Extension) putExtension(writer, value.type, value.bytes);
  else if (typeof value === "object" && depth > 0) putMany(writer, value, depth);
  else throw invalid(value);
}

function invalid(value) {
  const expected = `a value of MessagePack, of at most ${DEPTH_MAX} levels`;
  const message = `value is of type ${typeof value}; it takes ${expected}`;
  return new BufferError("ERR_INVALID_ARGUMENT", message, { expected });
}

function putNumber(writer, value) {
  // -0 is a float: an integer would lose its sign.
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) putFloat(writer, value);
  else if (value < 0) putNegative(writer, value);
  else if (value < 0x80) writer.u8(value);
  else if (value <= 0xff) head(writer, 0xcc).u8(value);
  else if (value <= 0xffff) head(writer, 0xcd).u16be(value);
  else if (value <= 0xffffffff) head(writer, 0xce).u32be(value);
  else head(writer, 0xcf).u64beNumber(value);
}

function putNegative(writer, value) {
  if (value >= -32) writer.i8(value);
  else if (value >= -0x80) head(writer, 0xd0).i8(value);
  else if (value >= -0x8000) head(writer, 0xd1).i16be(value);
  else if (value >= -0x80000000) head(writer, 0xd2).i32be(value);
  else head(writer, 0xd3).i64beNumber(value);
}

function putFloat(writer, value) {
  if (Math.fround(value) === value) head(writer, 0xca).f32be(value);
  else head(writer, 0xcb).f64be(value);
}

function putBigInt(writer, value) {
  if (Number.isSafeInteger(Number(value))) putNumber(writer, Number(value));
  else if (value < 0n) head(writer, 0xd3).i64be(value);
  else head(writer, 0xcf).u64be(value);
}

function putString(writer, text) {
  const length = Buffer.byteLength(text);
  if (length < 32) head(writer, 0xa0 + length).utf8(text);
  else if (length <= 0xff) head(writer, 0xd9).utf8Prefixed("u8", text);
  else if (length <= 0xffff) head(writer, 0xda).utf8Prefixed("u16be", text);
  else head(writer, 0xdb).utf8Prefixed("u32be", text);
}

function putBytes(writer, bytes) {
  if (bytes.length <= 0xff) head(writer, 0xc4).bytesPrefixed("u8", bytes);
  else if (bytes.length <= 0xffff) head(writer, 0xc5).bytesPrefixed("u16be", bytes);
  else head(writer, 0xc6).bytesPrefixed("u32be", bytes);
}

function putExtension(writer, type, bytes) {
  const { length } = bytes;
  const fixed = [1, 2, 4, 8, 16].indexOf(length);
  if (fixed >= 0) head(writer, 0xd4 + fixed);
  else if (length <= 0xff) head(writer, 0xc7).u8(length);
  else if (length <= 0xffff) head(writer, 0xc8).u16be(length);
  else head(writer, 0xc9).u32be(length);
  writer.i8(type);
  writer.bytes(bytes);
}

function putTimestamp(writer, { seconds, nanoseconds }) {
  if (seconds < 0 || seconds >= 2 ** 34) {
    head(writer, 0xc7).u8(12);
    head(writer, 0xff).u32be(nanoseconds);
    writer.i64beNumber(seconds);
  } else if (nanoseconds > 0 || seconds >= 2 ** 32) {
    head(head(writer, 0xd7), 0xff).u32be(nanoseconds * 4 + Math.floor(seconds / 2 ** 32));
    writer.u32be(seconds % 2 ** 32);
  } else {
    head(head(writer, 0xd6), 0xff).u32be(seconds);
  }
}

function putMany(writer, value, depth) {
  if (Array.isArray(value)) {
    putCount(writer, value.length, 0x90, 0xdc);
    for (const item of value) encode(writer, item, depth - 1);
    return;
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  putCount(writer, entries.length, 0x80, 0xde);
  for (const [key, item] of entries) {
    encode(writer, key, depth - 1);
    encode(writer, item, depth - 1);
  }
}

function putCount(writer, count, short, long) {
  if (count < 16) writer.u8(short + count);
  else if (count <= 0xffff) head(writer, long).u16be(count);
  else head(writer, long + 1).u32be(count);
}

function head(writer, byte) {
  writer.u8(byte);
  return writer;
}
