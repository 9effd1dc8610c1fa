import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import WebSocket from "ws";
import { answersTo, attack } from "../support/attacks.js";
import { ServerProcess } from "../support/serverProcess.js";

/* The example of a chat, with clients of ws, and peers that behave badly. */

const LIMIT_MS = 60_000;
const WAIT = { timeout: LIMIT_MS, interval: 5 } as const;

function requestOf(target: string): Buffer {
  const lines = [`GET ${target} HTTP/1.1`, "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
  lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", "");
  return Buffer.from(lines.join("\r\n"));
}

/** A frame of a client, masked with zeros unless it says otherwise. */
function frame(first: number, payload: string | Buffer, mask: number = 0): Buffer {
  const bytes = Buffer.from(payload);
  const { length } = bytes;
  const head =
    length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, length >> 8, length & 255];
  return Buffer.from([...head, mask, mask, mask, mask, ...bytes.map((byte) => byte ^ mask)]);
}

const TEXT = 0x81;
const PING = 0x89;
const CLOSE = 0x88;

/** A client of ws, and what it got. */
async function join(port: number, target: string): Promise<[WebSocket, string[]]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`);
  const got: string[] = [];
  socket.on("message", (data, isBinary) => got.push(isBinary ? "bytes" : String(data)));
  await once(socket, "open");
  return [socket, got];
}

async function leave(...sockets: WebSocket[]): Promise<void> {
  for (const socket of sockets) socket.close();
  for (const socket of sockets) if (socket.readyState !== 3) await once(socket, "close");
}

async function serves(port: number): Promise<void> {
  const [ada, heard] = await join(port, "/good?name=Ada");
  const [bob, alsoHeard] = await join(port, "/good?name=B%C3%B6b");
  ada.send("hello");
  await vi.waitFor(() => expect(alsoHeard).toEqual(["Ada: hello"]), WAIT);
  bob.send("grün");
  await vi.waitFor(() => expect(heard).toEqual(["Ada: hello", "Böb: grün"]), WAIT);
  await leave(ada, bob);
}

describe("with ws", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.example("chat");
  });
  afterAll(() => server.stop());

  it("members of a room hear each other, in order, and nobody else", async () => {
    const { port } = server;
    const members = await Promise.all(["a", "b", "c"].map((name) => join(port, `/x?name=${name}`)));
    const [other, nothing] = await join(port, "/y?name=d");
    const [first, second] = members.map(([socket]) => socket) as [WebSocket, WebSocket];
    for (let count = 0; count < 500; count++) first.send(`${count}`);
    second.send("x".repeat(16_000), { fin: false });
    second.send("y");
    const expected = Array.from({ length: 500 }, (_, count) => `a: ${count}`);
    for (const [, got] of members) {
      await vi.waitFor(() => expect(got.length).toBe(501), WAIT);
      expect(got.filter((text) => text.startsWith("a"))).toEqual(expected);
      expect(got).toContain(`b: ${"x".repeat(16_000)}y`);
    }
    expect(nothing).toEqual([]);
    await leave(other, ...members.map(([socket]) => socket));
    await vi.waitFor(async () => {
      expect(await server.state()).toMatchObject({ blocks: 0, open: 0 });
    }, WAIT);
  });

  it("says why it closes", async () => {
    for (const [send, code] of [
      [(socket: WebSocket) => socket.send(Buffer.of(1)), 1003],
      [(socket: WebSocket) => socket.send("x".repeat(16_385)), 1009],
    ] as const) {
      const [socket] = await join(server.port, "/");
      const closed = once(socket, "close");
      send(socket);
      expect((await closed)[0]).toBe(code);
    }
  });

  it("answers other requests", async () => {
    const answer = await answersTo(server.port, [
      Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    ]);
    expect(answer.toString()).toContain("426 Upgrade Required");
    for (const target of ["http://[", "//", "/%", "*", "/?name=%ff%", `/${"?".repeat(1000)}`]) {
      const bytes = [requestOf(target), frame(CLOSE, "")];
      expect((await answersTo(server.port, bytes)).toString()).toMatch(/^HTTP\/1.1 (101|400)/);
    }
  });

  it("closes all members with 1001", async () => {
    const another = await ServerProcess.example("chat");
    const members = await Promise.all(["/", "/a", "/b"].map((room) => join(another.port, room)));
    const codes = Promise.all(members.map(([socket]) => once(socket, "close")));
    expect(await another.close()).toMatchObject({ blocks: 0, bytes: 0, open: 0 });
    expect((await codes).map(([code]) => code)).toEqual([1001, 1001, 1001]);
    await another.stop();
  });
});

it(
  "a member that does not read misses messages, and slows down nobody",
  async () => {
    const server = await ServerProcess.example("chat");
    const [slow, missed] = await join(server.port, "/z?name=slow");
    slow.pause();
    const [fast] = await join(server.port, "/z?name=fast");
    const text = "x".repeat(10_000);
    let most = 0;
    for (let count = 0; count < 1500; count++) {
      // One by one, so that the fast member never falls behind.
      const answer = once(fast, "message");
      fast.send(text);
      await answer;
      if (count % 100 === 99) most = Math.max(most, (await server.state()).bytes);
    }
    expect(most).toBeLessThan(200_000);
    slow.resume();
    await leave(fast, slow);
    expect(missed.length).toBeGreaterThan(0);
    expect(missed.length).toBeLessThan(1500);
    await server.stop();
  },
  LIMIT_MS,
);

const LONG = "x".repeat(1000);

attack(() => ServerProcess.example("chat"), {
  serves,
  greeting: requestOf("/bad?name=eve"),
  messages: Buffer.concat([
    frame(TEXT, "hello", 0x5a),
    frame(PING, "ping"),
    frame(1, "in "),
    frame(PING, ""),
    frame(0, "", 1),
    frame(0x80, "pieces: grün"),
    frame(0x8a, "pong"),
    frame(TEXT, LONG),
    frame(CLOSE, Buffer.of(3, 0xe8)),
  ]),
  flood: frame(TEXT, LONG, 0x11),
  refused: [
    ["text that is no UTF-8", frame(TEXT, Buffer.of(0xff))],
    ["a reserved opcode", frame(0x83, "")],
    ["a reserved bit", frame(0xc1, "")],
    ["a frame without a mask", Buffer.of(0x81, 0)],
    ["a continuation of nothing", frame(0x80, "")],
    ["a message within a message", Buffer.concat([frame(1, "a"), frame(TEXT, "b")])],
    ["a long ping", frame(PING, "x".repeat(126))],
    ["a close code that is not sent", frame(CLOSE, Buffer.of(3, 0xed))],
    ["a length of 64 bits", Buffer.of(0x82, 0xff, 128, 0, 0, 0, 0, 0, 0, 0)],
    ["a message that is too large", frame(TEXT, "x".repeat(16_385))],
  ],
  endless: [
    ["an endless message", frame(1, ""), frame(0, "x".repeat(100))],
    ["an endless message of nothing", frame(1, ""), frame(0, "")],
    ["endless pings", Buffer.alloc(0), frame(PING, "x".repeat(125))],
    ["endless pongs", Buffer.alloc(0), frame(0x8a, "")],
    ["endless messages", Buffer.alloc(0), frame(TEXT, "x".repeat(16_000))],
    ["data after a close frame", frame(CLOSE, ""), frame(TEXT, LONG)],
  ],
});
