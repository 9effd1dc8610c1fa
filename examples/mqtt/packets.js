/**
 * The packets of MQTT 3.1.1, as clients send them and as the broker answers.
 *
 *      7    4 3     0
 *     +------+-------+------------------------+-----------------------+
 *     | type | flags | length: varint of 1..4 | the bytes it counts   |
 *     +------+-------+------------------------+-----------------------+
 *
 * Texts and passwords have a length of two bytes before them. What is read here is checked: a
 * packet that the standard does not allow is an error with the position in the packet, and ends
 * the connection.
 */
import { Reader } from "hakmem/codec";
import { isKept } from "./topics.js";

export const TYPE = Object.freeze({
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
});

/** What CONNACK says. */
export const CONNACK = Object.freeze({
  ACCEPTED: 0,
  WRONG_VERSION: 1,
  ID_REFUSED: 2,
  UNAVAILABLE: 3,
  NOT_AUTHORIZED: 5,
});

/** What SUBACK says of a filter that was not granted. */
export const NOT_GRANTED = 0x80;

/** The first byte of a PUBLISH with QoS 0 and no flags. */
export const PLAIN_PUBLISH = TYPE.PUBLISH << 4;
export const RETAIN = 1;
export const DUP = 8;

const LEVEL_OF_3_1_1 = 4;
const HEADER_BYTES = 5;
/** The most filters of one packet. */
const MOST_FILTERS = 100;

/** Flags of CONNECT, from the lowest bit: reserved, clean session, will, QoS of two bits, ... */
const CLEAN = 2;
const WILL = 4;
const WILL_RETAIN = 32;
const PASSWORD = 64;
const USER_NAME = 128;

/** A packet that the standard does not allow. */
export class PacketError extends Error {
  /** @param {string} message @param {number} [position] */
  constructor(message, position) {
    super(position === undefined ? message : `${message}, at byte ${position} of the packet`);
    this.name = "PacketError";
    this.code = "ERR_MALFORMED_PACKET";
    this.position = position;
  }
}

/**
 * Reads all packets, because each is read to its end before the next one comes.
 * @type {Reader<Bytes>}
 */
const reader = /** @type {Reader<*>} */ (new Reader(new Uint8Array(0), { strict: true }));

/**
 * Reads the header of a packet. The reader stands after it then.
 * @param {Bytes} frame
 */
export function readHeader(frame) {
  reader.reset(frame);
  const first = reader.u8();
  reader.varint32();
  if (reader.position > HEADER_BYTES) throw new PacketError("a length of more than 4 bytes", 1);
  const type = first >>> 4;
  const flags = first & 15;
  // Only PUBLISH has flags. Three types have this fixed pattern instead, one of them for QoS 2.
  const expected = type === TYPE.SUBSCRIBE || type === TYPE.UNSUBSCRIBE ? 2 : 0;
  if (type !== TYPE.PUBLISH && flags !== expected) {
    throw new PacketError(`flags ${flags} in a packet of type ${type}`, 0);
  }
  return { type, flags };
}

/**
 * Reads CONNECT. Of a version that is not 3.1.1 only `isKnown` is right.
 */
export function readConnect() {
  const name = reader.utf8Prefixed("u16be");
  const level = reader.u8();
  const isOlder = name === "MQIsdp";
  if (name !== "MQTT" && !isOlder) throw new PacketError("no MQTT", reader.position);
  const connect = {
    isKnown: !isOlder && level === LEVEL_OF_3_1_1,
    isClean: true,
    keepAliveSeconds: 0,
    id: "",
    /** @type {Will | undefined} */
    will: undefined,
    /** @type {string | undefined} */
    userName: undefined,
    /** @type {Uint8Array | undefined} */
    password: undefined,
  };
  if (!connect.isKnown && reader.missing === 0) return connect;
  const at = reader.position;
  const flags = reader.u8();
  checkConnectFlags(flags, at);
  connect.isClean = (flags & CLEAN) !== 0;
  connect.keepAliveSeconds = reader.u16be();
  connect.id = readText();
  if ((flags & WILL) !== 0) connect.will = readWill(flags);
  try {
    if ((flags & USER_NAME) !== 0) connect.userName = readText();
    if ((flags & PASSWORD) !== 0) connect.password = reader.copy(reader.u16be());
    checkEnd();
  } catch (error) {
    connect.will?.payload.release();
    throw error;
  }
  return connect;
}

/** @param {number} flags @param {number} at */
function checkConnectFlags(flags, at) {
  const qos = (flags >>> 3) & 3;
  const hasWill = (flags & WILL) !== 0;
  const isWrong =
    (flags & 1) !== 0 ||
    qos === 3 ||
    (!hasWill && (qos > 0 || (flags & WILL_RETAIN) !== 0)) ||
    ((flags & PASSWORD) !== 0 && (flags & USER_NAME) === 0);
  if (isWrong) throw new PacketError(`flags ${flags} in CONNECT`, at);
}

/**
 * What is published for a client that is lost.
 * @typedef {{ topic: string, qos: 0 | 1, isRetained: boolean,
 *   payload: Bytes }} Will
 */

/**
 * Reads a will. Its payload is a copy, because the password lies in the block of the packet.
 * @param {number} flags
 * @returns {Will}
 */
function readWill(flags) {
  const at = reader.position;
  const topic = readText();
  if (reader.missing === 0) checkTopic(topic, at);
  const shared = reader.bytesPrefixed("u16be");
  try {
    const qos = (flags & 0x18) === 0 ? 0 : 1;
    return { topic, qos, isRetained: (flags & WILL_RETAIN) !== 0, payload: shared.compact() };
  } finally {
    shared.release();
  }
}

/**
 * Reads PUBLISH up to its payload.
 * @param {number} flags
 */
export function readPublish(flags) {
  const qos = (flags >>> 1) & 3;
  // The standard has QoS 2, and this broker does not grant it, so no client should use it.
  if (qos > 1) throw new PacketError(`QoS ${qos}, and this broker has 0 and 1`, 0);
  if (qos === 0 && (flags & DUP) !== 0) throw new PacketError("DUP with QoS 0", 0);
  const at = reader.position;
  const topic = readText();
  const id = qos === 0 ? 0 : readId();
  if (reader.missing > 0) checkEnd();
  checkTopic(topic, at);
  return { topic, id, qos, isRetained: (flags & RETAIN) !== 0, payloadAt: reader.position };
}

/** Reads PUBACK. */
export function readPuback() {
  const id = readId();
  checkEnd();
  return id;
}

/**
 * Reads SUBSCRIBE, or UNSUBSCRIBE, whose filters have no QoS.
 * @param {boolean} hasQos
 */
export function readFilters(hasQos) {
  const id = readId();
  /** @type {{ filter: string, qos: number }[]} */
  const filters = [];
  do {
    const at = reader.position;
    const filter = readText();
    const qos = hasQos ? reader.u8() : 0;
    if (reader.missing > 0) checkEnd();
    if (!isFilter(filter)) throw new PacketError("a wrong topic filter", at);
    if (qos > 2) throw new PacketError(`QoS ${qos}`, reader.position - 1);
    if (filters.length === MOST_FILTERS) {
      throw new PacketError(`more than ${MOST_FILTERS} filters`, at);
    }
    filters.push({ filter, qos });
  } while (reader.remaining > 0);
  return { id, filters };
}

/** Checks that a packet is over. */
export function checkEnd() {
  const { missing, position, remaining } = reader;
  if (missing > 0) throw new PacketError("a packet that is too short", position);
  if (remaining > 0) throw new PacketError(`${remaining} bytes too many`, position);
}

function readId() {
  const id = reader.u16be();
  if (id === 0 && reader.missing === 0) throw new PacketError("packet id 0", reader.position - 2);
  return id;
}

function readText() {
  const at = reader.position;
  const text = reader.utf8Prefixed("u16be");
  if (text.includes("\0")) throw new PacketError("U+0000 in a text", at);
  return text;
}

/** Checks that a message can be published to a topic. @param {string} topic @param {number} at */
function checkTopic(topic, at) {
  if (topic === "" || /[+#]/.test(topic)) throw new PacketError("an empty topic, or a filter", at);
  if (!isKept(topic)) throw new PacketError("a topic that is too long or too deep", at);
}

/** Returns whether a filter has its wildcards where they may be. @param {string} filter */
function isFilter(filter) {
  // "+" is a whole level, and "#" is the whole last one.
  return filter !== "" && !/[^/][+#]|[+#][^/]|#\//.test(filter);
}

/** @param {boolean} isPresent whether the session goes on @param {number} code */
export function connack(isPresent, code) {
  return Uint8Array.of(TYPE.CONNACK << 4, 2, isPresent ? 1 : 0, code);
}

/** @param {number} type PUBACK or UNSUBACK @param {number} id */
export function ack(type, id) {
  return Uint8Array.of(type << 4, 2, id >>> 8, id & 255);
}

/** @param {number} id @param {readonly number[]} codes at most 100, so the length is one byte */
export function suback(id, codes) {
  return Uint8Array.of(TYPE.SUBACK << 4, 2 + codes.length, id >>> 8, id & 255, ...codes);
}

export const PINGRESP = Uint8Array.of(TYPE.PINGRESP << 4, 0);

/** @typedef {import("hakmem/buffers").Bytes} Bytes */
