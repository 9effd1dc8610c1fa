import type { BytesPool } from "../../buffers/index.js";
import type { Framer, Releasable } from "../../codec/index.js";

/** What is done with connections. Exactly one of `handler` and `onFrame` is given. */
export interface Protocol<F extends Releasable, C> {
  /** The memory of the connections. */
  readonly pool: BytesPool;
  /** Returns a new framer, for each connection. */
  readonly framer: () => Framer<F>;
  /**
   * Takes each frame, and releases it, also if it throws. If it returns a promise, the connection
   * is not read, and its next frame is not handed out, until the promise is settled.
   */
  readonly handler?: ((frame: F, connection: C) => unknown) | undefined;
  /**
   * Takes each frame where it lies: `length` bytes of `view` from `offset` on. They are valid
   * during the call, and are not to be changed. This is the fastest way, because no object is made
   * for a frame. Of a WebSocket frame they are the payload, and `first` is the first byte of its
   * header; else it is 0.
   */
  readonly onFrame?:
    | ((view: Uint8Array, offset: number, length: number, connection: C, first: number) => unknown)
    | undefined;
  /** Called with each new connection, before its first frame. */
  readonly onOpen?: ((connection: C) => unknown) | undefined;
  /**
   * Called when the peer has ended its side. The connection is ended too, after its handlers have
   * settled, unless there is this function and its socket was made with `allowHalfOpen`: then the
   * program ends it.
   */
  readonly onEnd?: ((connection: C) => unknown) | undefined;
  /** Called once for each connection, when its socket is closed. */
  readonly onClose?: ((connection: C) => unknown) | undefined;
}

/** The bounds of connections, in ms and bytes. */
export interface Bounds {
  readonly idleTimeout: number;
  readonly stallTimeout: number;
  /** The most bytes that may wait for one peer. */
  readonly maximum: number;
  /** With more of them, what was read and not handed out yet waits, too. */
  readonly fullBytes: number;
  /** With more of them, those who write to it are no longer read; they are with `lowWater`. */
  readonly highWater: number;
  readonly lowWater: number;
  /** What all connections of the pool may hold. */
  readonly quota: number;
}

/** Whoever opened a connection. */
export interface Watcher<F extends Releasable, C> {
  readonly protocol: Protocol<F, C>;
  readonly bounds: Bounds;
  /** Returns what is written before a connection is ended by an error, if anything is. */
  lastBytes(error: unknown, isOfProgram: boolean): Uint8Array | undefined;
  /** @param isOfProgram whether a function of the program threw the error */
  failed(error: unknown, connection: C, isOfProgram: boolean): void;
  closed(connection: C): void;
}
