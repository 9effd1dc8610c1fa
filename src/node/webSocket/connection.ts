import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { Bytes } from "../../buffers/index.js";
import { checkBytes, isBytes } from "../../buffers/internal.js";
import { checkBoolean, checkObject, cutArray } from "../../codec/checks.js";
import { OPCODE, type WebSocketMessage } from "../../codec/index.js";
import { checkText, closePayload, writeLength } from "../../codec/webSocket/writer.js";
import { BufferError } from "../../index.js";
import type { Connection } from "../serve/connection.js";
import { timedOut } from "../serve/errors.js";
import { promiseOf } from "../serve/program.js";
import type { Events } from "./events.js";

/** The code of a connection that was closed without a close frame. */
const NO_CLOSE = 1006;
/** The code of a close frame without a code. */
const NO_CODE = 1005;
const SERVER_ERROR = 1011;
const CLOSE_MS = 5000;

/** The header that is written next. */
const header = new Uint8Array(10);

/** How far a connection has read its stream. */
interface Position {
  readonly position: number;
}

/**
 * A WebSocket connection of a server. What is sent in a turn of the event loop is one write. Pings
 * are answered, and close frames are.
 */
export class WebSocketConnection {
  /** Whatever the program keeps with the connection. */
  data: unknown;
  /** The subprotocol that was chosen; "" if none was. */
  readonly protocol: string;
  private readonly inner: Connection<WebSocketMessage>;
  private readonly options: Events<WebSocketConnection>;
  private readonly framer: Position;
  private isCloseSent: boolean;
  private isClosed: boolean;
  private code: number;
  private reason: string;
  private readonly enders: (() => void)[];
  /** Lets the next frames come, although the promise of a handler is not settled. */
  private goOn: (() => void) | undefined;
  private pings: NodeJS.Timeout | undefined;
  /** How far the stream was read at the last ping; -1 if that does not count. */
  private pingedAt: number;
  private late: NodeJS.Timeout | undefined;

  /** @internal */
  constructor(
    inner: Connection<WebSocketMessage>,
    framer: Position,
    protocol: string,
    options: Events<WebSocketConnection>,
  ) {
    const { pingInterval = 0 } = options;
    this.data = undefined;
    this.protocol = protocol;
    this.inner = inner;
    this.options = options;
    this.framer = framer;
    this.isCloseSent = false;
    this.isClosed = false;
    this.code = NO_CLOSE;
    this.reason = "";
    this.enders = [];
    this.goOn = undefined;
    this.pingedAt = -1;
    this.pings = undefined;
    this.late = undefined;
    if (pingInterval > 0) this.pings = setInterval(() => this.pingOrLeave(), pingInterval).unref();
  }

  /** Whether it takes what is sent: no close frame was sent or has come. */
  get isOpen(): boolean {
    return this.inner.isOpen && !this.isCloseSent;
  }

  /** The stream that has the connection now, for its addresses; it is read and written here. */
  get socket(): Duplex {
    return this.inner.socket;
  }

  /** How many bytes wait for the peer to take them. */
  get waitingBytes(): number {
    return this.inner.waitingBytes;
  }

  /**
   * Sends a message: a string as text, all else as bytes, unless `binary` says otherwise. `Bytes`
   * are taken over, and released when they are written; to send them to several peers, give each
   * `bytes.retain()`. Of anything else a copy is sent. Returns whether there is room for more: if
   * not, the connection whose message is being handled is no longer read until there is; other code
   * awaits `drained()`. A connection that is not open drops the message.
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_RELEASED; ERR_MALFORMED for a text that is no
   * UTF-8. Nothing is taken over then.
   */
  send(
    data: string | Uint8Array | Bytes,
    options: { readonly binary?: boolean | undefined } = {},
  ): boolean {
    const isString = typeof data === "string";
    const { binary = !isString } = checkObject("options", options);
    checkBoolean("binary", binary);
    if (!isString && !isBytes(data)) checkArray(data, "Bytes, a Uint8Array or a string");
    if (!isString && !binary) checkText(data as Uint8Array | Bytes, true);
    return this.write(binary ? OPCODE.BINARY : OPCODE.TEXT, isString ? Buffer.from(data) : data);
  }

  /**
   * Sends a ping with at most 125 bytes. Its pong is not told.
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_TOO_LARGE
   */
  ping(data: string | Uint8Array = ""): void {
    const payload = typeof data === "string" ? Buffer.from(data) : data;
    checkArray(payload, "a Uint8Array or a string");
    const got = payload.length;
    if (got > 125) {
      const message = `the ping has ${got} bytes; at most 125 are accepted`;
      throw new BufferError("ERR_TOO_LARGE", message, { got, most: 125 });
    }
    this.write(OPCODE.PING, payload);
  }

  /** Resolves when there is room for more, or when the connection is closed. */
  drained(): Promise<void> {
    return this.inner.drained();
  }

  /**
   * Sends a close frame, after what was sent before. Messages that still come are dropped. The
   * socket is closed when the peer has answered, or after `closeTimeout`. Resolves when it is; a
   * handler may await that.
   * @throws {BufferError} ERR_INVALID_ARGUMENT for a code that may not be sent; ERR_TOO_LARGE for a
   * reason of more than 123 bytes
   */
  close(code: number = 1000, reason: string = ""): Promise<void> {
    this.leave(closePayload(code, reason));
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.enders.push(resolve);
    });
  }

  /** Closes the socket at once. With an error, it is told like one of the connection. */
  destroy(error?: unknown): void {
    this.inner.destroy(error);
  }

  /** @internal Takes what has come. */
  receive(message: WebSocketMessage): unknown {
    const { opcode, payload } = message;
    if (opcode === OPCODE.TEXT || opcode === OPCODE.BINARY) return this.handle(message);
    // What is written is taken over.
    if (opcode === OPCODE.PING) this.write(OPCODE.PONG, payload);
    else if (opcode === OPCODE.CLOSE) this.receiveClose(message);
    else payload.release();
    return undefined;
  }

  /** @internal Returns the close frame for an error, if the peer is to be told. */
  lastBytes(error: unknown, isOfProgram: boolean): Uint8Array | undefined {
    const code = isOfProgram ? SERVER_ERROR : closeCodeOf(error);
    if (code === undefined || this.isCloseSent) return undefined;
    this.isCloseSent = true;
    this.hurry();
    return Uint8Array.of(0x80 | OPCODE.CLOSE, 2, code >> 8, code & 255);
  }

  /** @internal Called when the socket is closed. */
  closed(): unknown {
    this.isClosed = true;
    clearInterval(this.pings);
    clearTimeout(this.late);
    for (const resolve of this.enders.splice(0)) resolve();
    return this.options.onClose?.(this, this.code, this.reason);
  }

  private handle(message: WebSocketMessage): unknown {
    if (this.isCloseSent) return message.release();
    const result = promiseOf(this.options.onMessage(message, this));
    if (result === undefined) return undefined;
    // A handler that awaits the close must not keep the peer's close frame from coming.
    return new Promise<void>((resolve, reject) => {
      this.goOn = resolve;
      if (this.isCloseSent) resolve();
      result.then(
        () => resolve(),
        (error: unknown) => {
          reject(error);
          if (this.isCloseSent) this.inner.destroy(error);
        },
      );
    });
  }

  private receiveClose(message: WebSocketMessage): void {
    const { closeCode, text } = message;
    message.release();
    this.code = closeCode;
    this.reason = text;
    this.leave(closeCode === NO_CODE ? new Uint8Array(0) : closePayload(closeCode, ""));
    void this.inner.end();
  }

  /** Writes a frame. `Bytes` are taken over. */
  private write(opcode: number, payload: Uint8Array | Bytes): boolean {
    const { length } = payload;
    if (this.isCloseSent) {
      if (isBytes(payload)) payload.release();
      return true;
    }
    const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
    header[0] = 0x80 | opcode;
    writeLength(header, 1, length, extra, 0);
    this.inner.write(header, 0, 2 + extra);
    return this.inner.write(payload);
  }

  /** Writes a close frame, unless one was written. */
  private leave(payload: Uint8Array): void {
    if (this.isCloseSent || this.isClosed) return;
    this.write(OPCODE.CLOSE, payload);
    this.isCloseSent = true;
    this.hurry();
    this.goOn?.();
  }

  /** Limits the time until the socket is closed. */
  private hurry(): void {
    const { closeTimeout = CLOSE_MS } = this.options;
    clearInterval(this.pings);
    this.late = setTimeout(() => this.inner.destroy(), closeTimeout);
  }

  private pingOrLeave(): void {
    const { framer, inner } = this;
    const { position } = framer;
    // A peer that is not read cannot answer.
    if (inner.isPaused || inner.waitingBytes > 0) {
      this.pingedAt = -1;
    } else if (position === this.pingedAt) {
      const { pingInterval = 0 } = this.options;
      inner.destroy(timedOut("pingInterval", "the peer did not answer a ping", pingInterval));
    } else {
      this.pingedAt = position;
      this.ping();
    }
  }
}

/** An array that was detached has no bytes either, but is no empty message. */
function checkArray(data: unknown, expected: string): void {
  const array = checkBytes("data", data, expected);
  if (array.length === 0) cutArray(array, 0, 0);
}

function closeCodeOf(error: unknown): number | undefined {
  const code = error instanceof BufferError ? error.details.closeCode : undefined;
  return typeof code === "number" ? code : undefined;
}
