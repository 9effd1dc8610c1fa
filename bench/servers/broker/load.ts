/**
 * Drives a broker, in a process of its own: two publishers, four subscribers. First lone frames,
 * while nothing else goes on, and then as many as it takes. Sends the figures to the process that
 * started it.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const SUBSCRIBERS = 4;
const PUBLISHERS = 2;
const BATCH_BYTES = 60_000;
const TOPIC = "topic/a";

const [port, size, count, lone] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];

function frameOf(kind: number, length: number): Buffer {
  const frame = Buffer.alloc(6 + TOPIC.length + length);
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = kind;
  frame[5] = TOPIC.length;
  frame.write(TOPIC, 6, "latin1");
  return frame;
}

const frame = frameOf(2, size);
let got = 0;
let wanted = 0;
let reached = (): void => {};

/** Resolves when all subscribers together have got so many bytes more. */
function delivered(bytes: number): Promise<void> {
  wanted = got + bytes;
  return new Promise((resolve) => {
    reached = resolve;
  });
}

process.on("disconnect", () => process.exit());

async function open(): Promise<Socket> {
  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: Buffer.alloc(2 ** 18),
      callback(bytes) {
        got += bytes;
        if (got === wanted) reached();
        return true;
      },
    },
  });
  await once(socket, "connect");
  return socket;
}

async function publish(socket: Socket, frames: number): Promise<void> {
  const perBatch = Math.max(1, Math.min(frames, Math.floor(BATCH_BYTES / frame.length)));
  const batch = Buffer.concat(Array<Buffer>(perBatch).fill(frame));
  for (let left = frames; left > 0; left -= perBatch) {
    const some = batch.subarray(0, Math.min(left, perBatch) * frame.length);
    if (!socket.write(some)) await once(socket, "drain");
  }
}

/** Returns the deliveries per second. */
async function measureRate(publishers: readonly Socket[], frames: number): Promise<number> {
  const begin = performance.now();
  const all = delivered(PUBLISHERS * SUBSCRIBERS * frames * frame.length);
  for (const socket of publishers) void publish(socket, frames);
  await all;
  return (1000 * PUBLISHERS * SUBSCRIBERS * frames) / (performance.now() - begin);
}

/** Returns the median time in us from sending a frame to its arrival at the last subscriber. */
async function measureLatency(publisher: Socket, frames: number): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < frames; index++) {
    const begin = performance.now();
    const all = delivered(SUBSCRIBERS * frame.length);
    publisher.write(frame);
    await all;
    times.push(1000 * (performance.now() - begin));
  }
  // The first ones warm both sides up.
  const counted = times.slice(frames >> 2).sort((a, b) => a - b);
  return counted[counted.length >> 1] as number;
}

for (let index = 0; index < SUBSCRIBERS; index++) (await open()).write(frameOf(1, 0));
const publishers = [await open(), await open()];
// Until all have subscribed, some get less.
await new Promise((resolve) => setTimeout(resolve, 100));
const latency = await measureLatency(publishers[0] as Socket, lone);
await measureRate(publishers, Math.ceil(count / 4));
process.send?.("begin");
await once(process, "message");
const rate = await measureRate(publishers, count);
process.send?.({ rate, latency });
process.disconnect();
process.exit();
