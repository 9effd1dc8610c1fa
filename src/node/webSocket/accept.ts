import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { invalid } from "../../buffers/errors.js";
import { checkBytes } from "../../buffers/internal.js";
import { checkObject } from "../../codec/checks.js";
import { type WebSocketMessage, WebSocketMessageFramer } from "../../codec/index.js";
import { HeapError } from "../../index.js";
import type { ServeOptions } from "../serve/options.js";
import { Service } from "../serve/service.js";
import { WebSocketConnection } from "./connection.js";
import { acceptanceOf, offeredBy, refusalOf, refuse } from "./handshake.js";
import { checkAcceptOptions, type WebSocketAcceptOptions } from "./options.js";

const FULL = { status: "503 Service Unavailable", why: "the server has no memory left" };

/**
 * Makes the connection of an "upgrade" event of `http` or `https` a WebSocket (RFC 6455), and
 * returns it. A request that is no opening handshake is answered with 400, 405 or 426, and its
 * socket closed; then it returns undefined, and so it does when the client is gone. It throws
 * nothing for what a client sends. Extensions are not accepted.
 *
 * It asks nobody who the client is: check the `Origin` of browsers, cookies and the path before the
 * call. Time limits of the HTTP server end with it.
 *
 * To close all connections, keep them in a set from `onOpen` to `onClose`, and call
 * `close(1001)` of each.
 * @param head what came after the request
 * @throws {BufferError} ERR_INVALID_ARGUMENT for an option, or a socket that something else reads
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  options: WebSocketAcceptOptions,
): WebSocketConnection | undefined {
  checkObject("request", request);
  if (typeof checkObject("socket", socket).unshift !== "function") {
    throw invalid("socket", socket, "a Duplex of bytes");
  }
  checkBytes("head", head);
  checkAcceptOptions(options);
  const refusal = refusalOf(request);
  const offered = offeredBy(request) ?? [];
  const protocol = offered.find((name) => options.protocols?.includes(name)) ?? "";
  const opening = new Opening(acceptanceOf(request, protocol), protocol, options);
  if (socket.destroyed) return undefined;
  if (refusal !== undefined) {
    refuse(socket, refusal);
    return undefined;
  }
  (socket as Partial<Socket>).setTimeout?.(0);
  (socket as Partial<Socket>).setNoDelay?.(true);
  if (head.length > 0) socket.unshift(head);
  try {
    opening.service.take(socket);
  } catch (error) {
    if (!(error instanceof HeapError)) throw error;
    refuse(socket, FULL);
  }
  return opening.connection;
}

/** A connection that is opened: what `serve` does with its frames. */
class Opening {
  readonly service: Service<WebSocketMessage>;
  connection: WebSocketConnection | undefined;

  /** @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(acceptance: string, protocol: string, options: WebSocketAcceptOptions) {
    const { pool, onError, onOpen } = options;
    const { maximum = 2 ** 20, maximumFragments } = options;
    const limits = { role: "server", maximum, maximumFragments } as const;
    const framer = new WebSocketMessageFramer(pool, limits);
    const { idleTimeout, maximumWaiting, quota, stallTimeout } = options;
    const serving: ServeOptions<WebSocketMessage> = {
      pool,
      framer: () => framer,
      handler: (message) => this.connection?.receive(message),
      onOpen: (inner) => {
        this.connection = new WebSocketConnection(inner, framer, protocol, options);
        inner.write(acceptance);
        return onOpen?.(this.connection);
      },
      onClose: () => this.connection?.closed(),
      onError: onError && ((error) => onError(error, this.connection)),
      idleTimeout,
      stallTimeout,
      maximum: maximumWaiting,
      quota,
    };
    this.connection = undefined;
    this.service = new Service(serving, (error, isOfProgram) =>
      this.connection?.lastBytes(error, isOfProgram),
    );
  }
}
