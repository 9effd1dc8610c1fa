/**
 * Finds where requests end, of both protocols on one connection. A request that begins with the
 * byte 0x80 is binary: a header of 24 bytes, which says how much follows. Any other one is a line
 * of text, and some lines say how many bytes of data follow:
 *
 *     get KEY CR LF
 *     set KEY FLAGS EXPIRY BYTES CR LF data CR LF
 */

export const BINARY = 0x80;
export const HEADER_BYTES = 24;
const BODY_LENGTH_AT = 8;
const LF = 10;
/** The most bytes of a line: "get" may have many keys. */
export const LINE_BYTES = 65_536;
/** What the body of a binary request has besides its value: key and extras. */
const MOST_BESIDES = 250 + 20;
const STORES = ["set", "add", "replace", "append", "prepend", "cas"];

/** Returns the words of a line, which ends with LF or CR LF. */
export function wordsOf(line) {
  return line
    .slice(0, line.endsWith("\r\n") ? -2 : -1)
    .split(" ")
    .filter((word) => word !== "");
}

/** Returns how many bytes of data follow a line; undefined if none do. */
export function dataLength(words) {
  if (!STORES.includes(words[0]) || !/^[0-9]{1,10}$/.test(words[4] ?? "")) return undefined;
  return Number(words[4]);
}

/** Returns whether a binary body is longer than key, extras and the longest value. */
export function isTooLong(bodyLength, itemBytes) {
  return bodyLength > itemBytes + MOST_BESIDES;
}

/**
 * Returns what finds the requests of one connection, for `framerOf`. A request whose value is
 * longer than `maximum` is cut: first comes its line or its header, to be answered with an error,
 * and then its data in pieces, as they come, to be dropped.
 * @returns {(reader: import("hakmem/codec").Reader) => number | undefined}
 */
export function finder(maximum) {
  /** The bytes that are still to be dropped. */
  let dropping = 0;

  function binary(reader) {
    reader.seek(BODY_LENGTH_AT);
    const length = reader.u32be();
    if (!reader.ok) return undefined;
    if (!isTooLong(length, maximum)) return HEADER_BYTES + length;
    dropping = length;
    return HEADER_BYTES;
  }

  function text(reader) {
    for (let left = reader.remaining; left > 0; left--) {
      if (reader.u8() === LF) return line(reader);
    }
    // A line that is too long is a request without LF.
    if (reader.position > LINE_BYTES) return reader.position;
    reader.mark();
    return undefined;
  }

  function line(reader) {
    const { position } = reader;
    reader.seek(0);
    const length = dataLength(wordsOf(reader.latin1(position)));
    if (length === undefined) return position;
    if (length <= maximum) return position + length + 2;
    dropping = length + 2;
    return position;
  }

  return (reader) => {
    if (dropping > 0) {
      const length = Math.min(dropping, reader.remaining, maximum);
      dropping -= length;
      return length;
    }
    return reader.position === 0 && reader.peek() === BINARY ? binary(reader) : text(reader);
  };
}
