/** What the MQTT broker of the examples keeps for clients, and its bounds. */
import { describe, expect, it } from "vitest";
import {
  connectPacket,
  DISCONNECT,
  puback,
  publishPacket,
  subscribePacket,
  unsubscribePacket,
} from "../support/mqtt.js";
import { useBroker } from "../support/mqttBroker.js";

const used = useBroker();
const { dial, open } = used;
const kept = { isClean: false };

describe("a session", () => {
  it("keeps subscriptions and messages with QoS 1 for a client that is away", async () => {
    const first = await open("a", kept);
    first.send(subscribePacket(1, ["t", 1]));
    expect(await first.settled()).toEqual(["suback 1: 1"]);
    first.close();
    const publisher = await open("p");
    publisher.send(publishPacket("t", "lost"));
    for (let id = 1; id <= 50; id++) publisher.send(publishPacket("t", `${id}`, { qos: 1, id }));
    await publisher.settled();
    const again = await dial();
    again.send(connectPacket("a", kept));
    expect(await again.next()).toBe("connack 1 0");
    for (let id = 1; id <= 50; id++) {
      expect(await again.next()).toBe(`t: ${id} (qos 1 id ${id})`);
      again.send(puback(id));
    }
    again.send(DISCONNECT);
    expect(await again.next()).toBe("closed");
    // A clean session ends it.
    await (await open("a")).settled();
    const last = await dial();
    last.send(connectPacket("a", kept));
    expect(await last.next()).toBe("connack 0 0");
  });

  it("sends again what was not acknowledged, in order and marked", async () => {
    const first = await open("a", kept);
    first.send(subscribePacket(1, ["t", 1]));
    await first.next();
    for (const id of [1, 2, 3]) first.send(publishPacket("t", `${id}`, { qos: 1, id }));
    await first.settled();
    first.send(puback(2));
    await first.settled();
    first.close();
    const again = await dial();
    // The acknowledgement comes before the message can be sent again.
    again.send(connectPacket("a", kept), puback(3));
    expect(await again.settled()).toEqual(["connack 1 0", "t: 1 (qos 1 id 1 again)"]);
    again.send(puback(1), publishPacket("t", "4", { qos: 1 }));
    expect((await again.settled()).sort()).toEqual(["puback 1", "t: 4 (qos 1 id 4)"]);
  });

  it("has a window: more is sent as messages are acknowledged", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["t", 1]));
    await client.next();
    const publisher = await open("p");
    for (let id = 1; id <= 30; id++) publisher.send(publishPacket("t", "x", { qos: 1, id }));
    await publisher.settled();
    expect((await client.settled()).length).toBe(20);
    client.send(puback(7), puback(9));
    expect(await client.settled()).toEqual(["t: x (qos 1 id 21)", "t: x (qos 1 id 22)"]);
  });

  it("goes on with a packet id after the last, and begins again at 1", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["t", 1]));
    await client.next();
    const session = used.server.broker.sessions.get("a");
    if (session === undefined) throw new Error("no session");
    session.lastId = 0xfffe;
    client.send(...[1, 2, 3].map((id) => publishPacket("t", "x", { qos: 1, id })));
    const ids = (await client.settled()).filter((each) => each.startsWith("t"));
    expect(ids).toEqual(["t: x (qos 1 id 65535)", "t: x (qos 1 id 1)", "t: x (qos 1 id 2)"]);
    session.lastId = 0xffff;
    client.send(publishPacket("t", "x", { qos: 1 }));
    expect(await client.settled()).toContain("t: x (qos 1 id 3)");
  });
});

describe("what a session keeps", () => {
  it("ends when nobody comes back to it, and the oldest makes room for others", async () => {
    for (const id of ["a", "b"]) {
      const client = await open(id, kept);
      client.send(subscribePacket(1, ["t", 1]), publishPacket("t", "x", { qos: 1 }), DISCONNECT);
      while ((await client.next()) !== "closed");
    }
    const { sessions } = used.server.broker;
    for (let count = sessions.size; count < 20_000; count++) {
      sessions.set(`${count}`, sessions.get("b") as never);
    }
    const client = await open("c");
    expect(sessions.has("a")).toBe(false);
    for (let count = 2; count < 20_000; count++) sessions.delete(`${count}`);
    used.server.broker.sweep(used.server.service.connections, performance.now() + 3_599_000);
    expect(sessions.has("b")).toBe(true);
    used.server.broker.sweep(used.server.service.connections, performance.now() + 3_601_000);
    expect([...sessions.keys()]).toEqual(["c"]);
    expect(used.server.broker.exchange.filters.size).toBe(0);
    expect(await client.settled()).toEqual([]);
  });

  it("has a bound of what it keeps, and then misses what comes", async () => {
    const client = await open("a", kept);
    client.send(subscribePacket(1, ["t", 1]), DISCONNECT);
    while ((await client.next()) !== "closed");
    const publisher = await open("p");
    for (let id = 1; id <= 300; id++) {
      publisher.send(publishPacket("t", Buffer.alloc(10_000), { qos: 1, id }));
    }
    expect((await publisher.settled()).length).toBe(300);
    const session = used.server.broker.sessions.get("a");
    expect(session?.keptBytes).toBeLessThan(2 ** 20 + 20_000);
    expect(session?.dropped).toBeGreaterThan(150);
  });
});

describe("all sessions together", () => {
  it.each([{ mostBytes: 0 }, { mostEntries: 0 }])("have a bound: %j", async (bound) => {
    Object.assign(used.server.broker.exchange.budget, bound);
    const away = await open("away", kept);
    away.send(subscribePacket(1, ["t", 1]), DISCONNECT);
    while ((await away.next()) !== "closed");
    const [publisher, near] = [await open("p"), await open("near")];
    near.send(subscribePacket(1, ["t", 0]));
    expect(await near.next()).toBe("suback 1: 0");
    const payload = Buffer.alloc(1000);
    publisher.send(
      ...Array.from({ length: 50 }, (_, at) => publishPacket("t", payload, { qos: 1, id: at + 1 })),
    );
    expect((await publisher.settled()).length).toBe(50);
    // Each has its share.
    const session = used.server.broker.sessions.get("away");
    expect(session?.waiting.length).toBe(16);
    expect(session?.dropped).toBe(34);
    expect(await near.next()).toBe("t: 1000 bytes (qos 0)");
  });
});

describe("subscriptions", () => {
  it("have a bound each session, and of depth and length", async () => {
    const client = await open("a");
    const filters = Array.from({ length: 100 }, (_, at) => [`f/${at}`, 0] as const);
    client.send(subscribePacket(1, ...filters.slice(1)));
    expect(await client.next()).toBe(`suback 1:${" 0".repeat(99)}`);
    client.send(subscribePacket(2, ["a".repeat(1025), 1], ["/".repeat(16), 0], ["+", 2]));
    expect(await client.next()).toBe("suback 2: 128 128 1");
    client.send(subscribePacket(3, ["f/0", 0], ["f/1", 1]));
    expect(await client.next()).toBe("suback 3: 128 1");
    client.send(unsubscribePacket(4, "f/7"), subscribePacket(5, ["f/0", 0]));
    expect(await client.nextOf(2)).toEqual(["unsuback 4", "suback 5: 0"]);
  });

  it("may match all that is retained, which is sent as the client takes it", async () => {
    const publisher = await open("p");
    const payload = Buffer.alloc(4000);
    for (let at = 0; at < 500; at++) {
      publisher.send(publishPacket(`r/${at}`, payload, { isRetained: true }));
    }
    await publisher.settled();
    const client = await open("a");
    client.send(subscribePacket(1, ["r/+", 0], ["r/#", 0]));
    expect((await client.settled()).length).toBe(1001);
    expect(used.server.broker.sessions.get("a")?.dropped).toBe(0);
  });
});

describe("the memory of the broker", () => {
  /** Takes all that is left of the heap. Returns what gives it back. */
  function fill(): () => void {
    const { heap } = used.server;
    const taken: number[] = [];
    for (let size = 2 ** 20; size >= 1; size /= 2) {
      try {
        for (;;) taken.push(heap.malloc(size));
      } catch (error) {
        expect(error).toMatchObject({ code: "ERR_HEAP_EXHAUSTED" });
      }
    }
    return () => {
      for (const ptr of taken) heap.free(ptr as Parameters<typeof heap.free>[0]);
    };
  }

  it("may be full: who needs some is closed, and then it goes on", async () => {
    const session = await open("s", kept);
    session.send(subscribePacket(1, ["t", 1]));
    const [publisher, idle] = [await open("p"), await open("i")];
    idle.send(subscribePacket(1, ["t", 0]));
    expect(await session.settled()).toEqual(["suback 1: 1"]);
    expect(await idle.settled()).toEqual(["suback 1: 0"]);
    const empty = fill();
    publisher.send(publishPacket("t", Buffer.alloc(9000)));
    expect(await publisher.next()).toBe("closed");
    session.close();
    expect(used.errors).toMatchObject([{ code: "ERR_HEAP_EXHAUSTED" }]);
    empty();
    const again = await open("p");
    again.send(publishPacket("t", "x", { qos: 1 }));
    expect(await again.next()).toBe("puback 1");
    expect(await idle.next()).toBe("t: x (qos 0)");
    expect(await (await open("s", kept)).settled()).toEqual(["t: x (qos 1 id 1)"]);
  });

  it("may be full when a message is sent: its subscriber is closed, and no other", async () => {
    const [one, other, publisher] = [await open("1"), await open("2"), await open("p")];
    one.send(subscribePacket(1, ["t", 0]));
    other.send(subscribePacket(1, ["u", 0]));
    await one.settled();
    await other.settled();
    const { exchange } = used.server.broker;
    const flush = exchange.flush.bind(exchange);
    let empty = (): void => {};
    exchange.flush = () => {
      empty = fill();
      flush();
    };
    publisher.send(publishPacket("t", Buffer.alloc(1000)));
    expect(await one.next()).toBe("closed");
    exchange.flush = flush;
    empty();
    publisher.send(publishPacket("u", "x"));
    expect(await other.next()).toBe("u: x (qos 0)");
  });

  it("has a bound for wills, and room for small ones", async () => {
    const will = (size: number) => ({ will: { topic: "w", payload: "x".repeat(size) } });
    for (let at = 0; at < 64; at++) await open(`${at}`, will(65_535));
    const client = await dial();
    client.send(connectPacket("a", will(65_535)));
    expect(await client.nextOf(2)).toEqual(["connack 0 3", "closed"]);
    await open("b", will(1024));
    expect(used.server.broker.willBytes).toBe(64 * 65_535 + 1024);
  });

  it("gives each of many subscribers each message", async () => {
    const subscribers = await Promise.all(Array.from({ length: 40 }, (_, at) => open(`${at}`)));
    for (const client of subscribers) client.send(subscribePacket(1, ["t/+", 0]));
    for (const client of subscribers) expect(await client.next()).toBe("suback 1: 0");
    const publisher = await open("p");
    publisher.send(...Array.from({ length: 500 }, (_, at) => publishPacket(`t/${at}`, "x")));
    const expected = Array.from({ length: 500 }, (_, at) => `t/${at}: x (qos 0)`);
    for (const client of subscribers) expect(await client.nextOf(500)).toEqual(expected);
  });
});
