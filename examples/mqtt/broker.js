/**
 * What the broker does with each packet, with clients that come and go, and with messages. It knows
 * nothing of sockets but that a connection is written to and ended.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Writer } from "hakmem/codec";
import {
  answer,
  CONNACK,
  checkEnd,
  NOT_GRANTED,
  PacketError,
  readConnect,
  readFilters,
  readHeader,
  readPuback,
  readPublish,
  TYPE,
} from "./packets.js";
import { Budget, Message, Session } from "./sessions.js";
import { isKept, TopicTree } from "./topics.js";

const MOST_SESSIONS = 10_000;
const MOST_ID_CHARACTERS = 256;
/** Subscriptions of a session, and of all. */
const MOST_SUBSCRIPTIONS = 100;
const MOST_SUBSCRIPTIONS_IN_ALL = 50_000;
const MOST_RETAINED = 10_000;
/** Messages in all queues. */
const MOST_ENTRIES = 500_000;
/** Recipients that are remembered for topics that are published again. */
const MOST_REMEMBERED = 20_000;
/** What is given to the sockets in one turn of the event loop. */
const TURN_BYTES = 4 * 2 ** 20;
/** How long a session without a connection is kept, and a connection without CONNECT. */
const SESSION_MS = 3_600_000;
const CONNECT_MS = 5000;

/** A connection. It has a session after CONNECT. */
class Client {
  /** @param {Connection} connection */
  constructor(connection) {
    this.connection = connection;
    this.hasConnected = false;
    /** @type {Session | undefined} */
    this.session = undefined;
    /** @type {import("./packets.js").Will | undefined} */
    this.will = undefined;
    /** 0: no limit. */
    this.keepAliveMs = 0;
    /** When a packet came last, to the second; and whether one came since. */
    this.seenAt = Date.now();
    this.isSeen = true;
  }
}

/**
 * Decides whether a client may connect.
 * @typedef {(client: { id: string, userName: string | undefined, password: Uint8Array | undefined })
 *   => boolean | Promise<boolean>} Authenticate
 */

export class Broker {
  /**
   * @param {import("hakmem/buffers").BytesPool<ArrayBuffer>} pool
   * @param {Authenticate} authenticate
   */
  constructor(pool, authenticate) {
    this.pool = pool;
    this.authenticate = authenticate;
    this.writer = new Writer(pool.heap);
    /** A quarter of the heap is for messages that are kept; half is for connections. */
    this.budget = new Budget(pool.heap.u8.length / 4, MOST_ENTRIES);
    /** By client id. @type {Map<string, Session>} */
    this.sessions = new Map();
    /** The connection of each session that has one. @type {Map<Session, Client>} */
    this.connected = new Map();
    /** Since when a session has none; the oldest first. @type {Map<Session, number>} */
    this.offline = new Map();
    /** The granted QoS of each session, by filter. @type {TopicTree<Map<Session, 0 | 1>>} */
    this.filters = new TopicTree();
    this.subscriptionCount = 0;
    /** By topic. @type {TopicTree<Message>} */
    this.retained = new TopicTree();
    this.retainedBytes = 0;
    /** Recipients of topics, until a subscription changes. @type {Map<string, Recipient[]>} */
    this.remembered = new Map();
    this.rememberedCount = 0;
    /** Sessions with something in their outbox. @type {Set<Session>} */
    this.unflushed = new Set();
    this.isClosed = false;
  }

  /** @param {Connection} connection */
  open(connection) {
    connection.data = new Client(connection);
  }

  /**
   * Deals with a packet. What it throws ends the connection. If it returns a promise, the client's
   * next packet waits for that.
   * @param {Bytes} frame
   * @param {Connection} connection
   */
  handle(frame, connection) {
    const client = /** @type {Client} */ (connection.data);
    const { type, flags, reader } = readHeader(frame);
    client.isSeen = true;
    if ((type === TYPE.CONNECT) === client.hasConnected) {
      throw new PacketError(client.hasConnected ? "a second CONNECT" : "no CONNECT", 0);
    }
    const { session } = client;
    if (type === TYPE.CONNECT) {
      client.hasConnected = true;
      return this.connect(client, readConnect(reader));
    }
    // The client was replaced, or refused, and its last packets still come.
    if (session === undefined) return undefined;
    switch (type) {
      case TYPE.PUBLISH:
        return this.publish(session, frame, readPublish(reader, flags));
      case TYPE.PUBACK:
        session.acknowledge(readPuback(reader));
        return undefined;
      case TYPE.SUBSCRIBE:
        return this.subscribe(session, connection, readFilters(reader, true));
      case TYPE.UNSUBSCRIBE:
        this.unsubscribe(session, connection, readFilters(reader, false));
        return undefined;
      case TYPE.PINGREQ:
        checkEnd(reader);
        answer.pingresp(connection);
        return undefined;
      case TYPE.DISCONNECT:
        checkEnd(reader);
        this.dropWill(client);
        this.leave(client);
        connection.end();
        return undefined;
      default:
        throw new PacketError(`a packet of type ${type} from a client`, 0);
    }
  }

  /**
   * @param {Client} client
   * @param {ReturnType<typeof readConnect>} connect
   */
  async connect(client, connect) {
    const { connection } = client;
    client.will = connect.will;
    const code = await this.judge(connect);
    // The client may have gone meanwhile.
    if (!connection.isOpen || this.isClosed) {
      this.dropWill(client);
      return;
    }
    const hadRoom = code !== CONNACK.ACCEPTED || this.makeRoom(connect.id);
    if (code !== CONNACK.ACCEPTED || !hadRoom) {
      this.dropWill(client);
      answer.connack(connection, false, hadRoom ? code : CONNACK.UNAVAILABLE);
      connection.end();
      return;
    }
    const known = this.sessions.get(connect.id);
    const other = known && this.connected.get(known);
    if (other !== undefined) {
      this.leave(other);
      other.connection.destroy();
    }
    // A session that was clean has gone with its connection.
    const kept = connect.isClean ? undefined : this.sessions.get(connect.id);
    if (kept === undefined && known !== undefined) this.endSession(known);
    const session = kept ?? new Session(connect.id || randomUUID(), connect.isClean, this);
    this.sessions.set(session.id, session);
    this.offline.delete(session);
    this.connected.set(session, client);
    client.session = session;
    client.keepAliveMs = connect.keepAliveSeconds * 1500;
    answer.connack(connection, kept !== undefined, CONNACK.ACCEPTED);
    session.attach(connection);
  }

  /**
   * Returns what CONNACK says.
   * @param {ReturnType<typeof readConnect>} connect
   */
  async judge({ id, isClean, isKnown, password, userName }) {
    if (!isKnown) return CONNACK.WRONG_VERSION;
    if (id === "" ? !isClean : id.length > MOST_ID_CHARACTERS) return CONNACK.ID_REFUSED;
    const isAllowed = await this.authenticate({ id, userName, password });
    return isAllowed ? CONNACK.ACCEPTED : CONNACK.NOT_AUTHORIZED;
  }

  /**
   * Returns whether there is room for the session of an id. The one that was left first makes room.
   * @param {string} id
   */
  makeRoom(id) {
    if (this.sessions.size < MOST_SESSIONS || this.sessions.has(id)) return true;
    const [oldest] = this.offline.keys();
    if (oldest !== undefined) this.endSession(oldest);
    return oldest !== undefined;
  }

  /**
   * @param {Session} session
   * @param {Bytes} frame
   * @param {ReturnType<typeof readPublish>} publish
   */
  publish(session, frame, { topic, id, qos, isRetained, payloadAt }) {
    if (!isKept(topic)) throw new PacketError("a topic that is too long or too deep");
    /** @type {Promise<unknown> | undefined} */
    let wait;
    // Topics of the server itself are not published to.
    if (!/^\$SYS(\/|$)/.test(topic)) {
      const message = new Message(this.budget, topic, qos, frame.retain(), payloadAt);
      wait = this.route(message, isRetained, session);
      message.release();
    }
    if (qos > 0) answer.ack(/** @type {Connection} */ (session.connection), TYPE.PUBACK, id);
    return wait;
  }

  /**
   * Gives a message to all who have subscribed. Returns what its publisher should wait for.
   * @param {Message} message
   * @param {boolean} isRetained
   * @param {Session} [publisher] who does not wait for itself
   */
  route(message, isRetained, publisher) {
    if (isRetained) this.retain(message);
    /** @type {Promise<unknown> | undefined} */
    let wait;
    for (const { session, qos } of this.recipients(message.topic)) {
      session.deliver(message, Math.min(qos, message.qos));
      if (!session.isBehind || session === publisher) continue;
      wait = wait === undefined ? session.caughtUp() : Promise.all([wait, session.caughtUp()]);
    }
    return wait;
  }

  /**
   * Returns who gets the messages of a topic: each session once, with its highest QoS.
   * @param {string} topic
   */
  recipients(topic) {
    const known = this.remembered.get(topic);
    if (known !== undefined) return known;
    /** @type {Map<Session, 0 | 1>} */
    const all = new Map();
    for (const granted of this.filters.match(topic)) {
      for (const [session, qos] of granted) if (all.get(session) !== 1) all.set(session, qos);
    }
    const recipients = Array.from(all, ([session, qos]) => ({ session, qos }));
    this.rememberedCount += recipients.length + 1;
    if (this.rememberedCount > MOST_REMEMBERED) this.forgetRecipients();
    else this.remembered.set(topic, recipients);
    return recipients;
  }

  forgetRecipients() {
    this.remembered.clear();
    this.rememberedCount = 0;
  }

  /**
   * Keeps a message for those who subscribe later. An empty one only ends that.
   * @param {Message} message
   */
  retain(message) {
    const { retained } = this;
    this.unretain(message.topic);
    const bytes = this.retainedBytes + message.size;
    if (message.isEmpty || retained.size >= MOST_RETAINED) return;
    if (bytes > this.budget.mostBytes / 2) return;
    retained.set(message.topic, message.hold());
    this.retainedBytes = bytes;
  }

  /** @param {string} topic */
  unretain(topic) {
    const message = this.retained.get(topic);
    if (message === undefined) return;
    this.retained.delete(topic);
    this.retainedBytes -= message.size;
    message.release();
  }

  /**
   * @param {Session} session
   * @param {Connection} connection
   * @param {ReturnType<typeof readFilters>} subscribe
   */
  async subscribe(session, connection, { id, filters }) {
    const codes = filters.map(({ filter, qos }) => this.grant(session, filter, qos));
    answer.suback(connection, id, codes);
    for (const [index, { filter }] of filters.entries()) {
      const qos = /** @type {number} */ (codes[index]);
      if (qos !== NOT_GRANTED) await this.sendRetained(session, connection, filter, qos);
    }
  }

  /**
   * Returns the QoS that is granted, or that none is.
   * @param {Session} session
   * @param {string} filter
   * @param {number} wanted
   */
  grant(session, filter, wanted) {
    const { subscriptions } = session;
    const isNew = !subscriptions.has(filter);
    const isFull =
      subscriptions.size >= MOST_SUBSCRIPTIONS ||
      this.subscriptionCount >= MOST_SUBSCRIPTIONS_IN_ALL;
    if (!isKept(filter) || (isNew && isFull)) return NOT_GRANTED;
    const qos = wanted === 0 ? 0 : 1;
    let granted = this.filters.get(filter);
    if (granted === undefined) {
      granted = new Map();
      this.filters.set(filter, granted);
    }
    granted.set(session, qos);
    subscriptions.set(filter, qos);
    if (isNew) this.subscriptionCount++;
    this.forgetRecipients();
    return qos;
  }

  /**
   * Sends what is retained, as fast as the client takes it. A filter with wildcards may match all
   * of it, so each costs the client a turn of the event loop, in which others are served.
   * @param {Session} session
   * @param {Connection} connection
   * @param {string} filter
   * @param {number} qos
   */
  async sendRetained(session, connection, filter, qos) {
    if (/[+#]/.test(filter)) await nextTurn();
    for (const { topic } of this.retained.search(filter)) {
      if (session.isBehind) await session.caughtUp();
      if (session.connection !== connection) return;
      // It may have been replaced, or have ended, while the client was slow.
      const message = this.retained.get(topic);
      if (message !== undefined) session.deliver(message, Math.min(qos, message.qos), true);
    }
  }

  /**
   * @param {Session} session
   * @param {Connection} connection
   * @param {ReturnType<typeof readFilters>} unsubscribe
   */
  unsubscribe(session, connection, { id, filters }) {
    for (const { filter } of filters) this.revoke(session, filter);
    answer.ack(connection, TYPE.UNSUBACK, id);
  }

  /** @param {Session} session @param {string} filter */
  revoke(session, filter) {
    if (!session.subscriptions.delete(filter)) return;
    this.subscriptionCount--;
    const granted = this.filters.get(filter);
    granted?.delete(session);
    if (granted?.size === 0) this.filters.delete(filter);
    this.forgetRecipients();
  }

  /**
   * Has the outbox of a session written, but not now: what a handler writes makes its own client
   * wait for the one that is written to.
   * @param {Session} session
   */
  flushSoon(session) {
    if (this.unflushed.size === 0) process.nextTick(() => this.flush());
    this.unflushed.add(session);
  }

  /** Writes for some of the sessions, and for the others in the next turn. */
  flush() {
    let bytes = 0;
    for (const session of this.unflushed) {
      if (bytes > TURN_BYTES) {
        setImmediate(() => this.flush());
        return;
      }
      bytes += session.flush();
      this.unflushed.delete(session);
    }
  }

  /**
   * Ends what a client has begun. Its will is published, if it still has one.
   * @param {Client} client
   */
  leave(client) {
    const { session, will } = client;
    client.session = undefined;
    client.will = undefined;
    if (session !== undefined) {
      session.detach();
      this.connected.delete(session);
      if (session.isClean) this.endSession(session);
      else this.offline.set(session, Date.now());
    }
    if (will === undefined) return;
    const message = new Message(this.budget, will.topic, will.qos, will.payload, 0);
    if (session !== undefined && !this.isClosed && isKept(will.topic)) {
      this.route(message, will.isRetained);
    }
    message.release();
  }

  /**
   * Called when a connection is closed, however that came.
   * @param {Connection} connection
   */
  closed(connection) {
    this.leave(/** @type {Client} */ (connection.data));
  }

  /** @param {Client} client */
  dropWill(client) {
    client.will?.payload.release();
    client.will = undefined;
  }

  /** @param {Session} session */
  endSession(session) {
    for (const filter of [...session.subscriptions.keys()]) this.revoke(session, filter);
    session.end();
    this.unflushed.delete(session);
    this.sessions.delete(session.id);
    this.offline.delete(session);
  }

  /**
   * Ends clients that did not send CONNECT, or were silent for half as long again as they promised;
   * and sessions that nobody has come back to.
   * @param {ReadonlySet<Connection>} connections
   */
  sweep(connections, now = Date.now()) {
    for (const connection of connections) {
      const client = /** @type {Client} */ (connection.data);
      if (client.isSeen) client.seenAt = now;
      client.isSeen = false;
      const limit = client.hasConnected ? client.keepAliveMs : CONNECT_MS;
      if (limit > 0 && now - client.seenAt > limit) connection.destroy(new SilenceError(limit));
    }
    for (const [session, since] of this.offline) {
      if (now - since < SESSION_MS) break;
      this.endSession(session);
    }
  }

  /** Gives back all memory, when all connections are closed. */
  close() {
    this.isClosed = true;
    for (const session of [...this.sessions.values()]) this.endSession(session);
    for (const { topic } of this.retained.values()) this.unretain(topic);
    this.writer[Symbol.dispose]();
  }
}

class SilenceError extends Error {
  /** @param {number} limit */
  constructor(limit) {
    super(`the client said nothing for ${limit} ms`);
    this.name = "SilenceError";
    this.code = "ERR_SILENCE";
  }
}

/** @typedef {import("hakmem/buffers").Bytes} Bytes */
/** @typedef {import("hakmem/node").Connection} Connection */
/** @typedef {{ session: Session, qos: 0 | 1 }} Recipient */
