import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { types } from "node:util";
import { invalid } from "../buffers/errors.js";
import { BufferError } from "../index.js";

/** The memory that a socket reads into, and the function that it calls then. */
export interface ReadTarget {
  /** The memory for every read, or a function that returns it before each read. */
  readonly buffer: Uint8Array | (() => Uint8Array);
  /**
   * Called when `length` bytes were read to the start of `buffer`. If it returns false, the socket
   * pauses until `socket.resume()`.
   */
  readonly onRead: (length: number, buffer: Uint8Array) => boolean | undefined;
  /**
   * @internal The memory for what a socket that reads straight has read before: the system may read
   * into what `buffer` has returned last at any time.
   */
  readonly spare?: Uint8Array;
  /**
   * @internal Returns whether the memory cannot be had now, because `onRead` was called from within
   * another one. The socket pauses then.
   */
  readonly isBusy?: () => boolean;
}

/** Where a `Socket` of Node keeps the memory of its option `onread`. */
interface Slots {
  readonly view: symbol;
  readonly generator: symbol;
  readonly callback: symbol;
}

/** What a socket has besides its public API. */
interface Internals {
  readonly _handle: { useUserBuffer?: (view: Uint8Array) => void } | null | undefined;
  readonly parser?: object | null;
  [slot: symbol]: unknown;
}

let slots: Slots | undefined;

/**
 * Lets a socket, or any other `Duplex`, read into memory of the program from now on, and returns
 * it. It stays the same object, so all its settings and listeners go on working. Bytes that it has
 * read already come first; more of them can be put there with `socket.unshift`, like the head of an
 * HTTP upgrade.
 *
 * A TCP or Unix socket of Node reads straight into the memory. For all else, and on Windows, the
 * bytes are copied. What `buffer` or `onRead` throws destroys the socket with that error.
 * @throws {BufferError} ERR_INVALID_ARGUMENT, also if something else reads the socket, or if it has
 * an encoding or is in object mode; ERR_CLOSED if it was destroyed. The socket is as it was then.
 */
export function readInto<S extends Duplex = Socket>(socket: S, target: ReadTarget): S {
  takeOver(socket, target);
  return socket;
}

/**
 * Does what `readInto` does. Returns a function that lets the socket read by itself again, when
 * somebody listens. Its next bytes are those that `onRead` was not told of.
 */
export function takeOver(socket: Duplex, target: ReadTarget): () => void {
  checkTarget(target);
  checkSource(socket);
  const isStraight = canReadStraight(socket);
  if (isStraight) readStraight(socket, target);
  const buffer = (isStraight ? target.spare : undefined) ?? target.buffer;
  const copying: Copying = { target: { ...target, buffer }, rest: undefined, isOver: false };
  const take = (chunk: unknown): void => copyChunk(socket, copying, chunk);
  socket.on("data", take);
  socket.resume();
  return () => {
    copying.isOver = true;
    socket.off("data", take);
    socket.pause();
    // Whoever listens next lets it flow, as with a new socket.
    Object.assign(socket, { readableFlowing: null });
    if (isStraight) readAgain(socket);
    if (copying.rest !== undefined) socket.unshift(copying.rest);
  };
}

/** What is known of the chunks that are copied. */
interface Copying {
  readonly target: ReadTarget;
  /** What was not copied yet of the chunk that is being copied. */
  rest: Uint8Array | undefined;
  isOver: boolean;
}

function checkTarget(target: ReadTarget): void {
  const { buffer, onRead } = (target ?? {}) as Partial<ReadTarget>;
  if (typeof buffer !== "function") checkRoom(buffer);
  if (typeof onRead !== "function") throw invalid("onRead", onRead, "a function");
}

/** Returns the memory for a read. @throws {BufferError} ERR_INVALID_ARGUMENT */
function checkRoom(buffer: unknown): Uint8Array {
  if (types.isUint8Array(buffer) && buffer.length > 0) return buffer;
  throw invalid("buffer", buffer, "a Uint8Array of 1 byte or more, or a function that returns one");
}

const METHODS = ["on", "read", "write", "pause", "resume", "unshift", "destroy"] as const;

/** @throws {BufferError} what `readInto` throws for a socket */
function checkSource(socket: Duplex): void {
  const isDuplex = typeof socket === "object" && socket !== null;
  if (!isDuplex || !METHODS.every((name) => typeof socket[name] === "function")) {
    throw invalid("socket", socket, "a socket or another Duplex stream of Node");
  }
  if (socket.destroyed) {
    const message = "the socket was destroyed; it takes one that is open";
    throw new BufferError("ERR_CLOSED", message, { cause: socket.errored });
  }
  const { parser } = socket as unknown as Internals;
  const isRead = ["data", "readable"].some((event) => socket.listenerCount(event) > 0);
  if (isRead || (parser ?? null) !== null || isTaken(socket)) {
    throw invalid("socket", socket, "a socket that nothing else reads");
  }
  if (socket.readableObjectMode || (socket.readableEncoding ?? null) !== null) {
    throw invalid("socket", socket, "a stream of bytes, without an encoding or objects");
  }
}

/** Returns whether the bytes of a `Socket` go to TLS, or to the function of its option `onread`. */
function isTaken(socket: Duplex): boolean {
  const internals = socket as unknown as Internals;
  slots ??= findSlots(socket);
  if (slots !== undefined && (internals[slots.view] ?? null) !== null) return true;
  const { _handle: handle } = internals;
  if (typeof handle !== "object" || handle === null) return false;
  return Object.getOwnPropertyDescriptor(handle, "reading")?.get !== undefined;
}

function findSlots(socket: Duplex): Slots | undefined {
  const find = (name: string): symbol | undefined =>
    Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
  const [view, generator, callback] = ["kBuffer", "kBufferGen", "kBufferCb"].map(find);
  if (view === undefined || generator === undefined || callback === undefined) return;
  return { view, generator, callback };
}

/**
 * Returns whether the socket is one of Node and nothing else, over TCP or a pipe. A subclass may
 * see bytes in its `push`. In Windows a read may be under way to memory of Node, which then ends
 * the process when it finds that it should have been other memory.
 */
function canReadStraight(socket: Duplex): boolean {
  if (Object.getPrototypeOf(socket) !== Socket.prototype || slots === undefined) return false;
  if (process.platform === "win32" || socket.readableEnded) return false;
  const { _handle: handle } = socket as unknown as Internals;
  if (handle === null) return true;
  const name = handle?.constructor.name;
  return (name === "TCP" || name === "Pipe") && typeof handle?.useUserBuffer === "function";
}

/** Does what the constructor of `Socket` does with its option `onread`. */
function readStraight(socket: Duplex, { buffer, onRead }: ReadTarget): void {
  const internals = socket as unknown as Internals;
  const { view, generator, callback } = slots as Slots;
  const next = typeof buffer === "function" ? () => checkRoom(buffer()) : undefined;
  const { _handle: handle } = internals;
  // A socket that is not connected asks for the memory when it has a handle.
  const first = next === undefined ? buffer : handle === null ? true : next();
  internals[view] = first;
  const nextOther = (): Uint8Array | undefined => {
    const to = orDestroy(socket, next as () => Uint8Array);
    // Undefined keeps what is there, which takes less than to look up the same memory again.
    return to === internals[view] ? undefined : to;
  };
  internals[generator] = next === undefined ? null : nextOther;
  internals[callback] = (length: number, to: Uint8Array) => {
    try {
      // Node reads once more after resume() and pause() in one turn.
      if (socket.isPaused()) socket.push(Buffer.from(to.subarray(0, length)));
      else if (onRead(length, to) !== false) return true;
      else socket.pause();
    } catch (error) {
      socket.destroy(error as Error);
    }
    return false;
  };
  if (first !== true) handle?.useUserBuffer?.(first as Uint8Array);
}

/** The bytes of the memory of a socket that reads by itself again. */
const OWN_BYTES = 16_384;

/** Lets a socket read into memory of its own, which it copies, as Node has no way back. */
function readAgain(socket: Duplex): void {
  const internals = socket as unknown as Internals;
  const { view, generator, callback } = slots as Slots;
  const own = new Uint8Array(OWN_BYTES);
  internals[view] = own;
  internals[generator] = null;
  internals[callback] = (length: number) => socket.push(Buffer.from(own.subarray(0, length)));
  internals._handle?.useUserBuffer?.(own);
}

function orDestroy(socket: Duplex, next: () => Uint8Array): Uint8Array | undefined {
  try {
    return next();
  } catch (error) {
    socket.destroy(error as Error);
    return;
  }
}

function copyChunk(socket: Duplex, copying: Copying, chunk: unknown): void {
  const { buffer, isBusy, onRead } = copying.target;
  try {
    if (!types.isUint8Array(chunk)) throw invalid("chunk", chunk, "bytes");
    for (let at = 0; at < chunk.length && !socket.destroyed; ) {
      if (isBusy?.() === true) {
        socket.pause();
        socket.unshift(chunk.subarray(at));
        return;
      }
      const to = checkRoom(typeof buffer === "function" ? buffer() : buffer);
      const length = Math.min(to.length, chunk.length - at);
      to.set(chunk.subarray(at, at + length));
      at += length;
      copying.rest = at < chunk.length ? chunk.subarray(at) : undefined;
      if (onRead(length, to) === false) socket.pause();
      if (copying.isOver) return;
      if (!socket.isPaused() || at === chunk.length) continue;
      socket.unshift(chunk.subarray(at));
      return;
    }
  } catch (error) {
    socket.destroy(error as Error);
  }
}
