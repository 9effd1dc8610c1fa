import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";
import { invalid } from "../../buffers/errors.js";
import type { Bytes } from "../../buffers/index.js";
import { checkIntegerOption, checkObject } from "../../codec/checks.js";
import type { Releasable } from "../../codec/index.js";
import { Connection } from "./connection.js";
import { timedOut } from "./errors.js";
import { checkOptions, MAX_MS, type ServeOptions } from "./options.js";
import { PoolUse } from "./poolUse.js";
import { guard } from "./program.js";
import type { Bounds, Watcher } from "./protocol.js";

/** How often connections are looked at for their time limits, in parts of the shortest one. */
const LOOKS = 4;
const LEAST_LOOK_MS = 10;
const CLOSE_MS = 5000;

/** A server of `net`, `tls` or another one that emits its connections. */
interface Listening extends EventEmitter {
  close(done?: (error?: Error) => void): unknown;
}

/** The connections that one call of `serve` or `connect` has opened. */
export class Service<F extends Releasable = Bytes> {
  /** @internal */
  readonly protocol: ServeOptions<F>;
  /** @internal */
  readonly bounds: Bounds;
  private readonly use: PoolUse;
  private readonly open: Set<Connection<F>>;
  private server: Listening | undefined;
  private readonly accept: (socket: Duplex) => void;
  /** The connections of a server of `tls` that may not have shaken hands yet. */
  private readonly shaking: Set<Duplex>;
  private readonly greet: (socket: Duplex) => void;
  private timer: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  private onEmpty: (() => void) | undefined;
  private readonly abort: () => void;

  /** @internal */
  readonly lastBytes: Watcher<F, Connection<F>>["lastBytes"];

  /** @internal @throws {BufferError} ERR_INVALID_ARGUMENT */
  constructor(
    options: ServeOptions<F>,
    lastBytes: Watcher<F, Connection<F>>["lastBytes"] = () => undefined,
  ) {
    const bounds = checkOptions(options);
    this.protocol = options;
    this.lastBytes = lastBytes;
    this.bounds = bounds;
    this.use = PoolUse.of(options.pool);
    this.open = new Set();
    this.server = undefined;
    this.accept = (socket) => void this.add(socket);
    this.shaking = new Set();
    this.greet = (socket) => {
      this.shaking.add(socket);
      socket.once("close", () => this.shaking.delete(socket));
    };
    this.timer = undefined;
    this.closing = undefined;
    this.onEmpty = undefined;
    this.abort = () => this.destroy();
    options.signal?.addEventListener("abort", this.abort);
  }

  /** The connections that are open. */
  get connections(): ReadonlySet<Connection<F>> {
    return this.open;
  }

  /** @internal Takes the connections of a server. */
  listen(server: Listening): this {
    this.server = server;
    server.on(acceptEvent(server), this.accept);
    if (acceptEvent(server) !== "connection") server.on("connection", this.greet);
    if (this.protocol.signal?.aborted) this.destroy();
    return this;
  }

  /** @internal Takes over a connection; returns undefined if that failed, which is told. */
  add(socket: Duplex): Connection<F> | undefined {
    if (this.closing !== undefined || this.protocol.signal?.aborted) {
      socket.destroy();
      return undefined;
    }
    try {
      return this.take(socket);
    } catch (error) {
      socket.destroy();
      this.tell(error, undefined, false);
      return undefined;
    }
  }

  /** @internal @throws what `readInto` throws; {HeapError} ERR_HEAP_EXHAUSTED */
  take(socket: Duplex): Connection<F> {
    const connection = new Connection(socket, this.use, this);
    this.open.add(connection);
    this.watchTime();
    connection.begin();
    return connection;
  }

  /**
   * Closes the server to new connections, and ends those that are open after what was received has
   * been handled and what was written is flushed. What is left after `timeout` ms is closed then.
   * Resolves when all are closed.
   * @throws {BufferError} ERR_INVALID_ARGUMENT
   */
  close(options: { readonly timeout?: number } = {}): Promise<void> {
    const { timeout = CLOSE_MS } = checkObject("options", options);
    checkIntegerOption("timeout", timeout, 0, MAX_MS);
    this.closing ??= this.closeAll(timeout);
    return this.closing;
  }

  /** Closes the server and all connections at once. */
  destroy(): void {
    void this.close();
    this.destroyAll();
  }

  /** @internal */
  failed(error: unknown, connection: Connection<F>, isOfProgram: boolean): void {
    this.tell(error, connection, isOfProgram);
  }

  /** @internal */
  closed(connection: Connection<F>): void {
    this.open.delete(connection);
    const tell = (error: unknown): void => this.tell(error, connection, true);
    guard(() => this.protocol.onClose?.(connection), tell);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.onEmpty?.();
    if (this.server === undefined) this.forget();
  }

  /** @internal Is no longer told of the signal. */
  forget(): void {
    this.protocol.signal?.removeEventListener("abort", this.abort);
  }

  private destroyAll(): void {
    for (const connection of this.open) connection.destroy();
    for (const socket of this.shaking) socket.destroy();
  }

  private async closeAll(timeout: number): Promise<void> {
    const { open, server } = this;
    const stopped = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    const emptied = new Promise<void>((resolve) => {
      if (open.size === 0) resolve();
      else this.onEmpty = resolve;
    });
    for (const connection of open) connection.endGently();
    const late = setTimeout(() => this.destroyAll(), timeout);
    await Promise.all([stopped, emptied]);
    clearTimeout(late);
    server?.off(acceptEvent(server), this.accept);
    server?.off("connection", this.greet);
    this.forget();
  }

  private tell(error: unknown, connection: Connection<F> | undefined, isOfProgram: boolean): void {
    const { onError } = this.protocol;
    if (onError !== undefined) guard(() => onError(error, connection), warn);
    else if (isOfProgram || !isOfPeer(error)) warn(error);
  }

  private watchTime(): void {
    const { idleTimeout, stallTimeout } = this.bounds;
    const limits = [idleTimeout, stallTimeout].filter((limit) => limit > 0);
    if (limits.length === 0 || this.timer !== undefined) return;
    const pause = Math.max(LEAST_LOOK_MS, Math.min(...limits) / LOOKS);
    this.timer = setInterval(() => this.look(), pause);
    this.timer.unref();
  }

  private look(): void {
    const now = performance.now();
    const { idleTimeout, stallTimeout } = this.bounds;
    for (const connection of this.open) {
      connection.noteProgress();
      if (connection.isActive) {
        connection.isActive = false;
        connection.quietSince = now;
      }
      const silence = now - connection.quietSince;
      if (stallTimeout > 0 && silence >= stallTimeout && connection.isOwed) {
        connection.fail(timedOut("stallTimeout", "the peer stalled", stallTimeout));
      } else if (idleTimeout > 0 && silence >= idleTimeout && !connection.isPaused) {
        connection.fail(timedOut("idleTimeout", "no byte came or went", idleTimeout));
      }
    }
  }
}

/**
 * Hands out the frames of all connections of a server, or of one connection, and writes what is
 * answered. An error ends the connection that it is about, and no other.
 * @throws {BufferError} ERR_INVALID_ARGUMENT
 */
export function serve<F extends Releasable = Bytes>(
  source: Listening | Duplex,
  options: ServeOptions<F>,
): Service<F> {
  const kind = kindOf(source);
  if (kind === undefined) {
    throw invalid("source", source, "a server of net or tls, or a connection");
  }
  const service = new Service(options);
  if (kind === "server") return service.listen(source as Listening);
  if (service.add(source as Duplex) === undefined) service.forget();
  return service;
}

function kindOf(source: unknown): "server" | "connection" | undefined {
  const { close, listen, on, pipe, write } = (source ?? {}) as Record<string, unknown>;
  // A server of HTTP reads its connections itself.
  if (typeof on !== "function" || isHttp(source as object)) return undefined;
  if (typeof listen === "function" && typeof close === "function") return "server";
  return typeof write === "function" && typeof pipe === "function" ? "connection" : undefined;
}

function isHttp(server: object): boolean {
  return "headersTimeout" in server || "updateSettings" in server;
}

/** A server of `tls` also emits the connections that it decrypts, under this name. */
function acceptEvent(server: object): string {
  return "setSecureContext" in server ? "secureConnection" : "connection";
}

/** Returns whether an error says something of a peer or of the network, and not of the program. */
function isOfPeer(error: unknown): boolean {
  return typeof (error as { code?: unknown } | null)?.code === "string";
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(inspect(error)));
}
