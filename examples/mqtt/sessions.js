/**
 * What the broker keeps for a client: its subscriptions, and the messages on their way to it.
 *
 *     deliver ── QoS 0 ─────────────────────────────────┐
 *        └────── QoS 1 ──► waiting ──► inflight (ids) ──┴──► outbox ──► socket
 *                                         └── until PUBACK
 *
 * The socket takes from the outbox as it has room, so a client that reads slowly makes only its own
 * outbox grow. That is bounded: then it loses messages with QoS 0. With QoS 1 at most a window of
 * messages is not acknowledged, and the others wait, up to a bound.
 */
import { Queue } from "./messages.js";
import { DUP, RETAIN } from "./packets.js";

/** Messages with QoS 1 that the client has not acknowledged: the window. */
const WINDOW_MESSAGES = 20;
const WINDOW_BYTES = 256 * 2 ** 10;
/** Messages with QoS 1 that are kept for a session in all, and what waits in its outbox. */
const KEPT_BYTES = 2 ** 20;
const OUTBOX_BYTES = 256 * 2 ** 10;
/** What a session has left of both when all sessions together keep too much, or when it is slow. */
const SHARE_BYTES = 16 * 2 ** 10;
/** Publishers wait for a session that has half of what it may: so long, until it has caught up. */
const PATIENCE_MS = 250;
/** The socket is given more while fewer bytes wait in it. */
const SOCKET_BYTES = 65_536;

/**
 * A message on its way to one client.
 * @typedef {{ message: Message, isRetained: boolean, id: number, wasSent: boolean }} Delivery
 */

/** The session of a client, which may be connected or not. */
export class Session {
  /**
   * @param {string} id of the client
   * @param {boolean} isClean whether it ends with the connection
   * @param {import("./exchange.js").Exchange} exchange
   */
  constructor(id, isClean, exchange) {
    this.id = id;
    this.isClean = isClean;
    this.exchange = exchange;
    /** The granted QoS of each filter. @type {Map<string, 0 | 1>} */
    this.subscriptions = new Map();
    /** @type {Connection | undefined} */
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
    /** How many messages it has lost. */
    this.dropped = 0;
    /** Whether publishers wait for it no more. */
    this.isSlow = false;
    /** Whether the socket is to take something before it is given more. */
    this.isBlocked = false;
    /** Who waits until it has caught up. @type {Promise<void> | undefined} */
    this.relief = undefined;
    this.relieve = () => {};
  }

  /**
   * Begins with a connection, or goes on with a new one: what was not acknowledged is sent again.
   * @param {Connection} connection
   */
  attach(connection) {
    this.connection = connection;
    for (const delivery of this.inflight.values()) this.post(delivery);
    this.fillWindow();
  }

  /** Ends with the connection. Only messages with QoS 1 stay. */
  detach() {
    this.connection = undefined;
    this.isBlocked = false;
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

  /** Answers a packet, after the messages that came before it. @param {Uint8Array} bytes */
  answer(bytes) {
    this.flush();
    this.connection?.write(bytes);
  }

  /** Whether a message that is sent now is not lost, however slow the client is. */
  get hasRoom() {
    return this.outboxBytes <= SHARE_BYTES;
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
    const { connection } = this;
    let bytes = 0;
    while (connection !== undefined && connection.waitingBytes <= SOCKET_BYTES) {
      const delivery = this.unpost();
      if (delivery === undefined) break;
      bytes += delivery.message.size;
      this.write(delivery, connection);
    }
    this.checkRelief();
    if (connection !== undefined && this.outbox.length > 0) this.flushWhenDrained(connection);
    return bytes;
  }

  /** @param {Delivery} delivery @param {Connection} connection */
  write(delivery, connection) {
    const { id, isRetained, message, wasSent } = delivery;
    // A message that was sent on an earlier connection may have been acknowledged meanwhile.
    if (id !== 0 && this.inflight.get(id) !== delivery) return;
    delivery.wasSent = true;
    try {
      const flags = (isRetained ? RETAIN : 0) | (wasSent ? DUP : 0);
      message.write(connection, this.exchange.writer, flags, id);
    } catch (error) {
      // The heap is full. This client does not get the message, and the others go on.
      connection.destroy(error);
    } finally {
      if (id === 0) message.release();
    }
  }

  /** @param {Connection} connection */
  flushWhenDrained(connection) {
    if (this.isBlocked) return;
    this.isBlocked = true;
    connection.drained().then(() => {
      if (this.connection !== connection) return;
      this.isBlocked = false;
      this.exchange.flushSoon(this);
    });
  }

  /** @param {Message} message @param {boolean} isRetained */
  sendOnce(message, isRetained) {
    const hasRoom = this.exchange.budget.hasRoom && !this.isSlow;
    if (this.outboxBytes > (hasRoom ? OUTBOX_BYTES : SHARE_BYTES)) {
      this.dropped++;
      return;
    }
    this.post({ message: message.hold(), isRetained, id: 0, wasSent: false });
  }

  /** @param {Message} message @param {boolean} isRetained */
  keep(message, isRetained) {
    if (this.keptBytes > (this.exchange.budget.hasRoom ? KEPT_BYTES : SHARE_BYTES)) {
      this.dropped++;
      return;
    }
    this.keptBytes += message.size;
    this.exchange.budget.entries++;
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
    this.exchange.budget.entries--;
    message.release();
  }

  /** @param {Delivery} delivery */
  post(delivery) {
    this.outbox.push(delivery);
    this.outboxBytes += delivery.message.size;
    this.exchange.budget.entries++;
    if (!this.isBlocked) this.exchange.flushSoon(this);
  }

  unpost() {
    const delivery = this.outbox.shift();
    if (delivery === undefined) return undefined;
    this.outboxBytes -= delivery.message.size;
    this.exchange.budget.entries--;
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

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("hakmem/node").Connection} Connection */
