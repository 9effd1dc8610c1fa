export { crc32, crc32c } from "./crc.js";
export type { LengthPrefix } from "./fields.js";
export { type CustomFramerOptions, type FrameFinder, framerOf } from "./framing/custom.js";
export type { FramerOptions, FrameScanner } from "./framing/cutter.js";
export { DelimiterFramer, type DelimiterOptions } from "./framing/delimiter.js";
export { FixedFramer } from "./framing/fixed.js";
export { Framer } from "./framing/framer.js";
export { LengthFieldFramer, type LengthFieldOptions } from "./framing/lengthField.js";
export type { FrameStream, Releasable } from "./framing/streams.js";
export { Reader } from "./reader/reader.js";
export type { ReaderOptions, SliceOf, SourceOf } from "./reader/state.js";
export type {
  Cases,
  ChoiceOptions,
  Tagged,
  TaggedInput,
  UnionField,
} from "./struct/choices.js";
export { tagged, union, when } from "./struct/choices.js";
export type { AnyField, Field, Infer, InferInput, Silent } from "./struct/field.js";
export { align, padding } from "./struct/layout.js";
export { lazy } from "./struct/lazy.js";
export { type Length, type LengthOptions, type Ref, ref } from "./struct/lengths.js";
export {
  f32be,
  f32le,
  f64be,
  f64le,
  i8,
  i16be,
  i16le,
  i24be,
  i24le,
  i32be,
  i32le,
  i64be,
  i64beNumber,
  i64le,
  i64leNumber,
  int32,
  int64,
  int64Number,
  quic,
  quic64,
  sleb32,
  sleb64,
  sleb64Number,
  u8,
  u16be,
  u16le,
  u24be,
  u24le,
  u32be,
  u32le,
  u64be,
  u64beNumber,
  u64le,
  u64leNumber,
  varint32,
  varint64,
  varint64Number,
  zigzag32,
  zigzag64,
  zigzag64Number,
} from "./struct/numberFields.js";
export { bits, boolean, flag } from "./struct/numbers.js";
export { repeated, repeatedUntilEnd } from "./struct/repeated.js";
export { sized } from "./struct/sized.js";
export { type Description, type Struct, type StructOptions, struct } from "./struct/struct.js";
export {
  bytes,
  bytesPrefixed,
  bytesRest,
  latin1,
  slice,
  utf8,
  utf8Prefixed,
  utf8Rest,
  utf8Terminated,
  utf16le,
} from "./struct/text.js";
export { constant, enumerated, mapped } from "./struct/wraps.js";
export { OPCODE, WebSocketFrame } from "./webSocket/frame.js";
export { WebSocketFramer, type WebSocketOptions } from "./webSocket/framer.js";
export { WebSocketMessage } from "./webSocket/message.js";
export {
  WebSocketMessageFramer,
  type WebSocketMessageOptions,
} from "./webSocket/messageFramer.js";
export { encodeClose, encodeFrame, type FrameHeader } from "./webSocket/writer.js";
export type { WriterOptions } from "./writer/state.js";
export { Writer } from "./writer/writer.js";
