/** Numbers: one field for each method that reads and writes one. */
import { leb32Length } from "../varint.js";
import type { Field } from "./field.js";
import {
  intOf32,
  lebOf64,
  lebOfSafe,
  quicOf,
  quicOf64,
  slebOf32,
  slebOf64,
  slebOfSafe,
  zigzagOf32,
  zigzagOf64,
  zigzagOfSafe,
} from "./numberSizes.js";
import { NumberField } from "./numbers.js";

/** An unsigned byte. The other numbers are what the reader's method of that name reads. */
export const u8: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u8",
  (r) => r.u8(),
  (w, value) => w.u8(value),
);
export const i8: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i8",
  (r) => r.i8(),
  (w, value) => w.i8(value),
);
export const u16le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u16le",
  (r) => r.u16le(),
  (w, value) => w.u16le(value),
);
export const u16be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u16be",
  (r) => r.u16be(),
  (w, value) => w.u16be(value),
);
export const i16le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i16le",
  (r) => r.i16le(),
  (w, value) => w.i16le(value),
);
export const i16be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i16be",
  (r) => r.i16be(),
  (w, value) => w.i16be(value),
);
export const u24le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u24le",
  (r) => r.u24le(),
  (w, value) => w.u24le(value),
);
export const u24be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u24be",
  (r) => r.u24be(),
  (w, value) => w.u24be(value),
);
export const i24le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i24le",
  (r) => r.i24le(),
  (w, value) => w.i24le(value),
);
export const i24be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i24be",
  (r) => r.i24be(),
  (w, value) => w.i24be(value),
);
export const u32le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u32le",
  (r) => r.u32le(),
  (w, value) => w.u32le(value),
);
export const u32be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u32be",
  (r) => r.u32be(),
  (w, value) => w.u32be(value),
);
export const i32le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i32le",
  (r) => r.i32le(),
  (w, value) => w.i32le(value),
);
export const i32be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i32be",
  (r) => r.i32be(),
  (w, value) => w.i32be(value),
);
export const u64le: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "u64le",
  (r) => r.u64le(),
  (w, value) => w.u64le(value),
);
export const u64be: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "u64be",
  (r) => r.u64be(),
  (w, value) => w.u64be(value),
);
export const i64le: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "i64le",
  (r) => r.i64le(),
  (w, value) => w.i64le(value),
);
export const i64be: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "i64be",
  (r) => r.i64be(),
  (w, value) => w.i64be(value),
);
export const f32le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "f32le",
  (r) => r.f32le(),
  (w, value) => w.f32le(value),
);
export const f32be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "f32be",
  (r) => r.f32be(),
  (w, value) => w.f32be(value),
);
export const f64le: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "f64le",
  (r) => r.f64le(),
  (w, value) => w.f64le(value),
);
export const f64be: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "f64be",
  (r) => r.f64be(),
  (w, value) => w.f64be(value),
);
/** An unsigned LEB128 of 32 bits. */
export const varint32: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "varint32",
  (r) => r.varint32(),
  (w, value) => w.varint32(value),
  leb32Length,
);
/** An unsigned LEB128 of 64 bits. */
export const varint64: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "varint64",
  (r) => r.varint64(),
  (w, value) => w.varint64(value),
  lebOf64,
);
/** A signed LEB128 in zigzag encoding, like sint32 of protobuf. */
export const zigzag32: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "zigzag32",
  (r) => r.zigzag32(),
  (w, value) => w.zigzag32(value),
  zigzagOf32,
);
/** The same of 64 bits, like sint64 of protobuf. */
export const zigzag64: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "zigzag64",
  (r) => r.zigzag64(),
  (w, value) => w.zigzag64(value),
  zigzagOf64,
);
/** An integer of QUIC that is safe as a number. */
export const quic: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "quic",
  (r) => r.quic(),
  (w, value) => w.quic(value),
  quicOf,
);
/** An integer of QUIC of up to 62 bits. */
export const quic64: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "quic64",
  (r) => r.quic64(),
  (w, value) => w.quic64(value),
  quicOf64,
);
/** int32, or an enum, of protobuf: negative ones have 10 bytes. */
export const int32: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "int32",
  (r) => r.int32(),
  (w, value) => w.int32(value),
  intOf32,
);
/** int64 of protobuf. */
export const int64: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "int64",
  (r) => r.int64(),
  (w, value) => w.int64(value),
  lebOf64,
);
/** A signed LEB128 of 32 bits, as in WebAssembly and DWARF. */
export const sleb32: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "sleb32",
  (r) => r.sleb32(),
  (w, value) => w.sleb32(value),
  slebOf32,
);
/** A signed LEB128 of 64 bits. */
export const sleb64: Field<bigint> = /* @__PURE__ */ new NumberField<bigint>(
  "sleb64",
  (r) => r.sleb64(),
  (w, value) => w.sleb64(value),
  slebOf64,
);
/** What `u64le` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const u64leNumber: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u64leNumber",
  (r) => r.u64leNumber(),
  (w, value) => w.u64leNumber(value),
  8,
);
/** What `u64be` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const u64beNumber: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "u64beNumber",
  (r) => r.u64beNumber(),
  (w, value) => w.u64beNumber(value),
  8,
);
/** What `i64le` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const i64leNumber: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i64leNumber",
  (r) => r.i64leNumber(),
  (w, value) => w.i64leNumber(value),
  8,
);
/** What `i64be` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const i64beNumber: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "i64beNumber",
  (r) => r.i64beNumber(),
  (w, value) => w.i64beNumber(value),
  8,
);
/** What `varint64` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const varint64Number: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "varint64Number",
  (r) => r.varint64Number(),
  (w, value) => w.varint64Number(value),
  lebOfSafe,
);
/** What `zigzag64` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const zigzag64Number: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "zigzag64Number",
  (r) => r.zigzag64Number(),
  (w, value) => w.zigzag64Number(value),
  zigzagOfSafe,
);
/** What `int64` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const int64Number: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "int64Number",
  (r) => r.int64Number(),
  (w, value) => w.int64Number(value),
  lebOfSafe,
);
/** What `sleb64` reads, as a number; one that is not safe is ERR_TOO_LARGE. */
export const sleb64Number: Field<number> = /* @__PURE__ */ new NumberField<number>(
  "sleb64Number",
  (r) => r.sleb64Number(),
  (w, value) => w.sleb64Number(value),
  slebOfSafe,
);
