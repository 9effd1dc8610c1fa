import { Socket } from "node:net";

/** Where a socket reads to, and who is told. */
export interface ReadTarget {
  /** Memory to read into: the same for every read, or asked for before each. */
  readonly buffer: Uint8Array | (() => Uint8Array);
  /** `length` bytes were read to the start of `buffer`. False pauses; `socket.resume()` goes on. */
  readonly onRead: (length: number, buffer: Uint8Array) => boolean | undefined;
}

/** What an accepted connection has beside the public API. */
interface Accepted {
  _handle: object | null;
  _server: object | null;
  server: object | null;
}

/**
 * Makes a connection that a server has accepted read into one's own memory. `net.createServer` has
 * no option for it, so a new socket takes the connection over: use what is returned, and not
 * `socket`. The server must have been created with `pauseOnConnect: true`, or bytes that came
 * before would be lost. Where a runtime does not let a socket be taken over, its bytes are copied.
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
