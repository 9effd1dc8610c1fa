import { Buffer } from "node:buffer";

/** Up to this many characters, a loop is faster than to make a buffer. */
const SHORT_TEXT = 32;

const scratch = new Uint8Array(SHORT_TEXT);
/** A view of the first bytes of `scratch`, for each length. */
const views: readonly Uint8Array[] = Array.from({ length: SHORT_TEXT + 1 }, (_, length) =>
  scratch.subarray(0, length),
);

/** Returns a text as UTF-8, which is valid until the next call. */
export function utf8Of(text: string): Uint8Array {
  const { length } = text;
  if (length > SHORT_TEXT) return Buffer.from(text);
  let units = 0;
  for (let index = 0; index < length; index++) units |= scratch[index] = text.charCodeAt(index);
  return units < 0x80 ? (views[length] as Uint8Array) : Buffer.from(text);
}
