import { Socket } from "node:net";

/** The memory that a socket reads into, and the function that it calls then. */
export interface ReadTarget {
  /** The memory for every read, or a function that returns it before each read. */
  readonly buffer: Uint8Array | (() => Uint8Array);
  /**
   * Called when `length` bytes were read to the start of `buffer`. If it returns false, the socket
   * pauses until `socket.resume()`.
   */
  readonly onRead: (length: number, buffer: Uint8Array) => boolean | undefined;
}

/** What an accepted connection has besides its public API. */
interface Accepted {
  _handle: object | null;
  _server: object | null;
  server: object | null;
}

/**
 * Lets a connection that a server has accepted read into memory of the program. `net.createServer`
 * has no option for that, so a new socket takes over the connection. Use the socket that is
 * returned instead of `socket`. Create the server with `pauseOnConnect: true`, or bytes that come
 * earlier are lost. In a runtime whose connections cannot be taken over, the bytes are copied.
 */
export function readInto(socket: Socket, target: ReadTarget): Socket {
  const accepted = socket as unknown as Accepted;
  const handle = accepted._handle;
  if (handle === null || typeof handle !== "object" || !("useUserBuffer" in handle)) {
    return copyInto(socket, target);
  }
  const options = { handle, onread: { buffer: target.buffer, callback: target.onRead } };
  const taken = new Socket(options as ConstructorParameters<typeof Socket>[0]);
  // The server counts its connections by these.
  const own = taken as unknown as Accepted;
  own._server = accepted._server;
  own.server = accepted.server;
  accepted._handle = null;
  accepted._server = null;
  socket.destroy();
  taken.resume();
  return taken;
}

function copyInto(socket: Socket, { buffer, onRead }: ReadTarget): Socket {
  socket.on("data", (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      const to = typeof buffer === "function" ? buffer() : buffer;
      const length = Math.min(to.length, chunk.length - at);
      to.set(chunk.subarray(at, at + length));
      at += length;
      if (onRead(length, to) === false) {
        socket.pause();
        if (at < chunk.length) socket.unshift(chunk.subarray(at));
        return;
      }
    }
  });
  socket.resume();
  return socket;
}
