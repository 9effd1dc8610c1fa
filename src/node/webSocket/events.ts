import type { WebSocketMessage } from "../../codec/index.js";

/** What a program does with the messages of a connection. */
export interface Events<C> {
  /**
   * Takes each message, a text or bytes, and releases it, also if it throws. If it returns a
   * promise, the connection is not read until the promise is settled.
   */
  readonly onMessage: (message: WebSocketMessage, connection: C) => unknown;
  /** Called with the new connection, before its first message. */
  readonly onOpen?: ((connection: C) => unknown) | undefined;
  /**
   * Called once, when the socket is closed, with the code and the reason of the peer's close frame:
   * 1005 if it had no code, 1006 if none came.
   */
  readonly onClose?: ((connection: C, code: number, reason: string) => unknown) | undefined;
  /**
   * How often a ping is sent, in ms. A peer that has sent nothing between two of them is closed,
   * with ERR_TIMEOUT. Default 0: never.
   */
  readonly pingInterval?: number | undefined;
  /**
   * How long the peer may take, in ms, to answer a close frame and to close, or to take what was
   * written before. The socket is destroyed then. Default 5000.
   */
  readonly closeTimeout?: number | undefined;
}
