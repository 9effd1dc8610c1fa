/**
 * What the broker keeps for a client: its subscriptions, and the messages on their way to it.
 *
 *     deliver ── QoS 0 ─────────────────────────────────┐
 *        └────── QoS 1 ──► waiting ──► inflight (ids) ──┴──► outbox ──► socket
 *                                         └── until PUBACK
 *
 * A message is one block of the heap, whoever waits for it: each place holds a reference. The socket
 * takes from the outbox as it has room, so a client that reads slowly makes only its own outbox
 * grow. That is bounded: it loses messages with QoS 0. With QoS 1 at most a window of messages is
 * not acknowledged, and the others wait, up to a bound.
 */
import { Writer } from "hakmem/codec";
import { DUP, PLAIN_PUBLISH, RETAIN } from "./packets.js";

/** Messages with QoS 1 that the client has not acknowledged: the window. */
const WINDOW_MESSAGES = 20;
const WINDOW_BYTES = 256 * 2 ** 10;
/** Messages with QoS 1 that are kept for a session in all. */
const KEPT_BYTES = 2 ** 20;
/** What waits in the outbox. So many messages may always wait. */
const OUTBOX_BYTES = 256 * 2 ** 10;
const OUTBOX_MESSAGES = 64;
/** Beyond half of these, publishers wait for the session: so long, once, until it has caught up. */
const PATIENCE_MS = 250;
/** The socket is given more while fewer bytes wait in it. */
const SOCKET_BYTES = 65_536;
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
   * @param {Writer} writer
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
class Queue {
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

/**
 * A message on its way to one client.
 * @typedef {{ message: Message, isRetained: boolean, id: number, wasSent: boolean }} Delivery
 */

/** The session of a client, which may be connected or not. */
export class Session {
  /**
   * @param {string} id of the client
   * @param {boolean} isClean whether it ends with the connection
   * @param {{ budget: Budget, writer: Writer, flushSoon(session: Session): void }} broker
   */
  constructor(id, isClean, broker) {
    this.id = id;
    this.isClean = isClean;
    this.broker = broker;
    /** The granted QoS of each filter. @type {Map<string, 0 | 1>} */
    this.subscriptions = new Map();
    /** @type {import("hakmem/node").Connection | undefined} */
    this.connection = undefined;
    /** @type {Queue<Delivery>} */
    this.outbox = new Queue();
    this.outboxBytes = 0;
    /** @type {Queue<Delivery>} */
    this.waiting = new Queue();
    /** @type {Map<number, Delivery>} */
    this.inflight = new Map();
    this.inflightBytes = 0;
    this.keptBytes = 0;
    this.lastId = 0;
    this.dropped = 0;
    /** Whether publishers wait for it no more. */
    this.isSlow = false;
    this.isWriting = false;
    /** @type {Promise<void> | undefined} */
    this.relief = undefined;
    this.relieve = () => {};
  }

  /**
   * Begins with a connection, or goes on with a new one: what was not acknowledged is sent again.
   * @param {import("hakmem/node").Connection} connection
   */
  attach(connection) {
    this.connection = connection;
    for (const delivery of this.inflight.values()) this.post(delivery);
    this.fillWindow();
  }

  /** Ends with the connection. Only messages with QoS 1 stay. */
  detach() {
    this.connection = undefined;
    for (let delivery = this.unpost(); delivery !== undefined; delivery = this.unpost()) {
      if (delivery.id === 0) delivery.message.release();
    }
    this.isSlow = false;
    this.relieve();
  }

  /** Gives back all that is kept. */
  end() {
    this.detach();
    for (const id of [...this.inflight.keys()]) this.settle(id);
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      this.forget(next.message);
    }
  }

  /** Takes a message for the client. @param {Message} message @param {number} qos */
  deliver(message, qos, isRetained = false) {
    if (qos > 0) this.keep(message, isRetained);
    else if (this.connection !== undefined) this.sendOnce(message, isRetained);
  }

  /** Ends a delivery that the client has acknowledged. @param {number} id */
  acknowledge(id) {
    if (this.inflight.get(id)?.wasSent !== true) return;
    this.settle(id);
    this.fillWindow();
    this.checkRelief();
  }

  /** Whether publishers should wait. */
  get isBehind() {
    return this.connection !== undefined && !this.isSlow && this.isHalfFull;
  }

  /**
   * Resolves when the client has caught up, or has not within a time. Then nobody waits for it
   * until it has.
   * @returns {Promise<void>}
   */
  caughtUp() {
    this.relief ??= new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.isSlow = true;
        this.relieve();
      }, PATIENCE_MS);
      this.relieve = () => {
        clearTimeout(timer);
        this.relief = undefined;
        this.relieve = () => {};
        resolve();
      };
    });
    return this.relief;
  }

  /** Gives the socket what it has room for. Returns how many bytes that were. */
  flush() {
    const { broker, connection } = this;
    let bytes = 0;
    while (connection !== undefined && connection.waitingBytes <= SOCKET_BYTES) {
      const delivery = this.unpost();
      if (delivery === undefined) break;
      const { id, isRetained, message } = delivery;
      const flags = (isRetained ? RETAIN : 0) | (delivery.wasSent ? DUP : 0);
      message.write(connection, broker.writer, flags, id);
      delivery.wasSent = true;
      bytes += message.size;
      if (id === 0) message.release();
    }
    this.checkRelief();
    if (connection !== undefined && this.outbox.length > 0) this.flushWhenDrained(connection);
    return bytes;
  }

  /** @param {import("hakmem/node").Connection} connection */
  flushWhenDrained(connection) {
    if (this.isWriting) return;
    this.isWriting = true;
    connection.drained().then(() => {
      this.isWriting = false;
      if (this.connection !== undefined) this.broker.flushSoon(this);
    });
  }

  /** @param {Message} message @param {boolean} isRetained */
  sendOnce(message, isRetained) {
    const isFull = this.isSlow || this.outboxBytes > OUTBOX_BYTES || !this.broker.budget.hasRoom;
    if (isFull && this.outbox.length >= OUTBOX_MESSAGES) {
      this.dropped++;
      return;
    }
    this.post({ message: message.hold(), isRetained, id: 0, wasSent: false });
  }

  /** @param {Message} message @param {boolean} isRetained */
  keep(message, isRetained) {
    if (this.keptBytes > KEPT_BYTES || !this.broker.budget.hasRoom) {
      this.dropped++;
      return;
    }
    this.keptBytes += message.size;
    this.broker.budget.entries++;
    this.waiting.push({ message: message.hold(), isRetained, id: 0, wasSent: false });
    this.fillWindow();
  }

  /** Sends messages with QoS 1 while the client may have more that are not acknowledged. */
  fillWindow() {
    const { inflight } = this;
    while (this.connection !== undefined && inflight.size < WINDOW_MESSAGES) {
      if (this.inflightBytes > WINDOW_BYTES) return;
      const delivery = this.waiting.shift();
      if (delivery === undefined) return;
      delivery.id = this.nextId();
      inflight.set(delivery.id, delivery);
      this.inflightBytes += delivery.message.size;
      this.post(delivery);
    }
  }

  nextId() {
    do this.lastId = (this.lastId % 0xffff) + 1;
    while (this.inflight.has(this.lastId));
    return this.lastId;
  }

  /** Removes a message from the window. @param {number} id */
  settle(id) {
    const delivery = this.inflight.get(id);
    if (delivery === undefined) return;
    this.inflight.delete(id);
    this.inflightBytes -= delivery.message.size;
    this.forget(delivery.message);
  }

  /** @param {Message} message with QoS 1 */
  forget(message) {
    this.keptBytes -= message.size;
    this.broker.budget.entries--;
    message.release();
  }

  /** @param {Delivery} delivery */
  post(delivery) {
    this.outbox.push(delivery);
    this.outboxBytes += delivery.message.size;
    this.broker.budget.entries++;
    if (!this.isWriting) this.broker.flushSoon(this);
  }

  unpost() {
    const delivery = this.outbox.shift();
    if (delivery === undefined) return undefined;
    this.outboxBytes -= delivery.message.size;
    this.broker.budget.entries--;
    return delivery;
  }

  get isHalfFull() {
    return this.outboxBytes > OUTBOX_BYTES / 2 || this.keptBytes > KEPT_BYTES / 2;
  }

  checkRelief() {
    if (this.isHalfFull) return;
    this.isSlow = false;
    this.relieve();
  }
}
