/** Attacks the MQTT broker of the examples. */
import { expect, it } from "vitest";
import { start } from "../../examples/mqtt/server.js";
import { attack } from "../support/attacks.js";
import {
  connectPacket,
  DISCONNECT,
  PINGREQ,
  packet,
  puback,
  publishPacket,
  RawClient,
  subscribePacket,
  unsubscribePacket,
} from "../support/mqtt.js";
import { ServerProcess } from "../support/serverProcess.js";

/** Talks as good clients do, and ends what is left of others. */
async function serves(port: number): Promise<void> {
  const client = await RawClient.open(port, "good");
  client.send(subscribePacket(1, ["good/+", 1]), publishPacket("good/1", "x", { qos: 1, id: 5 }));
  expect((await client.nextOf(3)).sort()).toEqual([
    "good/1: x (qos 1 id 1)",
    "puback 5",
    "suback 1: 1",
  ]);
  client.send(puback(1), publishPacket("good/2", Buffer.alloc(20_000)));
  expect(await client.next()).toBe("good/2: 20000 bytes (qos 0)");
  client.send(DISCONNECT);
  expect(await client.next()).toBe("closed");
}

it("a client that asks for all that is retained, again and again, stops nobody", async () => {
  const server = await start(0);
  const publisher = await RawClient.open(server.port, "p");
  for (let at = 0; at < 5000; at++) {
    publisher.send(publishPacket(`r/${at % 10}/${at}`, "x", { isRetained: true }));
  }
  await publisher.settled();
  const greedy = await RawClient.open(server.port, "greedy");
  const filters = ["#", "r/+/#", "+/+/+", "+/+/none"].map((filter) => [filter, 1] as const);
  const ask = subscribePacket(1, ...filters);
  greedy.send(...Array<Buffer>(2000).fill(ask));
  for (let round = 0; round < 5; round++) await serves(server.port);
  greedy.close();
  for (let at = 0; at < 5000; at++) {
    publisher.send(publishPacket(`r/${at % 10}/${at}`, "", { isRetained: true }));
  }
  await publisher.settled();
  publisher.close();
  expect(server.broker.exchange.retained.size).toBe(0);
  await server.close();
  expect(server.heap.stats().live.blocks).toBe(0);
});

attack(() => ServerProcess.example("mqtt"), {
  serves,
  greeting: Buffer.concat([connectPacket(""), subscribePacket(1, ["flood", 0])]),
  messages: Buffer.concat([
    subscribePacket(2, ["a/+/b", 1], ["none/#", 0]),
    publishPacket("a/1/b", "x", { qos: 1, id: 9 }),
    publishPacket("a/2/c", "y"),
    PINGREQ,
    puback(1),
    publishPacket("a/b", Buffer.alloc(300)),
    unsubscribePacket(3, "a/+/b"),
    PINGREQ,
  ]),
  flood: publishPacket("flood", Buffer.alloc(1000)),
  refused: [
    ["a second CONNECT", connectPacket("a")],
    ["a type that there is not", packet(0xf0)],
    ["PUBLISH with QoS 2", publishPacket("t", "x", { qos: 2 })],
    ["PUBLISH with wildcards", publishPacket("a/#", Buffer.alloc(10_000))],
    ["SUBSCRIBE to a wrong filter", subscribePacket(1, ["a", 0], ["a#", 0])],
    ["a length of five bytes", Buffer.of(0xc0, 0x80, 0x80, 0x80, 0x80, 0)],
    ["a packet that is too large", Buffer.of(0x30, 0xff, 0xff, 0xff, 0x7f)],
  ],
  endless: [
    [
      "an endless stream of subscriptions",
      Buffer.alloc(0),
      subscribePacket(1, ["a".repeat(999), 1]),
    ],
    [
      "an endless stream of messages to itself that are not acknowledged",
      subscribePacket(1, ["own", 1]),
      publishPacket("own", Buffer.alloc(500), { qos: 1 }),
    ],
    ["the longest packets", Buffer.alloc(0), publishPacket("flood", Buffer.alloc(2 ** 18 - 20))],
    ["a client id that goes on", Buffer.of(0x10, 0xff, 0xff, 0x0f), Buffer.from("a")],
  ],
  heldBytes: 4 * 2 ** 20,
  // The heap has 64 MiB, and each of 2,000 clients that have gone had 6 KiB of the collector's.
  rssBytes: 256 * 2 ** 20,
});
