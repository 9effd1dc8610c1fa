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
export type { ReaderOptions, SliceOf } from "./reader/state.js";
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
