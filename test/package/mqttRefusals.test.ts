/** The MQTT broker of the examples: what it refuses, and clients that read nothing. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { start } from "../../examples/mqtt/server.js";
import {
  connectPacket,
  idOf,
  PINGREQ,
  packet,
  puback,
  publishPacket,
  RawClient,
  subscribePacket,
  text,
  unsubscribePacket,
} from "../support/mqtt.js";

const connectBody = (flags: number, ...payload: Uint8Array[]): Buffer =>
  packet(0x10, text("MQTT"), Buffer.of(4, flags, 0, 0), ...payload);

/** What a client may not send first. */
const REFUSED_FIRST: readonly (readonly [string, Buffer])[] = [
  ["another packet before CONNECT", PINGREQ],
  ["a protocol of another name", packet(0x10, text("mqtt"), Buffer.of(4, 2, 0, 0), text("a"))],
  ["flags in the type of CONNECT", packet(0x11, text("MQTT"), Buffer.of(4, 2, 0, 0), text("a"))],
  ["the reserved flag of CONNECT", connectBody(3, text("a"))],
  ["a will with QoS 3", connectBody(0x1e, text("a"), text("w"), text("x"))],
  ["the QoS of a will without a will", connectBody(0x0a, text("a"))],
  ["a retained will without a will", connectBody(0x22, text("a"))],
  ["a password without a user name", connectBody(0x42, text("a"), text("secret"))],
  ["a will topic with wildcards", connectBody(6, text("a"), text("w/+"), text("x"))],
  ["a will topic that is too deep", connectBody(6, text("a"), text("/".repeat(10)), text("x"))],
  ["an empty will topic", connectBody(6, text("a"), text(""), text("x"))],
  ["bytes after CONNECT's fields", connectBody(2, text("a"), Buffer.of(0))],
  ["bytes after a will", connectBody(6, text("a"), text("w"), text("x"), Buffer.of(0))],
  ["CONNECT without its user name", connectBody(0x82, text("a"))],
  ["CONNECT without its will", connectBody(6, text("a"), text("w"))],
  ["CONNECT without fields", packet(0x10)],
  ["CONNECT that is cut in a text", packet(0x10, Buffer.of(0, 4, 77, 81))],
  ["an id with U+0000", connectBody(2, text("a\0"))],
  ["an id that is not UTF-8", connectBody(2, text(Buffer.of(0xc3, 0x28)))],
  ["an id with a surrogate", connectBody(2, text(Buffer.of(0xed, 0xa0, 0x80)))],
  ["a length of five bytes", Buffer.of(0xc0, 0x80, 0x80, 0x80, 0x80, 0)],
  ["a length that does not end", Buffer.of(0xc0, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ["a packet that is too large", Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
  ["a request of HTTP", Buffer.from(`GET / HTTP/1.1\r\nHost: ${"x".repeat(80)}\r\n\r\n`)],
];

/** What a client may not send later. */
const REFUSED: readonly (readonly [string, Buffer])[] = [
  ["a second CONNECT", connectPacket("a")],
  ["type 0", packet(0)],
  ["type 15", packet(0xf0)],
  ["CONNACK", packet(0x20, Buffer.of(0, 0))],
  ["SUBACK", packet(0x90, Buffer.of(0, 1, 0))],
  ["PUBREC", packet(0x50, idOf(1))],
  ["PUBREL", packet(0x62, idOf(1))],
  ["PUBCOMP", packet(0x70, idOf(1))],
  ["PINGRESP", packet(0xd0)],
  ["PUBLISH with QoS 2", publishPacket("t", "x", { qos: 2 })],
  ["PUBLISH with QoS 3", publishPacket("t", "x", { qos: 3 })],
  ["PUBLISH with DUP and QoS 0", publishPacket("t", "x", { isAgain: true })],
  ["PUBLISH with packet id 0", publishPacket("t", "x", { qos: 1, id: 0 })],
  ["PUBLISH without a packet id", packet(0x32, text("t"))],
  ["PUBLISH without a topic", packet(0x30)],
  ["PUBLISH to an empty topic", publishPacket("", "x")],
  ["PUBLISH to a topic with +", publishPacket("a/+", "x")],
  ["PUBLISH to a topic with #", publishPacket("a#", "x")],
  ["PUBLISH to a topic with U+0000", publishPacket("a\0", "x")],
  ["PUBLISH to a topic that is not UTF-8", packet(0x30, text(Buffer.of(0xff)))],
  ["PUBLISH with a topic longer than itself", packet(0x30, Buffer.of(0, 9, 65))],
  ["PUBLISH to a topic that is too long", publishPacket("a".repeat(1025), "x")],
  ["PUBLISH to a topic that is too deep", publishPacket("/".repeat(10), "x")],
  ["PUBACK with packet id 0", puback(0)],
  ["PUBACK that is too long", packet(0x40, idOf(1), Buffer.of(0))],
  ["PUBACK that is too short", packet(0x40, Buffer.of(0))],
  ["PUBACK with flags", packet(0x42, idOf(1))],
  ["SUBSCRIBE with wrong flags", packet(0x80, idOf(1), text("a"), Buffer.of(0))],
  ["SUBSCRIBE with packet id 0", subscribePacket(0, ["a", 0])],
  ["SUBSCRIBE without filters", subscribePacket(1)],
  ["SUBSCRIBE without a QoS", packet(0x82, idOf(1), text("a"))],
  ["SUBSCRIBE with QoS 3", subscribePacket(1, ["a", 3])],
  ["SUBSCRIBE with reserved bits", subscribePacket(1, ["a", 0x81])],
  ["SUBSCRIBE with too many filters", subscribePacket(1, ...Array(101).fill(["a", 0]))],
  ...["", "#/a", "a#", "a/#/b", "a+", "+a", "a/b+", "##", "++", "a\0"].map(
    (filter) => [`the filter ${JSON.stringify(filter)}`, subscribePacket(1, [filter, 0])] as const,
  ),
  ["UNSUBSCRIBE with wrong flags", packet(0xa0, idOf(1), text("a"))],
  ["UNSUBSCRIBE without filters", unsubscribePacket(1)],
  ["UNSUBSCRIBE of a wrong filter", unsubscribePacket(1, "a#")],
  ["PINGREQ with bytes", packet(0xc0, Buffer.of(0))],
  ["PINGREQ with flags", packet(0xc1)],
  ["DISCONNECT with bytes", packet(0xe0, Buffer.of(0))],
  ["DISCONNECT with flags", packet(0xe4)],
];

type Running = Awaited<ReturnType<typeof start>>;

describe("what is refused", () => {
  const errors: unknown[] = [];
  let server: Running;
  beforeAll(async () => {
    server = await start(0, { onError: (error) => errors.push(error) });
  });
  afterEach(() => {
    errors.length = 0;
  });
  afterAll(async () => {
    await server.close();
    server.heap.verify();
    expect(server.heap.stats().live.blocks).toBe(0);
  });

  it.each([...REFUSED_FIRST])("%s", async (_, bytes) => {
    const client = await RawClient.dial(server.port);
    client.send(bytes, bytes);
    expect(await client.next()).toBe("closed");
    expect(errors).toMatchObject([{ code: expect.stringMatching(/^ERR_/) }]);
  });

  it.each([...REFUSED])("%s", async (_, bytes) => {
    const client = await RawClient.open(server.port, "a");
    client.send(publishPacket("before", "x", { qos: 1, id: 7 }));
    expect(await client.next()).toBe("puback 7");
    client.send(bytes, publishPacket("after", "x", { qos: 1, id: 8 }));
    expect(await client.next()).toBe("closed");
    expect(errors).toMatchObject([{ code: expect.stringMatching(/^ERR_/) }]);
    expect(server.broker.clients.size).toBe(0);
  });
});

describe("a client that reads nothing", () => {
  let server: Running;
  let clients: RawClient[] = [];
  const open = async (id: string, options = {}): Promise<RawClient> => {
    const client = await RawClient.open(server.port, id, options);
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    server = await start(0);
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    clients = [];
    await vi.waitFor(() => expect(server.service.connections.size).toBe(0));
    expect(server.broker.exchange.budget).toMatchObject({ bytes: 0, entries: 0 });
    expect(server.heap.verify()).toBeUndefined();
  });
  afterAll(async () => {
    await server.close();
    expect(server.heap.stats().live.blocks).toBe(0);
  });

  it("loses messages with QoS 0, and others do not", async () => {
    const slow = await open("slow");
    const quick = await open("quick");
    for (const client of [slow, quick]) client.send(subscribePacket(1, ["t", 0]));
    expect(await quick.next()).toBe("suback 1: 0");
    await slow.next();
    const publisher = await open("p");
    const payload = Buffer.alloc(8000);
    for (let round = 0; round < 200; round++) {
      for (let at = 0; at < 10; at++) publisher.send(publishPacket("t", payload));
      expect(await quick.nextOf(10)).toEqual(Array(10).fill("t: 8000 bytes (qos 0)"));
    }
    const { sessions } = server.broker;
    expect(sessions.get("quick")?.dropped).toBe(0);
    expect(sessions.get("slow")?.dropped).toBeGreaterThan(0);
    expect(sessions.get("slow")?.outboxBytes).toBeLessThan(2 ** 19);
    expect(server.heap.stats().live.bytes).toBeLessThan(2 ** 21);
  });

  it("has a bound of messages with QoS 1, and others get theirs", async () => {
    const slow = await open("slow");
    const quick = await open("quick");
    for (const client of [slow, quick]) client.send(subscribePacket(1, ["t", 1]));
    expect([await quick.next(), await slow.next()]).toEqual(["suback 1: 1", "suback 1: 1"]);
    const publisher = await open("p");
    const payload = Buffer.alloc(30_000);
    for (let id = 1; id <= 200; id++) {
      publisher.send(publishPacket("t", payload, { qos: 1, id }));
      expect(await quick.next()).toBe(`t: 30000 bytes (qos 1 id ${id})`);
      quick.send(puback(id));
      expect(await publisher.next()).toBe(`puback ${id}`);
    }
    expect(server.broker.sessions.get("slow")?.keptBytes).toBeLessThan(2 ** 20 + 40_000);
    expect(server.heap.stats().live.bytes).toBeLessThan(2 ** 22);
    await quick.settled();
  });
});
