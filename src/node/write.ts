import fs, { WriteStream } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { types } from "node:util";
import { invalid } from "../buffers/errors.js";
import { BufferPool, type Bytes } from "../buffers/index.js";
import { isBytes } from "../buffers/internal.js";

const NOTHING = new Uint8Array(0);

/**
 * Returns the kind of handle that a socket of Node writes to: "TCP", "Pipe" or "TLSWrap". Else "",
 * also if somebody changed how it writes.
 */
function handleOf(stream: Writable): string {
  if (!(stream instanceof Socket) || !writesLike(stream, Socket.prototype)) return "";
  const { _handle: handle } = stream as unknown as { readonly _handle?: object | null };
  return handle?.constructor.name ?? "";
}

function writesLike(stream: Writable, { write, _write, _writev }: Writable): boolean {
  // Node sets `_writev` to null for a handle that has none.
  const own = stream._writev ?? _writev;
  return stream.write === write && stream._write === _write && own === _writev;
}

/**
 * Returns whether the stream has used the memory when it calls back, and always calls back. All
 * others get a copy, because they may pass on or keep what they are given. HTTP messages do not
 * call back if their connection is closed.
 */
function callsBack(stream: Writable, handle: string): boolean {
  if (handle === "TLSWrap") return true;
  if (!(stream instanceof WriteStream) || !writesLike(stream, WriteStream.prototype)) return false;
  // The option `fs` of a program puts its own functions there.
  const slot = Object.getOwnPropertySymbols(stream).find(
    ({ description }) => description === "kFs",
  );
  return slot !== undefined && (stream as unknown as { [slot: symbol]: unknown })[slot] === fs;
}

/**
 * Returns until when a stream uses memory that is written to it: "taken" if it does not once its
 * `writableLength` is 0, "called" if it does until it calls back; "copied" if that is not known, so
 * that it must be given a copy.
 */
export function usesMemory(stream: Writable): "taken" | "called" | "copied" {
  const handle = handleOf(stream);
  if (handle === "TCP" || handle === "Pipe") return "taken";
  return callsBack(stream, handle) ? "called" : "copied";
}

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
function checkStream(stream: Writable): void {
  const { write } = (stream ?? {}) as Partial<Writable>;
  if (typeof write !== "function") throw invalid("stream", stream, "a Writable stream of Node");
}

/**
 * Writes memory, and calls `done` once, when it may be used for something else. That is at once if
 * the system took all of it, the usual case, in which the stream needs no record of a callback.
 * Else it is when the memory is flushed or the stream has failed. TCP, Unix and TLS sockets and
 * files use the memory itself; any other stream gets a copy, because it may pass on or keep what it
 * is given. Returns what `stream.write` returns: false asks to wait for "drain".
 * @throws {BufferError} ERR_INVALID_ARGUMENT; nothing is written then, and `done` is not called
 */
export function writeThen(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  checkStream(stream);
  if (!types.isUint8Array(bytes)) throw invalid("bytes", bytes, "a Uint8Array");
  if (typeof done !== "function") throw invalid("done", done, "a function");
  return writeView(stream, bytes, done);
}

function writeView(stream: Writable, bytes: Uint8Array, done: () => void): boolean {
  const use = usesMemory(stream);
  if (use === "taken") {
    if (stream.writableLength > 0) return stream.write(bytes, done);
    const isRoomLeft = stream.write(bytes);
    if (stream.writableLength === 0) done();
    else stream.write(NOTHING, done);
    return isRoomLeft;
  }
  if (use === "called") return stream.write(bytes, done);
  const copy = new Uint8Array(bytes);
  done();
  return stream.write(copy);
}

/**
 * Writes a buffer of a `BufferPool`, and frees it when it is flushed or the stream has failed.
 * Returns what `stream.write` returns.
 * @throws {BufferError} ERR_INVALID_ARGUMENT; ERR_NOT_OWNED. Nothing is written then.
 */
export function writeAndFree<B extends ArrayBufferLike, V extends Uint8Array<B>>(
  stream: Writable,
  pool: BufferPool<B, V>,
  buffer: V,
): boolean {
  checkStream(stream);
  if (!(pool instanceof BufferPool)) throw invalid("pool", pool, "a BufferPool");
  pool.checkOwned(buffer);
  return writeView(stream, buffer, () => pool.free(buffer));
}

/**
 * Takes bytes over, also a chain: writes them, and releases them when they are flushed or the
 * stream has failed. Nothing is copied for TCP, Unix and TLS sockets and files; see `writeThen`.
 * Returns what `stream.write` returns.
 * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_RELEASED; nothing is written or released then
 */
export function writeBytes(stream: Writable, bytes: Bytes): boolean {
  checkStream(stream);
  if (!isBytes(bytes)) throw invalid("bytes", bytes, "Bytes");
  const chunks = [...bytes.chunks()];
  const last = chunks.pop();
  if (last === undefined) {
    bytes.release();
    return !stream.writableNeedDrain;
  }
  if (chunks.length === 0) return writeView(stream, last, () => bytes.release());
  if (usesMemory(stream) === "copied") {
    const copy = bytes.toUnshared();
    bytes.release();
    return stream.write(copy);
  }
  stream.cork();
  for (const chunk of chunks) stream.write(chunk);
  const isRoomLeft = stream.write(last, () => bytes.release());
  stream.uncork();
  return isRoomLeft;
}
