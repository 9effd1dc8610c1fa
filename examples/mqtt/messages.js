/**
 * Messages that were published. Each is one block of the heap, whoever waits for it: queues of many
 * clients, the sockets, and the store of retained messages hold references to the same bytes.
 */
import { Buffer } from "node:buffer";
import { PLAIN_PUBLISH } from "./packets.js";

/** What a message takes besides its bytes. */
const MESSAGE_BYTES = 64;

/** How much all messages that are kept may take: of the heap, and as entries of queues. */
export class Budget {
  /** @param {number} mostBytes @param {number} mostEntries */
  constructor(mostBytes, mostEntries) {
    this.mostBytes = mostBytes;
    this.mostEntries = mostEntries;
    this.bytes = 0;
    this.entries = 0;
  }

  get hasRoom() {
    return this.bytes <= this.mostBytes && this.entries <= this.mostEntries;
  }
}

/** A message that was published. It ends with the last reference. */
export class Message {
  /**
   * Takes `frame` over. The payload is what it has from `payloadAt` on.
   * @param {Budget} budget
   * @param {string} topic
   * @param {number} qos
   * @param {import("hakmem/buffers").Bytes} frame
   * @param {number} payloadAt
   */
  constructor(budget, topic, qos, frame, payloadAt) {
    this.budget = budget;
    this.topic = topic;
    this.qos = qos;
    this.frame = frame;
    this.payloadAt = payloadAt;
    this.references = 1;
    this.size = frame.length + topic.length + MESSAGE_BYTES;
    /** Whether the frame is what subscribers with QoS 0 get. */
    this.isPlain = payloadAt > 0 && frame.at(0) === PLAIN_PUBLISH;
    budget.bytes += this.size;
  }

  get isEmpty() {
    return this.payloadAt === this.frame.length;
  }

  hold() {
    this.references++;
    return this;
  }

  release() {
    this.references--;
    if (this.references > 0) return;
    this.budget.bytes -= this.size;
    this.frame.release();
  }

  /**
   * Writes it as a PUBLISH. The connection copies short bytes, and shares the block of long ones.
   * @param {import("hakmem/node").Connection} connection
   * @param {import("hakmem/codec").Writer} writer
   * @param {number} flags
   * @param {number} id 0 for QoS 0
   */
  write(connection, writer, flags, id) {
    const { frame, payloadAt, topic } = this;
    if (this.isPlain && id === 0 && flags === 0) {
      connection.write(frame.slice());
      return;
    }
    const topicBytes = Buffer.byteLength(topic);
    writer.reset();
    writer.u8(PLAIN_PUBLISH | flags | (id === 0 ? 0 : 2));
    writer.varint32(2 + topicBytes + (id === 0 ? 0 : 2) + frame.length - payloadAt);
    writer.utf8Prefixed("u16be", topic);
    if (id !== 0) writer.u16be(id);
    connection.write(writer.view());
    connection.write(frame.slice(payloadAt));
  }
}

/** A queue that gives its first entry in constant time. @template V */
export class Queue {
  constructor() {
    /** @type {(V | undefined)[]} */
    this.entries = [];
    this.first = 0;
  }

  get length() {
    return this.entries.length - this.first;
  }

  /** @param {V} entry */
  push(entry) {
    this.entries.push(entry);
  }

  /** @returns {V | undefined} */
  shift() {
    if (this.first === this.entries.length) return undefined;
    const entry = this.entries[this.first];
    this.entries[this.first++] = undefined;
    if (this.first * 2 >= this.entries.length) {
      this.entries.splice(0, this.first);
      this.first = 0;
    }
    return entry;
  }
}
