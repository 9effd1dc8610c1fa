/** The MQTT broker of the examples, packet by packet. */
import { describe, expect, it } from "vitest";
import { start } from "../../examples/mqtt/server.js";
import {
  connectPacket,
  DISCONNECT,
  PINGREQ,
  packet,
  puback,
  publishPacket,
  RawClient,
  subscribePacket,
  text,
  unsubscribePacket,
} from "../support/mqtt.js";
import { useBroker } from "../support/mqttBroker.js";

const used = useBroker();
const { dial, open } = used;

describe("a connection", () => {
  it("is accepted, and answers pings", async () => {
    const client = await dial();
    client.send(connectPacket("a"), PINGREQ, PINGREQ);
    expect(await client.nextOf(3)).toEqual(["connack 0 0", "pingresp", "pingresp"]);
    client.send(DISCONNECT);
    expect(await client.next()).toBe("closed");
    expect(used.errors).toEqual([]);
  });

  const body = (name: string, level: number): Buffer =>
    packet(0x10, text(name), Buffer.of(level, 2, 0, 0), text("a"));
  it.each([
    ["version 3.1", body("MQIsdp", 3), "connack 0 1"],
    ["version 5", packet(0x10, text("MQTT"), Buffer.of(5, 2, 0, 0, 0), text("a")), "connack 0 1"],
    ["a bridge's version", body("MQTT", 0x84), "connack 0 1"],
    ["an empty id with a session", connectPacket("", { isClean: false }), "connack 0 2"],
    ["a long id", connectPacket("i".repeat(257)), "connack 0 2"],
  ])("is refused: %s", async (_, bytes, answer) => {
    const client = await dial();
    client.send(bytes, PINGREQ);
    expect(await client.nextOf(2)).toEqual([answer, "closed"]);
  });

  it("may have no id, if its session is clean", async () => {
    await open("");
    await open("");
    expect(used.server.broker.sessions.size).toBe(2);
  });

  it("takes the place of another with the same id", async () => {
    const watcher = await open("w");
    watcher.send(subscribePacket(1, ["will", 0]));
    expect(await watcher.next()).toBe("suback 1: 0");
    const first = await open("a", { will: { topic: "will", payload: "replaced" } });
    const second = await open("a");
    expect(await first.next()).toBe("closed");
    expect(await watcher.next()).toBe("will: replaced (qos 0)");
    expect(await second.settled()).toEqual([]);
    expect(used.server.broker.sessions.size).toBe(2);
  });

  it("ends by silence: before CONNECT, and after half as long again as was promised", async () => {
    const silent = await dial();
    const client = await open("a", { keepAlive: 2 });
    const other = await open("b");
    const sweep = (ms: number): void => {
      used.server.broker.sweep(used.server.service.connections, performance.now() + ms);
    };
    sweep(0);
    sweep(2900);
    expect(await client.settled()).toEqual([]);
    sweep(4900);
    expect(await client.settled()).toEqual([]);
    sweep(6000);
    expect(await silent.next()).toBe("closed");
    expect(await client.settled()).toEqual([]);
    sweep(7000);
    sweep(10_500);
    expect(await client.next()).toBe("closed");
    expect(await other.settled()).toEqual([]);
    expect(used.errors).toMatchObject([{ code: "ERR_SILENCE" }, { code: "ERR_SILENCE" }]);
  });
});

describe("users", () => {
  it("are accepted or refused by a function, which may take its time", async () => {
    const asked: unknown[] = [];
    const errors: unknown[] = [];
    const guarded = await start(0, {
      onError: (error) => errors.push(error),
      async authenticate({ id, userName, password }) {
        asked.push([id, userName, password && Buffer.from(password).toString()]);
        await new Promise((resolve) => setImmediate(resolve));
        if (userName === "broken") throw new Error("no directory");
        return userName === "ann";
      },
    });
    const answers: string[] = [];
    for (const userName of ["ann", "bob", "broken"]) {
      const client = await RawClient.dial(guarded.port);
      const will = { topic: "w", payload: "x" };
      client.send(connectPacket("a", { userName, password: "secret", will }), PINGREQ);
      answers.push(...(await client.nextOf(2)));
      client.close();
    }
    expect(answers).toEqual([
      ...["connack 0 0", "pingresp"],
      ...["connack 0 5", "closed"],
      ...["closed", "closed"],
    ]);
    expect(asked[0]).toEqual(["a", "ann", "secret"]);
    expect(errors).toMatchObject([{ message: "no directory" }]);
    await guarded.close();
    expect(guarded.heap.stats().live.blocks).toBe(0);
  });

  it("may leave while they are judged", async () => {
    let judge = (_: boolean): void => {};
    let ask = (): void => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const judged = new Promise<boolean>((resolve) => {
      judge = resolve;
    });
    const authenticate = (): Promise<boolean> => {
      ask();
      return judged;
    };
    const guarded = await start(0, { authenticate });
    const client = await RawClient.dial(guarded.port);
    client.send(connectPacket("a", { will: { topic: "w", payload: "x" } }));
    await asked;
    const { connections } = guarded.service;
    for (const ms of [0, 6000]) guarded.broker.sweep(connections, performance.now() + ms);
    expect(await client.next()).toBe("closed");
    judge(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(guarded.broker.sessions.size).toBe(0);
    await guarded.close();
    expect(guarded.heap.stats().live.blocks).toBe(0);
  });
});

describe("messages", () => {
  it("come with the lower QoS of publisher and subscriber", async () => {
    const [low, high, publisher] = [await open("l"), await open("h"), await open("p")];
    low.send(subscribePacket(1, ["t", 0]));
    high.send(subscribePacket(2, ["t", 2]));
    expect([await low.next(), await high.next()]).toEqual(["suback 1: 0", "suback 2: 1"]);
    publisher.send(publishPacket("t", "zero"), publishPacket("t", "one", { qos: 1, id: 77 }));
    expect(await publisher.next()).toBe("puback 77");
    expect(await low.nextOf(2)).toEqual(["t: zero (qos 0)", "t: one (qos 0)"]);
    expect(await high.nextOf(2)).toEqual(["t: zero (qos 0)", "t: one (qos 1 id 1)"]);
    high.send(puback(1), puback(1), puback(9));
    expect(await high.settled()).toEqual([]);
  });

  it("come once to a client whose filters overlap, with the highest QoS", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["a/#", 0], ["a/+", 1], ["a/b", 0], ["#", 0]));
    expect(await client.next()).toBe("suback 1: 0 1 0 0");
    client.send(publishPacket("a/b", "x", { qos: 1 }));
    expect((await client.settled()).sort()).toEqual(["a/b: x (qos 1 id 1)", "puback 1"]);
  });

  it("come no more after UNSUBSCRIBE, and with another QoS after another SUBSCRIBE", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["a", 0], ["b", 0]), subscribePacket(2, ["b", 1]));
    client.send(unsubscribePacket(3, "a", "not/subscribed"));
    expect(await client.settled()).toEqual(["suback 1: 0 0", "suback 2: 1", "unsuback 3"]);
    client.send(publishPacket("a", "x"), publishPacket("b", "y", { qos: 1 }));
    expect((await client.settled()).sort()).toEqual(["b: y (qos 1 id 1)", "puback 1"]);
  });
});

describe("messages", () => {
  it("of the server's topics are not published, and wildcards see none with $", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["#", 0], ["+/x", 0], ["$SYS/#", 0], ["$own/+", 0]));
    client.send(publishPacket("$SYS/x", "1", { qos: 1 }), publishPacket("$own/x", "2"));
    client.send(publishPacket("$hidden/x", "3"));
    expect((await client.settled()).sort()).toEqual([
      "$own/x: 2 (qos 0)",
      "puback 1",
      "suback 1: 0 0 0 0",
    ]);
  });

  it("are any bytes up to the largest packet", async () => {
    const client = await open("a");
    client.send(subscribePacket(1, ["big", 1], ["ü", 0]));
    const big = Buffer.alloc(2 ** 18 - 16, 7);
    client.send(publishPacket("big", big, { qos: 1 }), publishPacket("ü", ""));
    expect((await client.nextOf(4)).sort()).toEqual([
      `big: ${big.length} bytes (qos 1 id 1)`,
      "puback 1",
      "suback 1: 1 0",
      "ü:  (qos 0)",
    ]);
    client.send(publishPacket("big", Buffer.alloc(2 ** 18), { qos: 1 }));
    expect((await client.settled()).at(-1)).toBe("closed");
    expect(used.errors).toMatchObject([{ code: "ERR_TOO_LARGE" }]);
  });

  it("that are retained come to later subscribers, once each filter", async () => {
    const publisher = await open("p");
    publisher.send(publishPacket("r/1", "old", { isRetained: true }));
    publisher.send(publishPacket("r/1", "new", { isRetained: true, qos: 1 }));
    publisher.send(publishPacket("r/2", "two", { isRetained: true }));
    publisher.send(publishPacket("r/3", "gone", { isRetained: true }));
    publisher.send(publishPacket("r/3", "", { isRetained: true }));
    await publisher.settled();
    const client = await open("a");
    client.send(subscribePacket(1, ["r/#", 1]));
    expect((await client.settled()).sort()).toEqual([
      "r/1: new (qos 1 id 1 retained)",
      "r/2: two (qos 0 retained)",
      "suback 1: 1",
    ]);
    // Those who have subscribed before see no mark.
    publisher.send(publishPacket("r/2", "again", { isRetained: true }));
    expect(await client.next()).toBe("r/2: again (qos 0)");
    client.send(subscribePacket(2, ["r/2", 0]));
    expect(await client.settled()).toEqual(["suback 2: 0", "r/2: again (qos 0 retained)"]);
  });

  it("that are wills come when a client is lost, and only then", async () => {
    const watcher = await open("w");
    watcher.send(subscribePacket(1, ["will/#", 1]));
    await watcher.next();
    const will = (topic: string) => {
      return { will: { topic, payload: topic, qos: 2, isRetained: true } };
    };
    const [polite, lost, wrong] = [
      await open("1", will("will/1")),
      await open("2", will("will/2")),
      await open("3", will("will/3")),
    ];
    polite.send(DISCONNECT);
    expect(await polite.next()).toBe("closed");
    lost.socket.resetAndDestroy();
    expect(await watcher.next()).toBe("will/2: will/2 (qos 1 id 1)");
    wrong.send(packet(0x30, text("#")));
    expect(await watcher.next()).toBe("will/3: will/3 (qos 1 id 2)");
    watcher.send(subscribePacket(2, ["will/+", 0]));
    expect((await watcher.settled()).length).toBe(3);
  });
});
