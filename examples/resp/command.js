/**
 * Finds where commands end and where their arguments are. A command comes as an array of bulk
 * strings, or, as a person types it, as a line:
 *
 *     *2 CR LF  $3 CR LF GET CR LF  $1 CR LF a CR LF
 *     GET a CR LF
 */

/** @typedef {import("hakmem/codec").Reader} Reader */

const STAR = 42;
const DOLLAR = 36;
const CRLF = 0x0d0a;
const LF = 10;
const SPACE = 32;
/** The most bytes of a line. */
const LINE_BYTES = 65_536;

/** Arrays for more arguments are given up after the command. */
const KEPT_ARGUMENTS = 256;

class ProtocolError extends Error {}

/**
 * The command that was found last. `onFrame` is called with a command before the next one is
 * sought, whichever connection it comes from.
 * @type {Command}
 */
export let found;

/** The command that a connection is sending. */
export class Command {
  /** How many arguments were found. The first one is the name. */
  count = 0;
  /** Where each argument begins, and how long it is. What follows is of older commands. */
  starts = [0];
  lengths = [0];
  /** What is wrong with the command, if it is none; else "". */
  error = "";
  #expected = 0;
  #mostBytes;
  #mostArguments;

  /**
   * @param {number} mostBytes of the whole command
   */
  constructor(mostBytes, mostArguments) {
    this.#mostBytes = mostBytes;
    this.#mostArguments = mostArguments;
  }

  /**
   * Returns how many bytes the command has, once all of them have come. What it has dealt with it
   * marks, and goes on there the next time. So a command that comes byte by byte takes no longer
   * than its bytes. Malformed bytes are a command, too, which will be answered with an error.
   * @returns {number | undefined}
   */
  find(reader) {
    found = this;
    try {
      if (reader.position === 0) return this.#begin(reader);
      return this.#expected > 0 ? this.#arguments(reader) : this.#line(reader);
    } catch (error) {
      const what = this.#expected === 0 ? "invalid multibulk length" : "invalid bulk length";
      this.error = error instanceof ProtocolError ? error.message : what;
      return 1;
    }
  }

  #begin(reader) {
    this.count = 0;
    this.#expected = 0;
    if (this.starts.length > KEPT_ARGUMENTS) {
      this.starts = [0];
      this.lengths = [0];
    }
    if (reader.peek() !== STAR) return this.#line(reader);
    reader.skip(1);
    const count = reader.decimal();
    if (!endsLine(reader)) return undefined;
    if (count > this.#mostArguments) throw new ProtocolError("invalid multibulk length");
    this.#expected = count;
    reader.mark();
    return this.#arguments(reader);
  }

  #arguments(reader) {
    while (this.count < this.#expected) {
      const first = reader.u8();
      if (first !== DOLLAR && reader.ok) {
        throw new ProtocolError(`expected '$', got '${String.fromCharCode(first)}'`);
      }
      const length = reader.decimal();
      if (!endsLine(reader)) return undefined;
      const start = reader.position;
      if (length < 0 || start + length + 2 > this.#mostBytes) {
        throw new ProtocolError("invalid bulk length");
      }
      reader.skip(length);
      if (!endsLine(reader)) return undefined;
      this.starts[this.count] = start;
      this.lengths[this.count] = length;
      this.count++;
      reader.mark();
    }
    return reader.position;
  }

  #line(reader) {
    for (let left = reader.remaining; left > 0; left--) {
      if (reader.u8() === LF) return this.#words(reader);
    }
    if (reader.position >= Math.min(LINE_BYTES, this.#mostBytes))
      throw new ProtocolError("too big inline request");
    reader.mark();
    return undefined;
  }

  /** Finds the words of a line that has been read: what lies between spaces. */
  #words(reader) {
    const end = reader.position;
    reader.seek(0);
    let start = 0;
    for (let at = 0; at < end; at++) {
      // LF and CR count as spaces, too.
      if (reader.u8() > SPACE) continue;
      if (at > start) {
        this.starts[this.count] = start;
        this.lengths[this.count] = at - start;
        this.count++;
      }
      start = at + 1;
    }
    return end;
  }
}

/** Reads CR LF; returns false if they have not come yet. */
function endsLine(reader) {
  const end = reader.u16be();
  if (!reader.ok) return false;
  if (end !== CRLF) throw new ProtocolError("expected CR LF");
  return true;
}
