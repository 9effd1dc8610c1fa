/**
 * What the broker does with each packet, and with clients that come and go. A client is known by
 * its connection, and gets a session when it is accepted:
 *
 *     connection ──► Client ── CONNECT ──► Session    until DISCONNECT, an error, silence,
 *                      └── will                       or another client with the same id
 */
import { randomUUID } from "node:crypto";
import { Exchange } from "./exchange.js";
import { Message } from "./messages.js";
import {
  ack,
  CONNACK,
  checkEnd,
  connack,
  NOT_GRANTED,
  PacketError,
  PINGRESP,
  readConnect,
  readFilters,
  readHeader,
  readPuback,
  readPublish,
  suback,
  TYPE,
} from "./packets.js";
import { Session } from "./sessions.js";

const MOST_SESSIONS = 20_000;
const MOST_ID_CHARACTERS = 256;
/** The payloads of all wills. One may always have the second size. */
const WILLS_BYTES = 4 * 2 ** 20;
const SMALL_WILL_BYTES = 1024;
/** How long a session without a connection is kept, and a connection without a session. */
const SESSION_MS = 3_600_000;
const CONNECT_MS = 5000;

/** A connection. It has a session from CONNECT on. */
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
    /** When a packet came last, as far as `sweep` knows, and whether one has come since. */
    this.seenAt = performance.now();
    this.isSeen = true;
  }
}

/**
 * Decides whether a client may connect.
 * @callback Authenticate
 * @param {{ id: string, userName: string | undefined, password: Uint8Array | undefined }} client
 * @returns {boolean | Promise<boolean>}
 */

export class Broker {
  /**
   * @param {import("hakmem").Heap} heap
   * @param {Authenticate} authenticate
   */
  constructor(heap, authenticate) {
    this.authenticate = authenticate;
    this.exchange = new Exchange(heap);
    /** By client id. @type {Map<string, Session>} */
    this.sessions = new Map();
    /** The client of each session that has one. @type {Map<Session, Client>} */
    this.clients = new Map();
    /** Since when a session has none; the oldest first. @type {Map<Session, number>} */
    this.offline = new Map();
    this.willBytes = 0;
  }

  /** Begins with a connection. @param {Connection} connection */
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
    client.isSeen = true;
    const { type, flags } = readHeader(frame);
    if ((type === TYPE.CONNECT) === client.hasConnected) {
      throw new PacketError(client.hasConnected ? "a second CONNECT" : "no CONNECT", 0);
    }
    const { session } = client;
    if (type === TYPE.CONNECT) return this.connect(client, readConnect());
    // The client was replaced or refused, and its last packets still come.
    if (session === undefined) return undefined;
    switch (type) {
      case TYPE.PUBLISH:
        return this.publish(session, frame, readPublish(flags));
      case TYPE.PUBACK:
        session.acknowledge(readPuback());
        return undefined;
      case TYPE.SUBSCRIBE:
        return this.subscribe(session, readFilters(true));
      case TYPE.UNSUBSCRIBE:
        this.unsubscribe(session, readFilters(false));
        return undefined;
      case TYPE.PINGREQ:
        checkEnd();
        session.answer(PINGRESP);
        return undefined;
      case TYPE.DISCONNECT:
        checkEnd();
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
    client.hasConnected = true;
    client.will = connect.will;
    this.willBytes += connect.will?.payload.length ?? 0;
    const code = await this.judge(connect);
    if (code !== CONNACK.ACCEPTED || !connection.isOpen) {
      this.dropWill(client);
      connection.write(connack(false, code));
      connection.end();
      return;
    }
    const { id, isClean, keepAliveSeconds } = connect;
    this.replace(id, isClean);
    const kept = this.sessions.get(id);
    const session = kept ?? new Session(id || randomUUID(), isClean, this.exchange);
    this.sessions.set(session.id, session);
    this.offline.delete(session);
    this.clients.set(session, client);
    client.session = session;
    client.keepAliveMs = keepAliveSeconds * 1500;
    connection.write(connack(kept !== undefined, code));
    session.attach(connection);
  }

  /**
   * Returns what CONNACK says.
   * @param {ReturnType<typeof readConnect>} connect
   */
  async judge({ id, isClean, isKnown, password, userName, will }) {
    if (!isKnown) return CONNACK.WRONG_VERSION;
    if (id === "" ? !isClean : id.length > MOST_ID_CHARACTERS) return CONNACK.ID_REFUSED;
    const hasRoom =
      this.willBytes <= WILLS_BYTES || (will?.payload.length ?? 0) <= SMALL_WILL_BYTES;
    if (!hasRoom) return CONNACK.UNAVAILABLE;
    if (!(await this.authenticate({ id, userName, password }))) return CONNACK.NOT_AUTHORIZED;
    return this.makeRoom(id) ? CONNACK.ACCEPTED : CONNACK.UNAVAILABLE;
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
   * Ends a connection of the same client, and its session if it is not to go on.
   * @param {string} id
   * @param {boolean} isClean
   */
  replace(id, isClean) {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    const other = this.clients.get(session);
    if (other !== undefined) {
      this.leave(other);
      other.connection.destroy();
    }
    if (isClean && !session.isClean) this.endSession(session);
  }

  /**
   * @param {Session} session
   * @param {Bytes} frame
   * @param {ReturnType<typeof readPublish>} publish
   */
  publish(session, frame, { topic, id, qos, isRetained, payloadAt }) {
    const message = new Message(this.exchange.budget, topic, qos, frame.retain(), payloadAt);
    const wait = this.exchange.route(message, isRetained, session);
    message.release();
    if (qos > 0) session.answer(ack(TYPE.PUBACK, id));
    return wait;
  }

  /**
   * @param {Session} session
   * @param {ReturnType<typeof readFilters>} subscribe
   */
  async subscribe(session, { id, filters }) {
    const { exchange } = this;
    const codes = filters.map(({ filter, qos }) => exchange.subscribe(session, filter, qos));
    session.answer(suback(id, codes));
    for (const [index, { filter }] of filters.entries()) {
      const code = /** @type {number} */ (codes[index]);
      if (code !== NOT_GRANTED) await exchange.sendRetained(session, filter, code);
    }
  }

  /**
   * @param {Session} session
   * @param {ReturnType<typeof readFilters>} unsubscribe
   */
  unsubscribe(session, { id, filters }) {
    for (const { filter } of filters) this.exchange.unsubscribe(session, filter);
    session.answer(ack(TYPE.UNSUBACK, id));
  }

  /**
   * Called when a connection is closed, however that came.
   * @param {Connection} connection
   */
  closed(connection) {
    this.leave(/** @type {Client} */ (connection.data));
  }

  /**
   * Takes the session from a client. The will is published, if the client still has one.
   * @param {Client} client
   */
  leave(client) {
    const { session } = client;
    if (session !== undefined) {
      client.session = undefined;
      session.detach();
      this.clients.delete(session);
      if (session.isClean) this.endSession(session);
      else this.offline.set(session, performance.now());
      if (client.will !== undefined) this.publishWill(client.will);
    }
    this.dropWill(client);
  }

  /** @param {import("./packets.js").Will} will */
  publishWill({ topic, qos, isRetained, payload }) {
    const message = new Message(this.exchange.budget, topic, qos, payload.retain(), 0);
    this.exchange.route(message, isRetained);
    message.release();
  }

  /** Forgets a will. @param {Client} client */
  dropWill(client) {
    const payload = client.will?.payload;
    client.will = undefined;
    this.willBytes -= payload?.length ?? 0;
    payload?.release();
  }

  /** @param {Session} session */
  endSession(session) {
    this.exchange.end(session);
    this.sessions.delete(session.id);
    this.offline.delete(session);
  }

  /**
   * Ends clients that did not send CONNECT, or were silent for half as long again as they promised;
   * and sessions that nobody has come back to.
   * @param {ReadonlySet<Connection>} connections
   */
  sweep(connections, now = performance.now()) {
    for (const connection of connections) {
      const client = /** @type {Client} */ (connection.data);
      if (client.isSeen) client.seenAt = now;
      client.isSeen = false;
      const limit = client.session === undefined ? CONNECT_MS : client.keepAliveMs;
      if (limit > 0 && now - client.seenAt > limit) connection.destroy(new SilenceError(limit));
    }
    for (const [session, since] of this.offline) {
      if (now - since < SESSION_MS) break;
      this.endSession(session);
    }
  }

  /** Gives back all memory, when all connections are closed. */
  close() {
    for (const session of [...this.sessions.values()]) this.endSession(session);
    this.exchange.close();
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
