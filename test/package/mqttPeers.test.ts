/** The MQTT broker of the examples serves the clients of others. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { afterEach, describe, expect, it, type TestContext } from "vitest";
import { missing } from "../support/missing.js";
import { useBroker } from "../support/mqttBroker.js";

const used = useBroker();
const run = promisify(execFile);
/** What a program may take, in s: it is ended then, and the test fails. */
const SECONDS = "20";

function needMosquitto(context: TestContext): void {
  if (spawnSync("mosquitto_pub", ["--help"]).error === undefined) return;
  missing(context, "mosquitto_pub is not installed: apt-get install mosquitto-clients");
}

const address = (): string[] => ["-h", "127.0.0.1", "-p", `${used.server.port}`];

async function publish(...args: string[]): Promise<void> {
  await run("mosquitto_pub", [...address(), ...args], { timeout: 20_000 });
}

/** A mosquitto_sub that has subscribed. */
class Subscriber {
  /** What it has printed, when it has got its messages. */
  readonly lines: Promise<string[]>;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
    const output: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    this.lines = once(child, "close").then(() =>
      Buffer.concat(output).toString().trim().split("\n"),
    );
  }

  /** Starts one that ends after `count` messages, and waits until the broker knows its filters. */
  static async start(count: number, filters: readonly string[], ...more: string[]) {
    const { broker } = used.server;
    const before = broker.exchange.subscriptionCount;
    const args = [...address(), "-C", `${count}`, "-W", SECONDS, "-v", ...more];
    const child = spawn("mosquitto_sub", [...args, ...filters.flatMap((each) => ["-t", each])], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const subscriber = new Subscriber(child);
    while (broker.exchange.subscriptionCount < before + filters.length) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (child.exitCode !== null) throw new Error(`mosquitto_sub ended: ${child.exitCode}`);
    }
    return subscriber;
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

describe("mosquitto's clients", () => {
  it.for(["0", "1", "2"])("get messages with QoS %s", async (qos, context) => {
    needMosquitto(context);
    const subscriber = await Subscriber.start(3, ["home/+/temp", "all/#"], "-q", qos);
    await publish("-t", "home/kitchen/temp", "-m", "21", "-q", "0");
    await publish("-t", "home/kitchen/light", "-m", "on", "-q", "1");
    await publish("-t", "all", "-m", "grün", "-q", "1");
    await publish("-t", "all/x/y", "-n", "-q", "1");
    expect(await subscriber.lines).toEqual(["home/kitchen/temp 21", "all grün", "all/x/y (null)"]);
  });

  it("get what is retained", async (context) => {
    needMosquitto(context);
    await publish("-t", "r/a", "-m", "old", "-r");
    await publish("-t", "r/a", "-m", "new", "-r", "-q", "1");
    await publish("-t", "r/b", "-m", "gone", "-r");
    await publish("-t", "r/b", "-n", "-r");
    const subscriber = await Subscriber.start(2, ["r/#"], "-F", "%t %p %r");
    await publish("-t", "r/c", "-m", "live", "-r");
    expect(await subscriber.lines).toEqual(["r/a new 1", "r/c live 0"]);
  });

  it("get a will, when its client is killed", async (context) => {
    needMosquitto(context);
    const watcher = await Subscriber.start(1, ["wills/#"]);
    const will = ["--will-topic", "wills/a", "--will-payload", "lost", "--will-qos", "1"];
    const other = await Subscriber.start(1, ["x"], ...will);
    other.kill();
    expect(await watcher.lines).toEqual(["wills/a lost"]);
  });

  it("get what they have missed, in a session that is kept", async (context) => {
    needMosquitto(context);
    const session = ["-i", "keeper", "-c", "-q", "1"];
    const first = await Subscriber.start(1, ["t"], ...session);
    await publish("-t", "t", "-m", "first", "-q", "1");
    expect(await first.lines).toEqual(["t first"]);
    for (const text of ["1", "2", "3"]) await publish("-t", "t", "-m", text, "-q", "1");
    await publish("-t", "t", "-m", "with QoS 0, which is not kept", "-q", "0");
    const again = await Subscriber.start(3, [], ...session, "-t", "t");
    expect(await again.lines).toEqual(["t 1", "t 2", "t 3"]);
  });

  it("publish many lines", async (context) => {
    needMosquitto(context);
    const subscriber = await Subscriber.start(2000, ["lines"], "-q", "1");
    const publisher = spawn("mosquitto_pub", [...address(), "-t", "lines", "-q", "1", "-l"]);
    const lines = Array.from({ length: 2000 }, (_, at) => `line ${at}`);
    publisher.stdin.end(`${lines.join("\n")}\n`);
    expect(await subscriber.lines).toEqual(lines.map((line) => `lines ${line}`));
  });
});

const clients: MqttClient[] = [];

async function client(options: IClientOptions = {}): Promise<MqttClient> {
  const url = `mqtt://127.0.0.1:${used.server.port}`;
  const one = await connectAsync(url, { reconnectPeriod: 0, ...options });
  clients.push(one);
  return one;
}

/** Returns what comes next, as `topic: payload`. */
async function next(of: MqttClient, count: number): Promise<string[]> {
  const messages: string[] = [];
  await new Promise<void>((resolve) => {
    of.on("message", (topic, payload) => {
      messages.push(`${topic}: ${payload}`);
      if (messages.length === count) resolve();
    });
  });
  return messages;
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((one) => one.endAsync(true)));
});

describe("clients of npm's mqtt", () => {
  it("talk with one another, with QoS 1 both ways", async () => {
    const all = await Promise.all([client(), client(), client({ clientId: "three" })]);
    const heard = all.map((one) => next(one, 300));
    for (const one of all) await one.subscribeAsync("room/#", { qos: 1 });
    const send = async (one: MqttClient, from: number): Promise<void> => {
      for (let at = 0; at < 100; at++) await one.publishAsync(`room/${from}`, `${at}`, { qos: 1 });
    };
    await Promise.all(all.map(send));
    for (const messages of await Promise.all(heard)) {
      for (const from of [0, 1, 2]) {
        const own = messages.filter((message) => message.startsWith(`room/${from}: `));
        expect(own).toEqual(Array.from({ length: 100 }, (_, at) => `room/${from}: ${at}`));
      }
    }
  });

  it("send any bytes, short and long", async () => {
    const [publisher, subscriber] = [await client(), await client()];
    await subscriber.subscribeAsync({ "bytes/0": { qos: 0 }, "bytes/1": { qos: 1 } });
    const sizes = [0, 1, 127, 128, 4096, 16_383, 16_384, 70_000, 262_000];
    const sent = sizes.map((size) =>
      Buffer.from(Array.from({ length: size }, (_, at) => at & 255)),
    );
    const got: Record<string, Buffer[]> = { "bytes/0": [], "bytes/1": [] };
    const all = new Promise<void>((resolve) => {
      subscriber.on("message", (topic, payload) => {
        got[topic]?.push(payload);
        if (got["bytes/0"]?.length === sizes.length && got["bytes/1"]?.length === sizes.length) {
          resolve();
        }
      });
    });
    for (const payload of sent) {
      await publisher.publishAsync("bytes/0", payload);
      await publisher.publishAsync("bytes/1", payload, { qos: 1 });
    }
    await all;
    for (const topic of ["bytes/0", "bytes/1"]) {
      expect(Buffer.concat(got[topic] ?? []).equals(Buffer.concat(sent))).toBe(true);
    }
  });

  it("come back to their session, after their connection was cut", async () => {
    const publisher = await client();
    const options = { clientId: "back", clean: false, reconnectPeriod: 10 };
    const subscriber = await client({ ...options, resubscribe: false });
    await subscriber.subscribeAsync("t", { qos: 1 });
    const heard = next(subscriber, 60);
    for (let at = 0; at < 60; at++) {
      if (at % 20 === 10) subscriber.stream.destroy();
      await publisher.publishAsync("t", `${at}`, { qos: 1 });
    }
    // What was on its way may come twice.
    const messages = [...new Set(await heard)];
    expect(messages).toEqual(Array.from({ length: 60 }, (_, at) => `t: ${at}`));
  });

  it("are told of a will, and of what is retained", async () => {
    const watcher = await client();
    const heard = next(watcher, 2);
    await watcher.subscribeAsync("wills/+", { qos: 1 });
    const will = { topic: "wills/a", payload: Buffer.from("lost"), qos: 1, retain: true } as const;
    (await client({ will })).stream.destroy();
    const late = await client();
    (await client({ will: { ...will, topic: "wills/b" } })).stream.destroy();
    expect(await heard).toEqual(["wills/a: lost", "wills/b: lost"]);
    const told = next(late, 2);
    await late.subscribeAsync("wills/#");
    expect((await told).sort()).toEqual(["wills/a: lost", "wills/b: lost"]);
  });

  it("lose nothing with QoS 0 when many messages come at once", async () => {
    const [publisher, subscriber] = [await client(), await client()];
    const heard = next(subscriber, 5000);
    await subscriber.subscribeAsync("burst");
    for (let at = 0; at < 5000; at++) publisher.publish("burst", `message ${at}`);
    const messages = await heard;
    expect(messages).toEqual(Array.from({ length: 5000 }, (_, at) => `burst: message ${at}`));
  });
});
