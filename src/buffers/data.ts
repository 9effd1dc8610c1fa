import { describe } from "../base/describe.js";
import { BufferError } from "../index.js";
import { invalid } from "./errors.js";

/** What a buffer may be made of. Of a view it is the bytes, whatever the view's elements are. */
export type BufferData = string | ArrayLike<number> | ArrayBufferLike | ArrayBufferView;

/** Something like an array, whose length was read once: it may say another the next time. */
class Numbers {
  readonly list: ArrayLike<unknown>;
  readonly length: number;

  constructor(list: ArrayLike<unknown>, length: number) {
    this.list = list;
    this.length = length;
  }
}

/** What is to be copied: as many bytes as it says. */
export type Source = Uint8Array | Numbers;

/** @throws {BufferError} ERR_INVALID_ARGUMENT */
export function toSource(data: unknown): Source {
  if (ArrayBuffer.isView(data)) return toByteArray(data);
  // The length is fixed: another worker may make a growable buffer longer at any time.
  if (isBuffer(data)) return viewOrRefuse(() => new Uint8Array(data, 0, data.byteLength));
  if (typeof data === "object" && data !== null) {
    const { length } = data as ArrayLike<unknown>;
    if (Number.isInteger(length) && length >= 0) {
      return new Numbers(data as ArrayLike<unknown>, length);
    }
  }
  throw invalid("data", data, "a string, bytes, a view or a buffer");
}

/**
 * Copies to where there is room for `source.length` bytes. Numbers are stored as `Uint8Array` does.
 * @throws {BufferError} ERR_INVALID_ARGUMENT for an element that is no number.
 */
export function copySource(source: Source, target: Uint8Array, start: number): void {
  if (!(source instanceof Numbers)) {
    target.set(source, start);
    return;
  }
  const { list, length } = source;
  for (let position = 0; position < length; position++) {
    const value = list[position];
    if (typeof value !== "number") {
      const message = `data is ${describe(value)} at position ${position}; it takes numbers`;
      throw new BufferError("ERR_INVALID_ARGUMENT", message, { position, got: value });
    }
    target[start + position] = value;
  }
}

/** The argument, if it is a `Uint8Array` of whatever realm. @throws ERR_INVALID_ARGUMENT */
export function checkBytes(name: string, value: unknown): Uint8Array {
  const isBytes = ArrayBuffer.isView(value) && tagOf(value) === "Uint8Array";
  if (!isBytes) throw invalid(name, value, "a Uint8Array");
  return value as Uint8Array;
}

/** The bytes of a view, by a view of fixed length that nobody can have tampered with. */
export function toByteArray(view: ArrayBufferView): Uint8Array {
  return viewOrRefuse(() => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

/** What the engine refuses: a buffer that was detached, or cut below the view's end. */
function viewOrRefuse(makeView: () => Uint8Array): Uint8Array {
  try {
    return makeView();
  } catch {
    const message = "data has no bytes: its buffer was detached, or cut";
    throw new BufferError("ERR_INVALID_ARGUMENT", message);
  }
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  if (data instanceof ArrayBuffer) return true;
  const tag = Object.prototype.toString.call(data);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}

function tagOf(value: object): unknown {
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
}
