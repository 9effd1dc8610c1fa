import { describe } from "../base/describe.js";
import { HeapError } from "../base/errors.js";

/*
 * Checks of arguments that several methods of heaps take.
 */

/** @throws {HeapError} ERR_INVALID_ARGUMENT unless `value` is an object or a function. */
export function checkObject(name: string, value: unknown): void {
  if ((typeof value === "object" && value !== null) || typeof value === "function") return;
  throw misplaced(name, value, "an object");
}

/** @throws {HeapError} ERR_INVALID_ARGUMENT unless `value` is a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw misplaced(name, value, "a function");
}

/** @throws {HeapError} ERR_INVALID_ARGUMENT unless a static function calls the constructor. */
export function checkMade<V extends { readonly gate: object }>(views: V): V {
  if (views?.gate) return views;
  throw new HeapError(
    "ERR_INVALID_ARGUMENT",
    "heaps are made by create, over, open, attach, restore",
  );
}

function misplaced(name: string, got: unknown, kind: string): HeapError {
  const message = `${name} is ${describe(got)}; it takes ${kind}`;
  return new HeapError("ERR_INVALID_ARGUMENT", message, { got });
}
