import { invalid } from "../../buffers/errors.js";
import { type Bytes, isBytes } from "../../buffers/internal.js";
import { OPCODE } from "./frame.js";

/** The code of a close frame without one, which is never sent. */
const NO_CODE = 1005;

/** A message, or a control frame, with its payload unmasked. Whoever gets it releases it. */
export class WebSocketMessage<B extends ArrayBufferLike = ArrayBufferLike> {
  /** `OPCODE.TEXT` or `BINARY` for a message; `CLOSE`, `PING` or `PONG`. */
  readonly opcode: number;
  /** The reserved bits of the first frame: RSV1 is 4, RSV2 2, RSV3 1. */
  readonly rsv: number;
  /** The whole payload, with all fragments joined. A close frame's begins with its code. */
  readonly payload: Bytes<B>;

  /** @internal */
  constructor(first: number, payload: Bytes<B>) {
    if (!isBytes(payload)) throw invalid("payload", payload, "Bytes");
    this.opcode = first & 15;
    this.rsv = (first >>> 4) & 7;
    this.payload = payload;
  }

  /** The payload as text, or the reason of a close frame. It is decoded at each call. */
  get text(): string {
    const { opcode, payload } = this;
    if (opcode !== OPCODE.CLOSE) return payload.toString();
    const reason = payload.subarray(2);
    try {
      return reason.toString();
    } finally {
      reason.release();
    }
  }

  /** The code of a close frame: 1005 if it has none; 0 for everything else. */
  get closeCode(): number {
    const { opcode, payload } = this;
    if (opcode !== OPCODE.CLOSE) return 0;
    return payload.length === 0 ? NO_CODE : payload.at(0) * 256 + payload.at(1);
  }

  /** Releases the payload. */
  release(): void {
    this.payload.release();
  }

  [Symbol.dispose](): void {
    this.payload[Symbol.dispose]();
  }
}
