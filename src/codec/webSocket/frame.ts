import { invalid } from "../../buffers/errors.js";
import { type Bytes, isBytes } from "../../buffers/internal.js";

/** The opcodes of RFC 6455. */
export const OPCODE: {
  readonly CONTINUATION: 0;
  readonly TEXT: 1;
  readonly BINARY: 2;
  readonly CLOSE: 8;
  readonly PING: 9;
  readonly PONG: 10;
} = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** The most bytes of the payload of a control frame. */
export const CONTROL_MAX_BYTES = 125;

/** A frame with its payload unmasked. Whoever gets the frame releases it. */
export class WebSocketFrame<B extends ArrayBufferLike = ArrayBufferLike> {
  /** Whether it is the last frame of its message. */
  readonly fin: boolean;
  /** The reserved bits: RSV1 is 4, RSV2 2, RSV3 1. */
  readonly rsv: number;
  /** One of `OPCODE`. */
  readonly opcode: number;
  /** Whether it came with a mask. */
  readonly isMasked: boolean;
  readonly payload: Bytes<B>;

  /** @internal */
  constructor(first: number, isMasked: boolean, payload: Bytes<B>) {
    if (!isBytes(payload)) throw invalid("payload", payload, "Bytes");
    this.fin = first >= 0x80;
    this.rsv = (first >>> 4) & 7;
    this.opcode = first & 15;
    this.isMasked = isMasked;
    this.payload = payload;
  }

  /** Releases the payload. */
  release(): void {
    this.payload.release();
  }

  [Symbol.dispose](): void {
    this.payload[Symbol.dispose]();
  }
}
