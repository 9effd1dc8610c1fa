export { DelimiterFramer, type DelimiterOptions } from "./framing/delimiter.js";
export { FixedFramer } from "./framing/fixed.js";
export { Framer, type Releasable } from "./framing/framer.js";
export { LengthFieldFramer, type LengthFieldOptions } from "./framing/lengthField.js";
export type { FrameStream } from "./framing/streams.js";
export {
  OPCODE,
  WebSocketFrame,
  WebSocketFramer,
  type WebSocketOptions,
} from "./framing/webSocket.js";
export { encodeFrame, type FrameHeader } from "./framing/webSocketWriter.js";
export type { LengthPrefix } from "./prefix.js";
export { Reader } from "./reader.js";
export type { ReaderOptions, SliceOf } from "./readerBase.js";
export { Writer } from "./writer.js";
export type { WriterOptions } from "./writerOptions.js";
