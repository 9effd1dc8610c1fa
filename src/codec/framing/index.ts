export { DelimiterFramer, type DelimiterOptions } from "./delimiter.js";
export { FixedFramer } from "./fixed.js";
export { Framer, type Releasable } from "./framer.js";
export { LengthFieldFramer, type LengthFieldOptions } from "./lengthField.js";
/** @internal */
export { maskRange } from "./mask.js";
export type { FrameStream } from "./streams.js";
export { OPCODE, WebSocketFrame, WebSocketFramer, type WebSocketOptions } from "./webSocket.js";
export { encodeFrame, type FrameHeader } from "./webSocketWriter.js";
