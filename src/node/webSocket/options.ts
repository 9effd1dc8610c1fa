import { invalid } from "../../buffers/errors.js";
import type { BytesPool } from "../../buffers/index.js";
import { checkIntegerOption, checkNames } from "../../codec/checks.js";
import { MAX_MS } from "../serve/options.js";
import type { WebSocketConnection } from "./connection.js";
import type { Events } from "./events.js";
import { isToken } from "./handshake.js";

/**
 * What `acceptWebSocket` does with a connection, and its bounds. Whatever its functions throw is an
 * error of the connection, which is closed with 1011.
 */
export interface WebSocketAcceptOptions extends Events<WebSocketConnection> {
  /** The memory of the connections. */
  readonly pool: BytesPool;
  /**
   * Called with the first error, as that of `serve`. A `closeCode` in its details was sent to the
   * peer.
   */
  readonly onError?:
    | ((error: unknown, connection: WebSocketConnection | undefined) => unknown)
    | undefined;
  /** The subprotocols that the program speaks. The first one that the client offers is chosen. */
  readonly protocols?: readonly string[] | undefined;
  /** The most bytes of a message; more closes with 1009. Default 1 MiB. */
  readonly maximum?: number | undefined;
  /** The most frames of a message; more closes with 1008. Default 65536. */
  readonly maximumFragments?: number | undefined;
  /** The most bytes that may wait for the peer; more is ERR_TOO_LARGE. Default 4 MiB. */
  readonly maximumWaiting?: number | undefined;
  /** As that of `serve`. */
  readonly quota?: number | undefined;
  /** As that of `serve`. */
  readonly idleTimeout?: number | undefined;
  /** As that of `serve`. */
  readonly stallTimeout?: number | undefined;
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT for an option that `serve` does not check */
export function checkAcceptOptions(options: WebSocketAcceptOptions): void {
  const {
    closeTimeout = 0,
    onMessage,
    pingInterval = 0,
    protocols = [],
  } = checkNames(options, NAMES);
  if (typeof onMessage !== "function") throw invalid("onMessage", onMessage, "a function");
  for (const name of FUNCTIONS) {
    const value = options[name];
    if (value !== undefined && typeof value !== "function") {
      throw invalid(name, value, "a function");
    }
  }
  if (!Array.isArray(protocols) || !protocols.every(isToken)) {
    throw invalid("protocols", protocols, "an array of tokens");
  }
  checkIntegerOption("pingInterval", pingInterval, 0, MAX_MS);
  checkIntegerOption("closeTimeout", closeTimeout, 0, MAX_MS);
}

const FUNCTIONS = ["onOpen", "onClose", "onError"] as const;
const LIMITS = ["maximum", "maximumFragments", "maximumWaiting", "quota"] as const;
const TIMES = ["idleTimeout", "stallTimeout", "pingInterval", "closeTimeout"] as const;
const NAMES = ["pool", "onMessage", "protocols", ...FUNCTIONS, ...LIMITS, ...TIMES] as const;
