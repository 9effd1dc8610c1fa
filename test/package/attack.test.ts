import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeInstalled } from "../support/install.js";
import { isFast, SEED } from "../support/tier.js";

/*
 * Attacks the server that README.md shows, as it stands there, in a process of its own. After each
 * attack it must serve on, and must have given back all memory.
 */

const WAIT = { timeout: 60_000, interval: 20 } as const;
const MANY = isFast ? 500 : 10_000;
/** What one peer can make the server hold, whatever it sends. */
const HELD_BYTES = 2 ** 20;

const folder = makeInstalled("hakmem-attack-");
let server: ChildProcess;
let port = 0;

/** Returns the example without its client, and with answers about its state. */
function exampleServer(): string {
  const blocks = readFileSync("README.md", "utf8").matchAll(/^```js\n([\s\S]*?)^```/gm);
  const example = [...blocks].map(([, code = ""]) => code).find((code) => code.includes("serve("));
  const [code, client] = (example ?? "").split("\nconst answer");
  if (code === undefined || client === undefined) throw new Error("README.md has no such server");
  return `${code}
process.on("message", () => {
  const { blocks, bytes } = heap.stats().live;
  heap.verify();
  process.send({ blocks, bytes, rss: process.memoryUsage.rss(), open: service.connections.size });
});
process.send(server.address().port);
`;
}

interface State {
  readonly blocks: number;
  readonly bytes: number;
  readonly rss: number;
  readonly open: number;
}

async function ask(): Promise<State> {
  const answer = once(server, "message");
  server.send("state");
  const [state] = (await answer) as [State];
  return state;
}

async function dial(): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), gone(socket)]);
  return socket;
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

function message(length: number): Buffer {
  const bytes = Buffer.alloc(length + 2, 65);
  bytes.writeUInt16BE(length, 0);
  return bytes;
}

/** Sends messages as a good peer does, and checks what comes back. */
async function serves(): Promise<void> {
  const socket = await dial();
  const sent = Buffer.concat([message(5), message(0), message(20_000)]);
  socket.write(sent);
  const chunks: Buffer[] = [];
  for (let got = 0; got < sent.length; ) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    chunks.push(chunk);
    got += chunk.length;
  }
  socket.destroy();
  expect(Buffer.concat(chunks).equals(sent)).toBe(true);
}

/** Checks that the server serves on, and then holds nothing. */
async function isUnharmed(): Promise<void> {
  expect(server.exitCode).toBe(null);
  await serves();
  await vi.waitFor(async () => {
    expect(await ask()).toMatchObject({ blocks: 0, open: 0 });
  }, WAIT);
}

beforeAll(async () => {
  writeFileSync(join(folder, "server.mjs"), exampleServer());
  server = fork(join(folder, "server.mjs"), {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  server.stderr?.resume();
  server.stdout?.resume();
  [port] = (await once(server, "message")) as [number];
});

afterAll(() => {
  server.kill();
  rmSync(folder, { recursive: true });
});

const TRUNCATED: readonly (readonly [string, Buffer])[] = [
  ["half a header", Buffer.from([0])],
  ["a header only", Buffer.from([0, 5])],
  ["a part of a message", message(500).subarray(0, 200)],
  ["the longest length, and little of it", Buffer.from([255, 255, 1])],
  ["whole messages and a part of one", Buffer.concat([message(9), message(9).subarray(0, 5)])],
];

describe.each(TRUNCATED)("%s", (_, bytes) => {
  it("and the end", async () => {
    const socket = await dial();
    socket.resume().end(bytes);
    await gone(socket);
    await isUnharmed();
  });

  it("and a reset", async () => {
    const socket = await dial();
    await new Promise((sent) => socket.write(bytes, sent));
    socket.resetAndDestroy();
    await isUnharmed();
  });
});

it("a reset while answers are on their way", async () => {
  for (let round = 0; round < 5; round++) {
    const socket = await dial();
    socket.write(Buffer.concat(Array(2000).fill(message(1000))));
    await once(socket, "data");
    socket.resetAndDestroy();
  }
  await isUnharmed();
});

it("a peer that says nothing", async () => {
  const sockets = await Promise.all(Array.from({ length: 100 }, dial));
  await serves();
  const { bytes } = await ask();
  expect(bytes).toBeLessThan(HELD_BYTES);
  for (const socket of sockets) socket.destroy();
  await isUnharmed();
});

it("a peer that sends and never reads", async () => {
  const socket = await dial();
  socket.pause();
  const { rss } = await ask();
  const many = Buffer.concat(Array(64).fill(message(1000)));
  let isStuck = false;
  for (let sent = 0; sent < 2500 && !isStuck; sent++) {
    if (socket.write(many)) continue;
    const left = socket.writableLength;
    await serves();
    isStuck = socket.writableLength === left && sent > 200;
  }
  await serves();
  const state = await ask();
  expect(state.bytes).toBeLessThan(HELD_BYTES);
  expect(state.rss - rss).toBeLessThan(64 * 2 ** 20);
  socket.destroy();
  await isUnharmed();
});

it("a message byte by byte", async () => {
  const socket = await dial();
  socket.setNoDelay(true);
  const sent = message(300);
  const echoed = once(socket, "data");
  for (const byte of sent) {
    await new Promise((written) => socket.write(Buffer.of(byte), written));
  }
  const [answer] = (await echoed) as [Buffer];
  expect(answer.equals(sent)).toBe(true);
  socket.destroy();
  await isUnharmed();
});

it(`${MANY} connections that send a byte each`, async () => {
  const sockets: Socket[] = [];
  while (sockets.length < MANY) {
    const some = await Promise.all(
      Array.from({ length: Math.min(100, MANY - sockets.length) }, dial),
    );
    for (const socket of some) socket.write(Buffer.of(1));
    sockets.push(...some);
  }
  await serves();
  await vi.waitFor(async () => expect((await ask()).open).toBe(MANY), WAIT);
  const { bytes } = await ask();
  expect(bytes).toBeLessThan(HELD_BYTES + MANY * 512);
  for (const socket of sockets) socket.destroy();
  await isUnharmed();
});

it("bytes at random, cut at random, and any end", async () => {
  let state = SEED | 1;
  const random = (below: number): number => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (((state >>> 8) * below) / 2 ** 24) | 0;
  };
  for (let round = 0; round < (isFast ? 40 : 1000); round++) {
    const socket = await dial();
    if (random(2) === 0) socket.resume();
    for (let piece = random(6); piece > 0; piece--) {
      const bytes = Buffer.from(Array.from({ length: random(3000) }, () => random(256)));
      if (random(2) === 0 && bytes.length > 2) bytes[0] = 0;
      socket.write(bytes);
      if (random(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (random(3) === 0) socket.resetAndDestroy();
    else if (random(2) === 0) socket.destroy();
    else socket.resume().end();
  }
  await isUnharmed();
});
