import { describe } from "../base/describe.js";
import { isByteArray } from "../base/tag.js";
import { BufferError } from "../index.js";
import { invalid } from "./errors.js";

/** What a buffer can be made from. A view gives its bytes, whatever its elements are. */
export type BufferData = string | ArrayLike<number> | ArrayBufferLike | ArrayBufferView;

/** Something like an array. Its length is read once, because it may be another the next time. */
class Numbers {
  readonly list: ArrayLike<unknown>;
  readonly length: number;

  constructor(list: ArrayLike<unknown>, length: number) {
    this.list = list;
    this.length = length;
  }
}

/** What is copied: `length` bytes. */
type Source = Uint8Array | Numbers;

/** Returns what to copy of `data`. @throws {BufferError} ERR_INVALID_ARGUMENT */
export function toSource(data: unknown): Source {
  if (ArrayBuffer.isView(data)) return toByteArray(data);
  // The view has a fixed length, because another worker may grow a growable buffer at any time.
  if (isBuffer(data)) return viewOrRefuse(() => new Uint8Array(data, 0, data.byteLength));
  if (typeof data === "object" && data !== null) {
    const list = data as ArrayLike<unknown>;
    const length = lengthOf(list);
    if (Number.isInteger(length) && length >= 0) return new Numbers(list, length);
  }
  throw invalid("data", data, "a string, bytes, a view or a buffer");
}

/**
 * Copies the source to `target`, which has room for it. Numbers are stored as `Uint8Array` does.
 * @throws {BufferError} ERR_INVALID_ARGUMENT for an element that is no number
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

/** Returns a `Uint8Array` of any realm. @throws {BufferError} ERR_INVALID_ARGUMENT for all else */
export function checkBytes(name: string, value: unknown, expected = "a Uint8Array"): Uint8Array {
  if (!isByteArray(value)) throw invalid(name, value, expected);
  return value;
}

/**
 * Returns the bytes that a program gave as a view of fixed length, which has no methods of its own.
 * @throws {BufferError} ERR_INVALID_ARGUMENT if the buffer was detached
 */
export function toByteArray(view: ArrayBufferView): Uint8Array {
  return viewOrRefuse(() => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
}

/** The engine refuses a buffer that was detached, or that was cut before the end of the view. */
function viewOrRefuse(makeView: () => Uint8Array): Uint8Array {
  try {
    return makeView();
  } catch {
    const message = "data has no bytes: its buffer was detached or cut";
    throw new BufferError("ERR_INVALID_ARGUMENT", message);
  }
}

const TypedArray = Object.getPrototypeOf(Uint8Array) as new () => object;

/** Returns -1 for what only has the prototype of a view, whose getters throw. */
function lengthOf(list: ArrayLike<unknown>): number {
  return list instanceof TypedArray ? -1 : list.length;
}

function isBuffer(data: unknown): data is ArrayBufferLike {
  if (data instanceof ArrayBuffer) return true;
  const tag = Object.prototype.toString.call(data);
  return tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]";
}
