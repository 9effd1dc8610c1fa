import { invalid } from "../../buffers/errors.js";
import type { Bytes } from "../../buffers/index.js";
import { checkIntegerOption, checkNames, checkPool } from "../../codec/checks.js";
import type { Releasable } from "../../codec/index.js";
import { BufferError } from "../../index.js";
import type { Connection } from "./connection.js";
import type { Bounds, Protocol } from "./protocol.js";

/** The longest time that a timer of Node takes. */
export const MAX_MS: number = 2 ** 31 - 1;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;

/**
 * What `serve` and `connect` do with connections, and their bounds. Whatever its functions throw is
 * an error of the connection.
 */
export interface ServeOptions<F extends Releasable = Bytes> extends Protocol<F, Connection<F>> {
  /**
   * Called with the first error of a connection, which is closed then: an error of its socket or of
   * its bytes, a bound that was reached, or what one of the functions threw. By default the latter
   * is shown as a warning of the process, and the others are not.
   */
  readonly onError?:
    | ((error: unknown, connection: Connection<F> | undefined) => unknown)
    | undefined;
  /** Closes the server and all connections at once when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /**
   * After so many ms without a byte in either direction a connection is closed, with ERR_TIMEOUT.
   * Default 0: never.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * A connection is closed, with ERR_TIMEOUT, whose peer has begun a frame and sends nothing more
   * of it for so many ms, or takes nothing of what is written. Default 30000. 0: never.
   */
  readonly stallTimeout?: number | undefined;
  /**
   * The most bytes that may wait for one peer; more is ERR_TOO_LARGE. At half of it the frames that
   * were read wait, too. Default 4 MiB.
   */
  readonly maximum?: number | undefined;
  /**
   * The most bytes that all connections of the pool may hold together. Beyond it those that hold
   * the most are closed, with ERR_TOO_LARGE. Default: half of the heap.
   */
  readonly quota?: number | undefined;
}

/** Bytes that wait for a peer when those who write to it are no longer read. */
const HIGH_WATER = 65536;

/** @throws {BufferError} ERR_INVALID_ARGUMENT for an option that cannot be used */
export function checkOptions<F extends Releasable>(options: ServeOptions<F>): Bounds {
  const { framer, handler, onFrame, pool, signal } = checkNames(options, NAMES);
  checkPool(pool);
  if (typeof framer !== "function") {
    throw invalid("framer", framer, "a function that returns a new framer");
  }
  for (const name of FUNCTIONS) {
    const value = options[name];
    if (value !== undefined && typeof value !== "function") {
      throw invalid(name, value, "a function");
    }
  }
  if ((handler === undefined) === (onFrame === undefined)) {
    const got = handler === undefined ? "neither" : "both";
    const message = `the options have ${got} of handler and onFrame; they take one of the two`;
    throw new BufferError("ERR_INVALID_ARGUMENT", message, { got });
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid("signal", signal, "an AbortSignal");
  }
  const { idleTimeout = 0, stallTimeout = 30_000, maximum = 4 * 2 ** 20 } = options;
  const { quota = pool.heap.u8.length / 2 } = options;
  checkIntegerOption("idleTimeout", idleTimeout, 0, MAX_MS);
  checkIntegerOption("stallTimeout", stallTimeout, 0, MAX_MS);
  checkIntegerOption("maximum", maximum, 1, MAX_BYTES);
  checkIntegerOption("quota", quota, 1, MAX_BYTES);
  const fullBytes = maximum / 2;
  const highWater = Math.min(HIGH_WATER, fullBytes);
  return {
    idleTimeout,
    stallTimeout,
    maximum,
    fullBytes,
    highWater,
    lowWater: highWater / 4,
    quota,
  };
}

const FUNCTIONS = ["handler", "onFrame", "onOpen", "onEnd", "onClose", "onError"] as const;
const LIMITS = ["idleTimeout", "stallTimeout", "maximum", "quota"] as const;
const NAMES = ["pool", "framer", "signal", ...FUNCTIONS, ...LIMITS] as const;
