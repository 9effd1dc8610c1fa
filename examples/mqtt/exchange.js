/**
 * Brings messages from those who publish to those who have subscribed, and keeps the retained ones.
 * It does not know of connections that come and go: broker.js does that.
 */
import { nextTick } from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Writer } from "hakmem/codec";
import { Budget } from "./messages.js";
import { NOT_GRANTED } from "./packets.js";
import { isKept, TopicTree } from "./topics.js";

/** Subscriptions of a session, and of all. */
const MOST_SUBSCRIPTIONS = 100;
const MOST_SUBSCRIPTIONS_IN_ALL = 50_000;
const MOST_RETAINED = 10_000;
/** Messages in all queues. */
const MOST_ENTRIES = 500_000;
/** Recipients that are remembered, for topics that are published to again. */
const MOST_REMEMBERED = 20_000;
/** What is given to the sockets in one turn of the event loop, and what is done for clients. */
const TURN_BYTES = 4 * 2 ** 20;
const TURN_WORK = 10_000;
/** What it takes to find the recipients of a topic, when to give a message to one is 1. */
const WORK_OF_A_WALK = 50;

export class Exchange {
  /** @param {import("hakmem").Heap} heap */
  constructor(heap) {
    this.writer = new Writer(heap);
    /** A quarter of the heap is for messages that are kept; half is for connections. */
    this.budget = new Budget(heap.u8.length / 4, MOST_ENTRIES);
    /** The granted QoS of each session, by filter. @type {TopicTree<Map<Session, 0 | 1>>} */
    this.filters = new TopicTree();
    this.subscriptionCount = 0;
    /** By topic. @type {TopicTree<Message>} */
    this.retained = new TopicTree();
    this.retainedBytes = 0;
    /** By topic, until a subscription changes. @type {Map<string, Recipient[]>} */
    this.remembered = new Map();
    this.rememberedCount = 0;
    /** What was done in this turn, and the promise of the next turn. */
    this.work = 0;
    /** @type {Promise<void> | undefined} */
    this.pause = undefined;
    /** Sessions with something in their outbox. @type {Set<Session>} */
    this.unflushed = new Set();
  }

  /**
   * Gives a message to all who have subscribed. Returns what its publisher should wait for.
   * @param {Message} message
   * @param {boolean} isRetained
   * @param {Session} [publisher] who does not wait for itself
   * @returns {Promise<unknown> | undefined}
   */
  route(message, isRetained, publisher) {
    // Clients do not publish to topics of the server itself.
    if (/^\$SYS(\/|$)/.test(message.topic)) return undefined;
    if (isRetained) this.retain(message);
    const recipients = this.recipients(message.topic);
    this.work += recipients.length;
    /** @type {Promise<unknown> | undefined} */
    let wait = this.work > TURN_WORK ? this.nextTurn() : undefined;
    for (const { session, qos } of recipients) {
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
    this.work += WORK_OF_A_WALK;
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
   * Subscribes. Returns the QoS that is granted, or that none is.
   * @param {Session} session
   * @param {string} filter
   * @param {number} wanted
   */
  subscribe(session, filter, wanted) {
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

  /** @param {Session} session @param {string} filter */
  unsubscribe(session, filter) {
    if (!session.subscriptions.delete(filter)) return;
    this.subscriptionCount--;
    const granted = this.filters.get(filter);
    granted?.delete(session);
    if (granted?.size === 0) this.filters.delete(filter);
    this.forgetRecipients();
  }

  /**
   * Keeps a message for those who subscribe later. An empty one only ends that.
   * @param {Message} message
   */
  retain(message) {
    const { budget, retained } = this;
    const old = retained.get(message.topic);
    const bytes = this.retainedBytes + message.size - (old?.size ?? 0);
    const isFull = old === undefined && retained.size >= MOST_RETAINED;
    if (message.isEmpty || isFull || bytes > budget.mostBytes / 2) {
      if (old !== undefined) this.unretain(old);
      return;
    }
    // In its place, so that whoever walks over the tree does not meet it twice.
    retained.set(message.topic, message.hold());
    this.retainedBytes = bytes;
    old?.release();
  }

  /** @param {Message} message */
  unretain(message) {
    this.retained.delete(message.topic);
    this.retainedBytes -= message.size;
    message.release();
  }

  /**
   * Resolves in the next turn of the event loop. Whoever has much to do waits for it, because a
   * small packet may be for thousands of clients, and others are to be served, too.
   */
  nextTurn() {
    this.pause ??= nextTurn().then(() => {
      this.pause = undefined;
      this.work = 0;
    });
    return this.pause;
  }

  /**
   * Sends what is retained, as fast as the client takes it. The client's next packets wait.
   * @param {Session} session
   * @param {string} filter
   * @param {number} qos
   */
  async sendRetained(session, filter, qos) {
    const { connection } = session;
    // A filter with wildcards may meet all of it.
    const work = /[+#]/.test(filter) ? this.retained.size : 1;
    while (this.work > TURN_WORK) await this.nextTurn();
    this.work += work;
    for (const message of this.retained.search(filter)) {
      while (!session.hasRoom) await session.caughtUp();
      if (session.connection !== connection) return;
      session.deliver(message, Math.min(qos, message.qos), true);
    }
  }

  /**
   * Has the outbox of a session written, but not now: what a handler writes makes its own client
   * wait for the one that is written to.
   * @param {Session} session
   */
  flushSoon(session) {
    if (this.unflushed.size === 0) nextTick(() => this.flush());
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
      this.unflushed.delete(session);
      bytes += session.flush();
    }
  }

  /** Ends a session. @param {Session} session */
  end(session) {
    for (const filter of [...session.subscriptions.keys()]) this.unsubscribe(session, filter);
    session.end();
    this.unflushed.delete(session);
  }

  /** Gives back what it keeps, when all sessions have ended. */
  close() {
    for (const message of [...this.retained.values()]) this.unretain(message);
    this.writer[Symbol.dispose]();
  }
}

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./sessions.js").Session} Session */
/** @typedef {{ session: Session, qos: 0 | 1 }} Recipient */
