import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, describe, expect, it, type TestContext, vi } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { BytesPool } from "../../src/buffers/index.js";
import { encodeClose, OPCODE } from "../../src/codec/index.js";
import { Heap } from "../../src/index.js";
import { acceptWebSocket, type WebSocketConnection } from "../../src/node/index.js";
import { missing } from "../support/missing.js";
import { WebSocketClient } from "../support/webSocketClient.js";

/*
 * Messages with real peers: npm ws and Python's websockets, each as client of `acceptWebSocket` and
 * as server of a client that the codec makes.
 */

const LIMIT_MS = 60_000;
const WAIT = { timeout: LIMIT_MS, interval: 5 } as const;
const PYTHON = "/usr/bin/python3";
const SIZES = [0, 1, 125, 126, 127, 4096, 65_535, 65_536, 300_000];
const TEXT = "grüße, 日本 🎉";

const heap = Heap.create({ capacity: 2 ** 26 });
const pool = new BytesPool(heap);
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) close();
  await vi.waitFor(() => expect(heap.stats().live.blocks).toBe(0), WAIT);
  heap.drain();
  heap.verify();
});

interface Ours {
  readonly port: number;
  readonly connections: WebSocketConnection[];
  /** The codes and reasons of closed connections. */
  readonly closed: [number, string][];
  readonly errors: unknown[];
}

/** A server that sends back what comes. */
async function ourServer(): Promise<Ours> {
  const connections: WebSocketConnection[] = [];
  const closed: [number, string][] = [];
  const errors: unknown[] = [];
  const server = createServer();
  server.on("upgrade", (request, socket: Socket, head) => {
    const connection = acceptWebSocket(request, socket, head, {
      pool,
      protocols: ["echo"],
      onMessage({ opcode, payload }, connection) {
        connection.send(payload, { binary: opcode === OPCODE.BINARY });
      },
      onOpen: (opened) => void connections.push(opened),
      onClose: (_, code, reason) => void closed.push([code, reason]),
      onError: (error) => errors.push(error),
    });
    closing.push(() => connection?.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { port, connections, closed, errors };
}

async function echoed(peer: WebSocket, payload: Buffer | string): Promise<Buffer> {
  const answer = once(peer, "message");
  peer.send(payload);
  const [data, isBinary] = (await answer) as [Buffer, boolean];
  expect(isBinary).toBe(typeof payload !== "string");
  return data;
}

async function wsClient(port: number): Promise<WebSocket> {
  // It offers compression, which is not accepted.
  const peer = new WebSocket(`ws://127.0.0.1:${port}/`, ["other", "echo"]);
  closing.push(() => peer.terminate());
  await once(peer, "open");
  return peer;
}

describe("clients of ws", () => {
  it("get back messages of all sizes, in one frame and in fragments", async () => {
    const { errors, port } = await ourServer();
    const peer = await wsClient(port);
    expect([peer.protocol, peer.extensions]).toEqual(["echo", ""]);
    for (const size of SIZES) {
      const payload = randomBytes(size);
      expect((await echoed(peer, payload)).equals(payload), `${size} bytes`).toBe(true);
    }
    expect(String(await echoed(peer, TEXT.repeat(1000)))).toBe(TEXT.repeat(1000));
    const answer = once(peer, "message");
    const bytes = Buffer.from(TEXT);
    for (const [at, byte] of bytes.entries()) {
      peer.send(Buffer.of(byte), { binary: false, fin: at === bytes.length - 1 });
      if (at % 5 === 0) peer.ping(`${at}`);
    }
    expect(String((await answer)[0])).toBe(TEXT);
    expect(errors).toEqual([]);
  });

  it("close, and are closed, with code and reason", async () => {
    const { closed, connections, port } = await ourServer();
    const first = await wsClient(port);
    const gone = once(first, "close");
    first.close(4321, "genug ü");
    expect([(await gone)[0], String((await gone)[1])]).toEqual([4321, ""]);
    await vi.waitFor(() => expect(closed).toEqual([[4321, "genug ü"]]), WAIT);
    const second = await wsClient(port);
    const [[code, reason]] = (await Promise.all([
      once(second, "close"),
      connections[1]?.close(1001, "going away ü"),
    ])) as [[number, Buffer], unknown];
    expect([code, String(reason)]).toEqual([1001, "going away ü"]);
    expect(closed[1]).toEqual([1001, "going away ü"]);
  });

  it("answer our pings, and are told 1007 and 1009", async () => {
    const { connections, errors, port } = await ourServer();
    const peer = await wsClient(port);
    const pinged = once(peer, "ping");
    connections[0]?.ping("still there?");
    expect(String((await pinged)[0])).toBe("still there?");
    const closed = once(peer, "close");
    peer.send(Buffer.of(97, 0xff), { binary: false });
    expect((await closed)[0]).toBe(1007);
    const large = await wsClient(port);
    const tooLarge = once(large, "close");
    large.send(Buffer.alloc(2 ** 20 + 1));
    expect((await tooLarge)[0]).toBe(1009);
    expect(errors.map((error) => (error as { code: string }).code)).toEqual([
      "ERR_MALFORMED",
      "ERR_TOO_LARGE",
    ]);
  });
});

/** Sends messages to a server that sends them back, and closes. */
async function talk(port: number): Promise<void> {
  const client = await WebSocketClient.open(port, pool);
  closing.push(() => client.socket.destroy());
  for (const size of SIZES) {
    const payload = randomBytes(size);
    client.send(OPCODE.BINARY, payload);
    const { length } = client.seen;
    expect((await client.until(length + 1)).at(-1)).toEqual(payload);
  }
  const before = client.seen.length;
  const bytes = Buffer.from(TEXT);
  client.send(OPCODE.TEXT, bytes.subarray(0, 3), false);
  client.send(OPCODE.PING, "ping");
  client.send(OPCODE.CONTINUATION, bytes.subarray(3, 3), false);
  client.send(OPCODE.CONTINUATION, bytes.subarray(3));
  const seen = await client.until(before + 2);
  expect(seen.slice(before)).toEqual(["10 ping", TEXT]);
  const close = encodeClose(pool, 4000, "bye ü", true);
  client.socket.write(close.toUnshared());
  close.release();
  await client.until(before + 3);
  expect(client.closeCode).toBe(4000);
  client.socket.end();
}

it("a server of ws answers our client", { timeout: LIMIT_MS }, async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  closing.push(() => server.close());
  const closed: unknown[] = [];
  server.on("connection", (peer) => {
    peer.on("message", (data, binary) => peer.send(data, { binary }));
    peer.on("close", (code, reason) => closed.push(code, String(reason)));
  });
  await talk((server.address() as AddressInfo).port);
  await vi.waitFor(() => expect(closed).toEqual([4000, "bye ü"]), WAIT);
});

function needsPython(context: TestContext): void {
  const { status } = spawnSync(PYTHON, ["-c", "import websockets"]);
  if (status !== 0) missing(context, "python3-websockets is not installed");
}

/** Runs a program of Python, which is ended with the test. */
function python(code: string, ...args: string[]) {
  const child = spawn(PYTHON, ["-u", "-c", code, ...args]);
  closing.push(() => child.kill("SIGKILL"));
  let text = "";
  let errors = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  const ended = once(child, "exit").then(([status]) => [status, text, errors] as const);
  return { ended, line: () => vi.waitFor(() => text.match(/.+\n/)?.[0] ?? fail(errors), WAIT) };
}

function fail(text: string): never {
  throw new Error(`nothing was printed: ${text}`);
}

const CLIENT = `
import asyncio, json, os, sys, websockets
async def main():
    uri = "ws://127.0.0.1:" + sys.argv[1]
    async with websockets.connect(uri, max_size=None, subprotocols=["echo"]) as ws:
        for size in json.loads(sys.argv[2]):
            sent = os.urandom(size)
            await ws.send(sent)
            assert await ws.recv() == sent, size
        text = sys.argv[3]
        await ws.send(text * 1000)
        assert await ws.recv() == text * 1000
        await ws.send(list(text) + ["", "end"])
        assert await ws.recv() == text + "end"
        await (await ws.ping(b"p" * 125))
        assert ws.subprotocol == "echo"
        await ws.close(4999, "bye \\u00fc")
    async with websockets.connect(uri, max_size=None) as ws:
        await ws.send("x" * (2 ** 20 + 1))
        try:
            await ws.recv()
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd.code == 1009, closed
    print("done")
asyncio.run(main())
`;

const SERVER = `
import asyncio, websockets
async def echo(ws):
    try:
        async for message in ws:
            await ws.send(message)
        print(ws.close_code, ws.close_reason)
    except Exception as error:
        print(error)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1])
        await asyncio.Future()
asyncio.run(main())
`;

describe("Python's websockets", () => {
  it("as a client", { timeout: LIMIT_MS }, async (context) => {
    needsPython(context);
    const { closed, port } = await ourServer();
    const { ended } = python(CLIENT, String(port), JSON.stringify(SIZES), TEXT);
    expect(await ended).toEqual([0, "done\n", ""]);
    expect(closed[0]).toEqual([4999, "bye ü"]);
  });

  it("as a server", { timeout: LIMIT_MS }, async (context) => {
    needsPython(context);
    const { line } = python(SERVER);
    await talk(Number(await line()));
  });
});
