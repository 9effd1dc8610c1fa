/** The MQTT broker of the examples sends what a model of a few lines says, whatever clients do. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { start } from "../../examples/mqtt/server.js";
import {
  DISCONNECT,
  matches,
  puback,
  publishPacket,
  RawClient,
  subscribePacket,
  unsubscribePacket,
} from "../support/mqtt.js";
import { runs } from "../support/tier.js";

const WINDOW = 20;

interface Delivery {
  readonly text: string;
  readonly isRetained: boolean;
  wasSent: boolean;
}

/** A session, and what it should have been sent since that was asked last. */
class ModelSession {
  readonly subscriptions = new Map<string, number>();
  readonly isClean: boolean;
  isConnected = true;
  inflight: Delivery[] = [];
  waiting: Delivery[] = [];
  sent: string[] = [];

  constructor(isClean: boolean) {
    this.isClean = isClean;
  }

  deliver(text: string, qos: number, isRetained: boolean): void {
    if (qos > 0) this.waiting.push({ text, isRetained, wasSent: false });
    else if (this.isConnected) this.sent.push(`${text} (qos 0${isRetained ? " retained" : ""})`);
    this.fillWindow();
  }

  fillWindow(): void {
    while (this.isConnected && this.inflight.length < WINDOW) {
      const delivery = this.waiting.shift();
      if (delivery === undefined) return;
      this.inflight.push(delivery);
      this.send(delivery);
    }
  }

  send(delivery: Delivery): void {
    const marks = `${delivery.wasSent ? " again" : ""}${delivery.isRetained ? " retained" : ""}`;
    delivery.wasSent = true;
    this.sent.push(`${delivery.text} (qos 1${marks})`);
  }
}

class Model {
  readonly sessions = new Map<string, ModelSession>();
  readonly retained = new Map<string, { text: string; qos: number }>();

  connect(id: string, isClean: boolean): void {
    const old = this.sessions.get(id);
    const isKept = old !== undefined && !old.isClean && !isClean;
    const session = isKept ? old : new ModelSession(isClean);
    this.sessions.set(id, session);
    session.isConnected = true;
    for (const delivery of session.inflight) session.send(delivery);
    session.fillWindow();
  }

  leave(id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    session.isConnected = false;
    if (session.isClean) this.sessions.delete(id);
  }

  publish(topic: string, payload: string, qos: number, isRetained: boolean): void {
    const text = `${topic}: ${payload}`;
    if (isRetained && payload === "") this.retained.delete(topic);
    else if (isRetained) this.retained.set(topic, { text, qos });
    for (const session of this.sessions.values()) {
      const granted = [...session.subscriptions].filter(([filter]) => matches(filter, topic));
      if (granted.length === 0) continue;
      session.deliver(text, Math.min(qos, Math.max(...granted.map(([, most]) => most))), false);
    }
  }

  subscribe(session: ModelSession, filter: string, qos: number): void {
    session.subscriptions.set(filter, qos);
    for (const [topic, message] of this.retained) {
      if (matches(filter, topic)) session.deliver(message.text, Math.min(qos, message.qos), true);
    }
  }
}

const id = fc.constantFrom("a", "b", "c");
const topic = fc.constantFrom("t", "t/1", "t/2", "u/1", "/", "$x/1");
const filter = fc.constantFrom("t", "t/#", "t/+", "+/1", "#", "+", "/+", "$x/+");
const qos = fc.constantFrom(0, 1);
const command = fc.oneof(
  fc.tuple(fc.constant("connect" as const), id, fc.boolean()),
  fc.tuple(fc.constantFrom("disconnect" as const, "cut" as const, "acknowledge" as const), id),
  fc.tuple(fc.constant("subscribe" as const), id, filter, qos),
  fc.tuple(fc.constant("unsubscribe" as const), id, filter),
  ...Array(3).fill(
    fc.tuple(
      fc.constant("publish" as const),
      id,
      topic,
      fc.constantFrom("", "x", "yy"),
      qos,
      fc.boolean(),
    ),
  ),
);
type Command =
  | ["connect", string, boolean]
  | ["disconnect" | "cut" | "acknowledge", string]
  | ["subscribe", string, string, number]
  | ["unsubscribe", string, string]
  | ["publish", string, string, string, number, boolean];

/** The clients of one run, beside the model. */
class Run {
  readonly model = new Model();
  private readonly port: number;
  private readonly clients = new Map<string, RawClient>();
  /** Ids of messages that were not acknowledged. */
  private readonly unacknowledged = new Map<string, number[]>();

  constructor(port: number) {
    this.port = port;
  }

  async do([kind, id, ...rest]: Command): Promise<void> {
    if (kind === "connect") {
      const before = this.clients.get(id);
      this.clients.set(id, await RawClient.open(this.port, id, { isClean: rest[0] as boolean }));
      this.unacknowledged.set(id, []);
      before?.close();
      if (before !== undefined) this.model.leave(id);
      this.model.connect(id, rest[0] as boolean);
    }
    const client = this.clients.get(id);
    const session = this.model.sessions.get(id);
    if (client === undefined || session === undefined) return;
    if (kind === "publish") {
      const [topic, payload, qos, isRetained] = rest as [string, string, number, boolean];
      client.send(publishPacket(topic, payload, { qos, isRetained }));
      if (qos > 0) session.sent.push("puback 1");
      this.model.publish(topic, payload, qos, isRetained);
    } else if (kind === "subscribe") {
      const [filter, qos] = rest as [string, number];
      client.send(subscribePacket(1, [filter, qos]));
      session.sent.push(`suback 1: ${qos}`);
      this.model.subscribe(session, filter, qos);
    } else if (kind === "unsubscribe") {
      client.send(unsubscribePacket(1, rest[0] as string));
      session.sent.push("unsuback 1");
      session.subscriptions.delete(rest[0] as string);
    } else if (kind === "acknowledge") {
      for (const each of this.unacknowledged.get(id)?.splice(0) ?? []) client.send(puback(each));
      session.inflight = [];
      session.fillWindow();
    } else if (kind !== "connect") {
      await this.leave(id, client, kind === "disconnect");
    }
  }

  /** Checks that each client got what the model says. */
  async check(): Promise<void> {
    for (const [id, client] of this.clients) {
      const got = await client.settled();
      for (const each of got) {
        const [, number] = / id (\d+)/.exec(each) ?? [];
        if (number !== undefined) this.unacknowledged.get(id)?.push(Number(number));
      }
      const expected = this.model.sessions.get(id)?.sent.splice(0) ?? [];
      expect(got.map((each) => each.replace(/ id \d+/, "")).sort()).toEqual(expected.sort());
    }
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  private async leave(id: string, client: RawClient, isPolite: boolean): Promise<void> {
    if (isPolite) client.send(DISCONNECT);
    else client.socket.end();
    expect(await client.next()).toBe("closed");
    this.clients.delete(id);
    this.model.leave(id);
  }
}

it("does what the model does", async () => {
  const property = fc.asyncProperty(
    fc.array(command as fc.Arbitrary<Command>, { minLength: 20, maxLength: 60 }),
    async (commands) => {
      const { broker, close, heap, port } = await start(0);
      const run = new Run(port);
      try {
        for (const id of ["a", "b", "c"]) await run.do(["connect", id, id === "a"]);
        for (const each of commands) {
          await run.do(each);
          await run.check();
        }
        const { filters, retained, subscriptionCount } = broker.exchange;
        expect(retained.size).toBe(run.model.retained.size);
        const own = [...run.model.sessions.values()].map(({ subscriptions }) => subscriptions.size);
        expect(subscriptionCount).toBe(own.reduce((sum, size) => sum + size, 0));
        expect(filters.size).toBeLessThanOrEqual(subscriptionCount);
      } finally {
        run.close();
        await close();
      }
      heap.verify();
      expect(heap.stats().live.blocks).toBe(0);
    },
  );
  await fc.assert(property, { numRuns: runs(8, 60) });
});
