import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket, { WebSocketServer } from "ws";
import { type Bytes, BytesPool } from "../../src/buffers/index.js";
import {
  encodeFrame,
  type FrameHeader,
  OPCODE,
  type WebSocketFrame,
  WebSocketFramer,
} from "../../src/codec/index.js";
import { Heap } from "../../src/index.js";

/* The framer and the writer of frames with a real peer: ws, as client and as server. */

const LIMIT_MS = 20_000;
const MAXIMUM = 200_000;
const SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 124, 125, 126, 127, 1024, 1025, 4096];
SIZES.push(16_384, 65_535, 65_536, 65_537, 100_000);
const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const heap = Heap.create({ capacity: 2 ** 24 });
const pool = new BytesPool(heap);
const closing: (() => void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) close();
  await sleep(20);
  heap.drain();
  heap.verify();
  expect(heap.stats().live.blocks).toBe(0);
});

/** One side of a connection: every message and every ping is sent back. */
class Side {
  readonly frames: { readonly opcode: number; readonly fin: boolean; readonly length: number }[];
  failure: unknown;
  private readonly framer: WebSocketFramer;
  private readonly socket: Socket;
  private readonly isClient: boolean;
  private turn = 0;

  constructor(socket: Socket, role: "server" | "client", maximum: number = MAXIMUM) {
    this.frames = [];
    this.failure = undefined;
    this.framer = new WebSocketFramer(pool, { role, maximum });
    this.socket = socket;
    this.isClient = role === "client";
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("close", () => this.framer[Symbol.dispose]());
    closing.push(() => socket.destroy());
  }

  send(header: FrameHeader, payload: Bytes | Uint8Array | string = ""): void {
    const bytes = encodeFrame(pool, { mask: this.isClient, ...header }, payload);
    for (const chunk of bytes.chunks()) this.socket.write(Buffer.from(chunk));
    bytes.release();
  }

  private take(chunk: Buffer): void {
    if (this.failure !== undefined) return;
    try {
      // By turns as they come, in blocks of the heap, and in small pieces.
      const turn = this.turn++ % 3;
      if (turn === 0) this.push(chunk);
      else if (turn === 1) this.push(pool.from(chunk));
      else
        for (let at = 0; at < chunk.length; at += 1000)
          this.push(pool.from(chunk.subarray(at, at + 1000)));
    } catch (error) {
      this.failure = error;
      const { closeCode } = (error as { details: { closeCode: number } }).details;
      this.send({ opcode: OPCODE.CLOSE }, Uint8Array.of(closeCode >> 8, closeCode & 255));
      this.socket.end();
    }
  }

  private push(chunk: Bytes | Uint8Array): void {
    this.framer.push(chunk, (frame) => {
      const { opcode, fin, payload } = frame;
      this.frames.push({ opcode, fin, length: payload.length });
      this.answer(frame);
      frame.release();
    });
  }

  private answer({ opcode, fin, payload }: WebSocketFrame): void {
    if (opcode === OPCODE.PING) this.send({ opcode: OPCODE.PONG }, payload);
    else if (opcode === OPCODE.CLOSE) {
      this.send({ opcode }, payload);
      this.socket.end();
    } else if (opcode !== OPCODE.PONG) this.send({ opcode, fin }, payload);
  }
}

/** Our server, to which a ws client has connected. */
async function ourServer(maximum?: number): Promise<{ peer: WebSocket; side: Side }> {
  let side: Side | undefined;
  const server: Server = createServer();
  server.on("upgrade", (request, socket: Socket) => {
    const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`);
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${key.digest("base64")}\r\n\r\n`,
    );
    side = new Side(socket, "server", maximum);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const peer = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  closing.push(() => peer.terminate());
  await once(peer, "open");
  return { peer, side: side as unknown as Side };
}

/** A ws server, to which our client has connected. */
async function ourClient(): Promise<{ peer: WebSocket; side: Side }> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  await once(server, "listening");
  closing.push(() => server.close());
  const connected = once(server, "connection");
  const asking = request({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    },
  });
  asking.end();
  const [, socket] = (await once(asking, "upgrade")) as [unknown, Socket];
  const side = new Side(socket, "client");
  const [peer] = (await connected) as [WebSocket];
  closing.push(() => peer.terminate());
  return { peer, side };
}

async function echoed(peer: WebSocket, payload: Buffer | string): Promise<Buffer> {
  const answer = once(peer, "message");
  peer.send(payload);
  const [data, isBinary] = (await answer) as [Buffer, boolean];
  expect(isBinary).toBe(typeof payload !== "string");
  return data;
}

describe.each([
  ["server", ourServer],
  ["client", ourClient],
] as const)("ws with our %s", (role, connect) => {
  it("messages of all sizes come back", { timeout: LIMIT_MS }, async () => {
    const { peer, side } = await connect();
    for (const size of SIZES) {
      const payload = randomBytes(size);
      expect((await echoed(peer, payload)).equals(payload), `${size} bytes`).toBe(true);
    }
    const text = "grüße, 日本 🎉".repeat(30);
    expect((await echoed(peer, text)).toString()).toBe(text);
    expect(side.frames.map(({ length }) => length).slice(0, SIZES.length)).toEqual(SIZES);
    expect(side.failure).toBeUndefined();
  });

  it("many at once come back in order", { timeout: LIMIT_MS }, async () => {
    const { peer } = await connect();
    const sent = Array.from({ length: 200 }, (_, index) => randomBytes((index * 37) % 3000));
    const received: Buffer[] = [];
    const done = new Promise<void>((resolve) => {
      peer.on("message", (data: Buffer) => {
        if (received.push(data) === sent.length) resolve();
      });
    });
    for (const payload of sent) peer.send(payload);
    await done;
    expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
  });

  it("fragments, with pings between them", { timeout: LIMIT_MS }, async () => {
    const { peer, side } = await connect();
    const parts = [randomBytes(10), randomBytes(70_000), Buffer.alloc(0), randomBytes(300)];
    const answer = once(peer, "message");
    const pongs: Buffer[] = [];
    peer.on("pong", (data: Buffer) => pongs.push(data));
    parts.forEach((part, index) => {
      peer.send(part, { binary: true, fin: index === parts.length - 1 });
      peer.ping(`ping ${index}`);
    });
    const [data] = (await answer) as [Buffer];
    expect(data.equals(Buffer.concat(parts))).toBe(true);
    while (pongs.length < parts.length) await once(peer, "pong");
    expect(pongs.map(String)).toEqual(["ping 0", "ping 1", "ping 2", "ping 3"]);
    const kinds = side.frames.map(({ opcode, fin }) => `${opcode}${fin ? "." : ""}`);
    expect(kinds).toEqual(["2", "9.", "0", "9.", "0", "9.", "0.", "9."]);
  });

  it("our pings are answered, and closing is", { timeout: LIMIT_MS }, async () => {
    const { peer, side } = await connect();
    side.send({ opcode: OPCODE.PING }, "are you there?");
    const find = (): unknown => side.frames.find(({ opcode }) => opcode === OPCODE.PONG);
    while (find() === undefined) await echoed(peer, "x");
    const pong = find();
    expect(pong).toEqual({ opcode: OPCODE.PONG, fin: true, length: 14 });
    const closed = once(peer, "close");
    peer.close(4321, "enough");
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, String(reason), role]).toEqual([4321, "enough", role]);
    expect(side.failure).toBeUndefined();
  });
});

it("a message that is too large ends the connection with 1009", { timeout: LIMIT_MS }, async () => {
  const { peer, side } = await ourServer(1000);
  const closed = once(peer, "close");
  peer.send(randomBytes(1001));
  expect(((await closed) as [number])[0]).toBe(1009);
  expect(side.failure).toMatchObject({ code: "ERR_TOO_LARGE", details: { got: 1001 } });
});
