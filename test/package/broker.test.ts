/** The brokers of `npm run bench:broker` deliver the same bytes to each subscriber. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { BROKERS, buildBrokers, FOLDER } from "../../bench/servers/broker/build.js";

const WAIT = { timeout: 30_000, interval: 5 } as const;

function frameOf(kind: number, topic: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32BE(2 + topic.length + payload.length, 0);
  head[4] = kind;
  head[5] = topic.length;
  return Buffer.concat([head, Buffer.from(topic, "latin1"), payload]);
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Subscribes, and collects what is delivered. */
async function subscribe(port: number, topic: string): Promise<{ socket: Socket; got: Buffer[] }> {
  const socket = await dial(port);
  const got: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => got.push(chunk));
  socket.write(frameOf(1, topic, Buffer.alloc(0)));
  return { socket, got };
}

beforeAll(buildBrokers);

describe.each(BROKERS)("%s", (name) => {
  it("delivers each frame to each subscriber of its topic, in order", async () => {
    const broker: ChildProcess = fork(`${FOLDER}/${name}.js`, { execArgv: [] });
    const [port] = (await once(broker, "message")) as [number];
    const subscribers = [await subscribe(port, "a"), await subscribe(port, "a")];
    const other = await subscribe(port, "b");
    const publisher = await dial(port);
    // All have subscribed when this frame has come to them.
    const first = frameOf(2, "a", Buffer.from("first"));
    for (const { got } of subscribers) {
      await vi.waitFor(() => {
        publisher.write(first);
        expect(got.length).toBeGreaterThan(0);
      }, WAIT);
    }
    const frames = Array.from({ length: 500 }, (_, index) => {
      return frameOf(2, "a", Buffer.alloc(index % 50 === 0 ? 30_000 : index % 700, index));
    });
    const sent = Buffer.concat(frames);
    for (let at = 0; at < sent.length; at += 7001) publisher.write(sent.subarray(at, at + 7001));
    for (const { got } of subscribers) {
      await vi.waitFor(() => {
        const all = Buffer.concat(got);
        expect(all.subarray(all.length - sent.length).equals(sent)).toBe(true);
      }, WAIT);
    }
    expect(other.got).toEqual([]);
    for (const socket of [...subscribers.map(({ socket: own }) => own), other.socket, publisher]) {
      socket.destroy();
    }
    broker.kill();
  });
});
