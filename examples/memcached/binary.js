/**
 * The binary protocol: what each command does, and its answer. Requests and answers have a header,
 * and a body of extras, key and value:
 *
 *     magic opcode keyBytes(2) extrasBytes type status(2) bodyBytes(4) opaque(4) cas(8)
 */
import { expiryOf } from "./items.js";
import { HEADER_BYTES, isTooLong } from "./request.js";

const ANSWER = 0x81;
const KEY_BYTES = 250;
/** A time of `incr` and `decr` that says: do not create the item. */
const DO_NOT_CREATE = 0xffffffff;

const OK = 0;
const NOT_FOUND = 1;
const TOO_LARGE = 3;
const INVALID = 4;
const UNKNOWN = 0x81;
/** The statuses of what the items say. */
const STATUS = {
  STORED: OK,
  NOT_FOUND,
  EXISTS: 2,
  TOO_LARGE,
  NOT_STORED: 5,
  NOT_A_NUMBER: 6,
  OUT_OF_MEMORY: 0x82,
};
const REASONS = {
  [NOT_FOUND]: "Not found",
  [STATUS.EXISTS]: "Data exists for key.",
  [TOO_LARGE]: "Too large.",
  [INVALID]: "Invalid arguments",
  [STATUS.NOT_STORED]: "Not stored.",
  [STATUS.NOT_A_NUMBER]: "Non-numeric server-side value for incr or decr",
  [UNKNOWN]: "Unknown command",
  [STATUS.OUT_OF_MEMORY]: "Out of memory",
};

/** What it means that these modes have not stored a value. */
const REFUSALS = { add: "EXISTS", replace: "NOT_FOUND" };

/** The commands by their opcodes: their extras, in bytes, and whether they have key and value. */
const COMMANDS = {
  0: { run: (call) => get(call, false), extras: [0], hasKey: true },
  1: { run: (call) => store(call, "set"), extras: [8], hasKey: true, hasValue: true },
  2: { run: (call) => store(call, "add"), extras: [8], hasKey: true, hasValue: true },
  3: { run: (call) => store(call, "replace"), extras: [8], hasKey: true, hasValue: true },
  4: { run: remove, extras: [0], hasKey: true },
  5: { run: (call) => add(call, 1n), extras: [20], hasKey: true },
  6: { run: (call) => add(call, -1n), extras: [20], hasKey: true },
  7: { run: quit, extras: [0] },
  8: { run: flush, extras: [0, 4] },
  10: { run: (call) => call.succeed(), extras: [0] },
  11: { run: (call) => call.succeed({ text: call.cache.version }), extras: [0] },
  12: { run: (call) => get(call, true), extras: [0], hasKey: true },
  14: { run: (call) => store(call, "append"), extras: [0], hasKey: true, hasValue: true },
  15: { run: (call) => store(call, "prepend"), extras: [0], hasKey: true, hasValue: true },
  16: { run: stats, extras: [0], mayHaveKey: true },
  27: { run: (call) => call.succeed(), extras: [4] },
  28: { run: touch, extras: [4], hasKey: true },
  29: { run: getAndTouch, extras: [4], hasKey: true },
};

/**
 * The quiet commands, and those that they are forms of. They are not answered when all is well, or,
 * if they get something, when nothing is there.
 */
const QUIET = {
  9: 0x00,
  13: 0x0c,
  17: 0x01,
  18: 0x02,
  19: 0x03,
  20: 0x04,
  21: 0x05,
  22: 0x06,
  23: 0x07,
  24: 0x08,
  25: 0x0e,
  26: 0x0f,
  30: 0x1d,
};

/** A request, and how it is answered. */
class Call {
  frame;
  cache;
  connection;
  key = "";

  /**
   * @param {import("./server.js").Client} client
   * @param {import("hakmem/buffers").Bytes} frame
   */
  constructor({ cache, connection }, frame) {
    const { reader } = cache;
    this.frame = frame;
    this.cache = cache;
    this.connection = connection;
    reader.reset(frame);
    reader.skip(1);
    this.opcode = reader.u8();
    this.keyLength = reader.u16be();
    this.extrasLength = reader.u8();
    reader.skip(3);
    this.bodyLength = reader.u32be();
    this.opaque = reader.u32be();
    const cas = reader.u64be();
    /** What the item's must be; undefined if that does not matter. */
    this.cas = cas === 0n ? undefined : cas;
    this.isQuiet = this.opcode in QUIET;
  }

  get valueLength() {
    return this.bodyLength - this.extrasLength - this.keyLength;
  }

  /** Whether the body is what a command has. */
  hasShape({ extras, hasKey = false, mayHaveKey = false, hasValue = false }) {
    const { extrasLength, keyLength, valueLength } = this;
    if (!extras.includes(extrasLength) || keyLength > KEY_BYTES || valueLength < 0) return false;
    if (!mayHaveKey && keyLength > 0 !== hasKey) return false;
    return hasValue || valueLength === 0;
  }

  /** Reads the key, and returns the reader at the extras. */
  extras() {
    const { reader } = this.cache;
    reader.seek(HEADER_BYTES + this.extrasLength);
    this.key = reader.latin1(this.keyLength);
    reader.seek(HEADER_BYTES);
    return reader;
  }

  /** Answers what the items say. */
  answer(result) {
    const status = STATUS[result];
    if (status !== OK) this.fail(status);
    else if (!this.isQuiet) this.succeed({ cas: this.cache.items.get(this.key)?.cas });
  }

  fail(status) {
    this.#write(status, { text: REASONS[status] });
  }

  /** Answers with what is given of flags, key, and value: text, a number of 64 bits, or bytes. */
  succeed(parts = {}) {
    this.#write(OK, parts);
  }

  /** @param {Partial<Record<"flags" | "key" | "text" | "number" | "value" | "cas", any>>} parts */
  #write(status, parts) {
    const { flags, key = "", text = "", number, value, cas = 0n } = parts;
    const { writer } = this.cache;
    const extrasLength = flags === undefined ? 0 : 4;
    const length = value?.length ?? (number === undefined ? text.length : 8);
    writer.u8(ANSWER);
    writer.u8(this.opcode);
    writer.u16be(key.length);
    writer.u8(extrasLength);
    writer.u8(0);
    writer.u16be(status);
    writer.u32be(extrasLength + key.length + length);
    writer.u32be(this.opaque);
    writer.u64be(cas);
    if (flags !== undefined) writer.u32be(flags);
    writer.latin1(key);
    if (number !== undefined) writer.u64be(number);
    else writer.latin1(text);
    this.connection.write(writer.view());
    writer.reset();
    if (value !== undefined) this.connection.write(value.slice());
  }
}

/**
 * Executes a binary request.
 * @param {import("./server.js").Client} client
 * @param {import("hakmem/buffers").Bytes} frame
 */
export function executeBinary(client, frame) {
  const call = new Call(client, frame);
  if (isTooLong(call.bodyLength, client.cache.itemBytes)) {
    client.dropping = call.bodyLength;
    return call.fail(TOO_LARGE);
  }
  const command = COMMANDS[QUIET[call.opcode] ?? call.opcode];
  if (command === undefined) return call.fail(UNKNOWN);
  if (!call.hasShape(command)) return call.fail(INVALID);
  command.run(call);
}

function get(call, withKey) {
  call.extras();
  answerItem(call, call.cache.items.look(call.key), withKey ? call.key : "");
}

function answerItem(call, item, key) {
  if (item !== undefined) {
    const { flags, value, cas } = item;
    call.succeed({ flags, key, value, cas });
  } else if (!call.isQuiet) {
    call.fail(NOT_FOUND);
  }
}

function getAndTouch(call) {
  const expiry = expiryOf(call.extras().u32be());
  call.cache.items.touch(call.key, expiry);
  answerItem(call, call.cache.items.look(call.key), "");
}

function touch(call) {
  const expiry = expiryOf(call.extras().u32be());
  call.answer(call.cache.items.touch(call.key, expiry) === undefined ? "NOT_FOUND" : "STORED");
}

function store(call, mode) {
  const reader = call.extras();
  const hasExtras = call.extrasLength > 0;
  const flags = hasExtras ? reader.u32be() : 0;
  const expiry = hasExtras ? expiryOf(reader.u32be()) : Infinity;
  const value = call.frame.slice(call.frame.length - call.valueLength);
  const result = call.cache.items.store(mode, call.key, value, flags, expiry, call.cas);
  call.answer(result === "NOT_STORED" ? (REFUSALS[mode] ?? result) : result);
}

function remove(call) {
  call.extras();
  call.answer(call.cache.items.delete(call.key, call.cas));
}

function add(call, sign) {
  const { items } = call.cache;
  const reader = call.extras();
  const amount = sign * reader.u64be();
  const initial = reader.u64be();
  const time = reader.u32be();
  let result = items.add(call.key, amount, call.cas);
  if (result === "NOT_FOUND" && time !== DO_NOT_CREATE) {
    const stored = items.storeText("set", call.key, String(initial), 0, expiryOf(time));
    result = stored === "STORED" ? initial : stored;
  }
  if (typeof result !== "bigint") return call.answer(result);
  if (!call.isQuiet) call.succeed({ number: result, cas: items.get(call.key)?.cas });
}

function flush(call) {
  const delay = call.extrasLength === 0 ? 0 : call.extras().u32be();
  call.cache.items.flush(delay === 0 ? 0 : expiryOf(delay));
  if (!call.isQuiet) call.succeed();
}

function stats(call) {
  if (call.keyLength > 0) return call.fail(NOT_FOUND);
  for (const [key, value] of call.cache.stats()) call.succeed({ key, text: String(value) });
  call.succeed();
}

function quit(call) {
  if (!call.isQuiet) call.succeed();
  call.connection.end();
}
