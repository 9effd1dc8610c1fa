import { BufferError, show } from "./errors.js";

/** What a buffer may be made of. */
export type BufferData = string | ArrayLike<number> | ArrayBufferLike | ArrayBufferView;

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
export function toBytes(data: unknown): ArrayLike<number> {
  if (ArrayBuffer.isView(data)) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (typeof SharedArrayBuffer === "function" && data instanceof SharedArrayBuffer) {
    return new Uint8Array(data);
  }
  const { length } = (data ?? {}) as ArrayLike<number>;
  if (typeof data === "object" && Number.isInteger(length) && length >= 0) {
    return data as ArrayLike<number>;
  }
  const message = `data is ${show(data)}; it takes a string, bytes, a view or a buffer`;
  throw new BufferError("ERR_INVALID_ARGUMENT", message, { got: data });
}
