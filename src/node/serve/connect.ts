import { type NetConnectOpts, connect as open, type Socket } from "node:net";
import { invalid } from "../../buffers/errors.js";
import type { Bytes } from "../../buffers/index.js";
import type { Releasable } from "../../codec/index.js";
import type { Connection } from "./connection.js";
import type { ServeOptions } from "./options.js";
import { Service } from "./service.js";

/**
 * Opens a connection and hands out the frames that come on it, like `serve`. Resolves when it is
 * connected. For TLS, give the socket of `tls.connect` to `serve` after "secureConnect".
 * @param target what `net.connect` takes: `{ host, port }` or `{ path }`
 * @throws {BufferError} ERR_INVALID_ARGUMENT; rejects with the error of the socket if it cannot
 * connect, which `onError` is not told
 */
export function connect<F extends Releasable = Bytes>(
  target: NetConnectOpts,
  options: ServeOptions<F>,
): Promise<Connection<F>> {
  if (typeof target !== "object" || target === null) {
    throw invalid("target", target, "an object with a port and a host, or with a path");
  }
  const service = new Service(options);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    const fail = (error: unknown): void => {
      signal?.removeEventListener("abort", abort);
      service.forget();
      socket?.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal?.reason);
    if (signal?.aborted === true) return abort();
    signal?.addEventListener("abort", abort);
    try {
      socket = open(target);
    } catch (error) {
      return fail(error);
    }
    socket.once("error", fail);
    const opened = socket;
    opened.once("connect", () => {
      signal?.removeEventListener("abort", abort);
      opened.off("error", fail);
      try {
        resolve(service.take(opened));
      } catch (error) {
        fail(error);
      }
    });
  });
}
