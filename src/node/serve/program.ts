import type { FrameScanner } from "../../codec/index.js";

/**
 * Returns the promise that a function of the program has returned, if it is one. It settles once
 * and calls back later, whatever the program has made. @throws what the program's object throws
 */
export function promiseOf(value: unknown): Promise<unknown> | undefined {
  const isObject = typeof value === "object" && value !== null;
  if (!isObject || typeof (value as Promise<unknown>).then !== "function") return undefined;
  return Promise.resolve(value);
}

/**
 * Calls a function of the program. What it throws, or what its promise rejects with, is an error.
 */
export function guard(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    promiseOf(call())?.catch(onError);
  } catch (error) {
    onError(error);
  }
}

/** Returns what calls `onFrame` of a program with a frame, as `guard` does without an object. */
export function frameCallback<C>(
  onFrame: (
    view: Uint8Array,
    offset: number,
    length: number,
    connection: C,
    first: number,
  ) => unknown,
  connection: C,
  onError: (error: unknown) => void,
): FrameScanner {
  return (view, offset, length, first) => {
    try {
      promiseOf(onFrame(view, offset, length, connection, first))?.catch(onError);
    } catch (error) {
      onError(error);
    }
  };
}
