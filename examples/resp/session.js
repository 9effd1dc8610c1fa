/** A client: what it has chosen, what it has sent, and how it is answered. */

/** How much of a client's bytes an error repeats. */
const QUOTED = 128;

/**
 * What the commands of all clients work on.
 * @typedef {object} Shared
 * @property {import("./table.js").Table} table
 * @property {Uint8Array} u8 the memory of the heap: commands lie there, as values do
 * @property {Buffer} text the same memory, to be read as text
 * @property {number} maxmemory
 * @property {() => number} clients how many there are
 */

let lastId = 0;

export class Session {
  /** The version of the protocol, 2 or 3. */
  version = 2;
  name = "";
  id = ++lastId;
  table;
  shared;
  connection;
  /** The command that is executed. */
  #command = /** @type {import("./command.js").Command} */ (/** @type {unknown} */ (undefined));
  #base = 0;

  /**
   * @param {import("hakmem/node").Connection} connection
   * @param {Shared} shared
   */
  constructor(connection, shared) {
    this.connection = connection;
    this.shared = shared;
    this.table = shared.table;
  }

  /** Takes a command, which begins at `base` in the memory of the heap. */
  take(command, base) {
    this.#command = command;
    this.#base = base;
  }

  /** How many arguments the command has, with its name. */
  get count() {
    return this.#command.count;
  }

  /** Where an argument begins in the memory of the heap. The name has the index 0. */
  at(index) {
    return this.#base + this.#command.starts[index];
  }

  /** How many bytes an argument has. */
  length(index) {
    return this.#command.lengths[index];
  }

  /** An argument as text, a character a byte. */
  text(index) {
    const at = this.at(index);
    return this.shared.text.toString("latin1", at, at + this.length(index));
  }

  /** An argument in upper case, as words of commands are compared. */
  word(index) {
    return this.length(index) > QUOTED ? "" : this.text(index).toUpperCase();
  }

  /** An argument as a whole number; undefined if it is none of 64 bits. */
  integer(index) {
    return toInteger(this.text(index));
  }

  /** An argument as errors show it. */
  quoted(index) {
    const at = this.at(index);
    const end = at + Math.min(this.length(index), QUOTED);
    return this.shared.text.toString("latin1", at, end).replace(/[^ -~]/g, "?");
  }

  /** Answers with text that is RESP already. */
  reply(text) {
    this.connection.write(text);
  }

  ok() {
    this.connection.write("+OK\r\n");
  }

  /**
   * Answers that something went wrong.
   * @param {string} what begins with a code, such as ERR
   */
  error(what) {
    this.connection.write(`-${what}\r\n`);
  }

  /** Answers that there is nothing. */
  none() {
    this.connection.write(this.version === 3 ? "_\r\n" : "$-1\r\n");
  }

  /**
   * Answers with the value of an entry, which is a reply already.
   * @param {number} entry or 0
   */
  entry(entry) {
    if (entry === 0) return this.none();
    const { connection, shared, table } = this;
    connection.write(shared.u8, table.replyOf(entry), table.replyLength(entry));
  }

  number(value) {
    this.connection.write(`:${value}\r\n`);
  }

  /** @param {string} text a character a byte */
  bulk(text) {
    this.connection.write(Buffer.from(`$${text.length}\r\n${text}\r\n`, "latin1"));
  }

  /** @param {number} index of an argument */
  argument(index) {
    const { connection, shared } = this;
    connection.write(`$${this.length(index)}\r\n`);
    connection.write(shared.u8, this.at(index), this.length(index));
    connection.write("\r\n");
  }

  map(pairs) {
    this.reply(this.version === 3 ? `%${pairs.length}\r\n` : `*${2 * pairs.length}\r\n`);
    for (const [name, value] of pairs) {
      this.bulk(name);
      if (typeof value === "number") this.number(value);
      else this.bulk(value);
    }
  }
}

const I64_MAX = 2n ** 63n - 1n;

/** Returns the number of 64 bits that a text is; undefined if it is none. */
export function toInteger(text) {
  if (text.length > 20) return undefined;
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const value = BigInt(text);
  return isInteger(value) ? value : undefined;
}

/** Returns whether a number has 64 bits. */
export function isInteger(value) {
  return value <= I64_MAX && value >= -I64_MAX - 1n;
}
