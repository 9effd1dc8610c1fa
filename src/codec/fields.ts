/** The fields of a message that have one width, and the prefixes that say how long something is. */
import { invalid, outOfRange } from "../buffers/errors.js";
import { I64_MAX, I64_MIN, U64_MAX } from "./words.js";

type Endian = "le" | "be";

/** Named as the methods that read and write them: kind, bits, and which byte comes first. */
export type FieldName =
  | "u8"
  | "i8"
  | `${"u" | "i"}${16 | 24 | 32 | 64}${Endian}`
  | `f${32 | 64}${Endian}`;

interface Field {
  readonly bytes: number;
  /** The least and the most value; a float takes any number. */
  readonly least?: number | bigint;
  readonly most?: number | bigint;
}

/** Widths and ranges of all fields. */
export const FIELDS: Readonly<Record<FieldName, Field>> = {
  u8: { bytes: 1, least: 0, most: 0xff },
  i8: { bytes: 1, least: -0x80, most: 0x7f },
  u16le: { bytes: 2, least: 0, most: 0xffff },
  u16be: { bytes: 2, least: 0, most: 0xffff },
  i16le: { bytes: 2, least: -0x8000, most: 0x7fff },
  i16be: { bytes: 2, least: -0x8000, most: 0x7fff },
  u24le: { bytes: 3, least: 0, most: 0xffffff },
  u24be: { bytes: 3, least: 0, most: 0xffffff },
  i24le: { bytes: 3, least: -0x800000, most: 0x7fffff },
  i24be: { bytes: 3, least: -0x800000, most: 0x7fffff },
  u32le: { bytes: 4, least: 0, most: 0xffffffff },
  u32be: { bytes: 4, least: 0, most: 0xffffffff },
  i32le: { bytes: 4, least: -0x80000000, most: 0x7fffffff },
  i32be: { bytes: 4, least: -0x80000000, most: 0x7fffffff },
  u64le: { bytes: 8, least: 0n, most: U64_MAX },
  u64be: { bytes: 8, least: 0n, most: U64_MAX },
  i64le: { bytes: 8, least: I64_MIN, most: I64_MAX },
  i64be: { bytes: 8, least: I64_MIN, most: I64_MAX },
  f32le: { bytes: 4 },
  f32be: { bytes: 4 },
  f64le: { bytes: 8 },
  f64be: { bytes: 8 },
};

/**
 * Checks a value that is to be written at `position`.
 * @throws {BufferError} ERR_OUT_OF_RANGE; ERR_INVALID_ARGUMENT for a float that is not a number
 */
export function checkField(name: FieldName, value: unknown, position: number): void {
  const { least, most } = FIELDS[name];
  if (least === undefined || most === undefined) {
    if (typeof value !== "number") throw invalid(name, value, "a number");
    return;
  }
  const isKind = typeof least === "bigint" ? typeof value === "bigint" : Number.isInteger(value);
  const number = value as number | bigint;
  if (!isKind || number < least || number > most) {
    throw outOfRange(name, value, least, most, position);
  }
}

/** How the length of a text or of bytes is written before them. */
export type LengthPrefix = "u8" | "u16le" | "u16be" | "u32le" | "u32be" | "varint" | "quic";

/** The prefixes in words, for the message about something that is none of them. */
export const PREFIXES = '"u8", "u16le", "u16be", "u32le", "u32be", "varint" or "quic"';
