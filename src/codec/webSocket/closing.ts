import type { BufferError } from "../../index.js";
import { malformedFrame } from "../checks.js";
import { isUtf8 } from "./utf8.js";

/** The close codes that an error has in its details. */
export const PROTOCOL_ERROR = { closeCode: 1002 };
export const INVALID_TEXT = { closeCode: 1007 };
export const POLICY = { closeCode: 1008 };
export const TOO_BIG = { closeCode: 1009 };

/** Returns whether a close frame may have a code, by RFC 6455, 7.4, and the registry of IANA. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/**
 * Returns what is wrong with the payload of a close frame, if anything. `position` is that of its
 * first byte, in the stream or in what a program gave.
 */
export function closeError(
  u8: Uint8Array,
  i32: Int32Array,
  start: number,
  length: number,
  position: number,
): BufferError | undefined {
  if (length === 0) return undefined;
  const code = length < 2 ? 0 : (u8[start] << 8) | u8[start + 1];
  if (!isCloseCode(code)) {
    const got = length < 2 ? "1 byte of close code" : `close code ${code}`;
    const expected = "none, or one of 2 bytes that may be sent";
    return malformedFrame(position, got, expected, PROTOCOL_ERROR);
  }
  if (isUtf8(u8, i32, start + 2, start + length)) return undefined;
  return malformedFrame(position + 2, "a close reason that is no UTF-8", "UTF-8", INVALID_TEXT);
}
