/** Returns what a view or buffer of any realm is, such as "Uint8Array", without making a string. */
export function tagOf(value: object): unknown {
  return (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
}

/** Returns whether a value is a `Uint8Array`, of this realm or another one. */
export function isByteArray(value: unknown): value is Uint8Array {
  if (!ArrayBuffer.isView(value)) return false;
  return value instanceof Uint8Array || tagOf(value) === "Uint8Array";
}
