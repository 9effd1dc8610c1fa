import { BufferError } from "../index.js";
import { invalid } from "./errors.js";
import { readUtf8 } from "./utf8.js";

/** The names of encodings that `Bytes.toString` takes, in any case of letters, as Node does. */
export type BytesEncoding =
  | "utf8"
  | "utf-8"
  | "latin1"
  | "binary"
  | "ascii"
  | "utf16le"
  | "utf-16le"
  | "ucs2"
  | "ucs-2"
  | "hex"
  | "base64"
  | "base64url";

type Decode = (u8: Uint8Array, start: number, end: number) => string;

/** No engine has longer strings than V8. */
const STRING_MAX = 2 ** 29 - 24;
/** How many characters are made by one call. */
const RUN = 4096;
/** From here on the decoder of the engine is faster than a call with each unit: 2 ns per unit. */
const LONG = 64;
const run = new Uint8Array(2 * RUN);

/** Every runtime has it. Its type comes from libraries that this one does not require. */
declare const TextDecoder: new (
  label: string,
  options: { ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const decoder = new TextDecoder("utf-16le", { ignoreBOM: true });

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const latin1: Decode = (u8, start, end) => units(start, end, 1, (at) => u8[at]);
const utf16: Decode = (u8, start, end) =>
  units(start, end - ((end - start) & 1), 2, (at) => u8[at] | (u8[at + 1] << 8));

/** How to read each encoding, and its characters per byte. */
const DECODERS: ReadonlyMap<string, readonly [decode: Decode, characters: number]> = new Map([
  ["utf8", [decodeUtf8, 0]],
  ["utf-8", [decodeUtf8, 0]],
  ["latin1", [latin1, 1]],
  ["binary", [latin1, 1]],
  ["ascii", [(u8, start, end) => units(start, end, 1, (at) => u8[at] & 127), 1]],
  ["utf16le", [utf16, 0.5]],
  ["utf-16le", [utf16, 0.5]],
  ["ucs2", [utf16, 0.5]],
  ["ucs-2", [utf16, 0.5]],
  ["hex", [(u8, start, end) => toHex(u8, start, end, ""), 2]],
  ["base64", [(u8, start, end) => base64(u8, start, end, `${LETTERS}+/`, "="), 4 / 3]],
  ["base64url", [(u8, start, end) => base64(u8, start, end, `${LETTERS}-_`, ""), 4 / 3]],
]);

/** Returns bytes as text. @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_TOO_LARGE */
export function decodeText(u8: Uint8Array, start: number, end: number, encoding: string): string {
  const name = typeof encoding === "string" ? encoding.toLowerCase() : "";
  const decoder = DECODERS.get(name);
  if (decoder === undefined) {
    const names = [...DECODERS.keys()].map((key) => `"${key}"`).join(", ");
    throw invalid("encoding", encoding, `one of ${names}`);
  }
  const [decode, characters] = decoder;
  if ((end - start) * characters > STRING_MAX) throw tooLong(end - start);
  return decode(u8, start, end);
}

function decodeUtf8(u8: Uint8Array, start: number, end: number): string {
  try {
    return readUtf8(u8, start, end);
  } catch (error) {
    if (end - start <= STRING_MAX) throw error;
    throw tooLong(end - start);
  }
}

function tooLong(length: number): BufferError {
  const message = `${length} bytes make a longer string than there can be`;
  return new BufferError("ERR_TOO_LARGE", message, { got: length, most: STRING_MAX });
}

function units(start: number, end: number, width: number, unitAt: (at: number) => number): string {
  let text = "";
  for (let from = start; from < end; from += RUN * width) {
    const count = Math.min(RUN, (end - from) / width);
    let isPlain = count >= LONG;
    for (let index = 0; index < count; index++) {
      const unit = unitAt(from + index * width);
      if ((unit & 0xf800) === 0xd800) isPlain = false;
      run[2 * index] = unit;
      run[2 * index + 1] = unit >>> 8;
    }
    text += isPlain ? decoder.decode(run.subarray(0, 2 * count)) : fromUnits(count);
  }
  return text;
}

/** Returns the first units of `run`. The decoder would replace surrogates that have no pair. */
function fromUnits(count: number): string {
  const list = new Array<number>(count);
  for (let index = 0; index < count; index++)
    list[index] = run[2 * index] | (run[2 * index + 1] << 8);
  return String.fromCharCode.apply(null, list);
}

function toHex(u8: Uint8Array, start: number, end: number, separator: string): string {
  let text = "";
  for (let index = start; index < end; index++) {
    text += (index === start ? "" : separator) + HEX[u8[index]];
  }
  return text;
}

function base64(
  u8: Uint8Array,
  start: number,
  end: number,
  letters: string,
  padding: string,
): string {
  let text = "";
  for (let at = start; at < end; at += 3) {
    const rest = end - at;
    const bits = (u8[at] << 16) | ((rest > 1 ? u8[at + 1] : 0) << 8) | (rest > 2 ? u8[at + 2] : 0);
    text += (letters[bits >>> 18] as string) + letters[(bits >>> 12) & 63];
    text += rest > 1 ? letters[(bits >>> 6) & 63] : padding;
    text += rest > 2 ? letters[bits & 63] : padding;
  }
  return text;
}

/** How many bytes are on a line of a dump. */
const LINE_BYTES = 16;
const DUMP_MAX_BYTES: number = 2 ** 26;

/** Returns bytes for people: position, hex and ASCII. @throws {BufferError} ERR_TOO_LARGE */
export function dump(bytes: Uint8Array): string {
  if (bytes.length > DUMP_MAX_BYTES) throw tooLong(bytes.length);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const line = bytes.subarray(at, at + LINE_BYTES);
    const hex = toHex(line, 0, line.length, " ").padEnd(3 * LINE_BYTES - 1);
    const spaced = `${hex.slice(0, 23)}  ${hex.slice(24)}`;
    const ascii = latin1(line, 0, line.length).replace(/[^ -~]/g, ".");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${spaced}  |${ascii}|`);
  }
  return lines.join("\n");
}

/** How many bytes a summary shows. */
export const SHOWN_BYTES = 32;

/** Returns the first bytes in hex, and how many more there are. */
export function summarizeHex(first: Uint8Array, length: number, separator: string): string {
  const hex = toHex(first, 0, first.length, separator);
  return length > first.length ? `${hex}${separator}…` : hex;
}

/** Returns bytes in one line: how many, in hex, and as text if they are text. */
export function summarize(first: Uint8Array, length: number): string {
  const text = readUtf8(first, 0, first.length);
  const more = length > first.length ? ` ${length - first.length} more` : "";
  // A character may be cut at the end of what is shown.
  const shown = more === "" ? text : text.replace(/\ufffd+$/, "");
  const quoted = /[\p{C}\ufffd]/u.test(shown.replace(/[\t\r\n]/g, "")) || length === 0;
  const hex = summarizeHex(first, length, " ");
  return `Bytes(${length}) <${hex}${more}>${quoted ? "" : ` ${JSON.stringify(shown)}`}`;
}

/** A hash of 64 bits over pieces of bytes, to tell contents apart; not against attacks. */
export class Hash {
  private high = 0x9e3779b9;
  private low = 0x243f6a88;

  add(u8: Uint8Array, start: number, end: number): void {
    let { high, low } = this;
    for (let index = start; index < end; index++) {
      high = Math.imul(high ^ u8[index], 0x85ebca77);
      low = Math.imul(low ^ u8[index], 0x01000193) + 1;
    }
    this.high = high;
    this.low = low;
  }

  toString(): string {
    return [this.high, this.low]
      .map((word) => ((word ^ (word >>> 15)) >>> 0).toString(16).padStart(8, "0"))
      .join("");
  }
}
