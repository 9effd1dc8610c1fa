import { once } from "node:events";
import { createServer as createTlsServer, request as requestTls } from "node:https";
import { Duplex } from "node:stream";
import { expect, it, vi } from "vitest";
import { acceptWebSocket } from "../../../../src/node/index.js";
import { TLS_CERTIFICATE, TLS_KEY } from "../../../support/certificate.js";
import { wrong } from "../../help.js";
import { newPool, WAIT } from "../help.js";
import { dial, echo, requestOf, start } from "./help.js";

const FRAME = Uint8Array.of(0x81, 0x82, 0, 0, 0, 0, 104, 105);

it("answers with the key of RFC 6455, 1.3, and no extension", async () => {
  const { port } = await start();
  const offer = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
  const { answer, socket } = await dial(port, requestOf(offer));
  expect(answer.split("\r\n")).toEqual([
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "",
    "",
  ]);
  socket.destroy();
});

it.each<[string, Record<string, string>]>([
  ["in any case", { Upgrade: "WebSocket", Connection: "UPGRADE" }],
  ["in lists", { Upgrade: "h2c, websocket", Connection: "keep-alive ,Upgrade" }],
])("takes the tokens %s", async (_name, headers) => {
  const { port } = await start();
  const client = await dial(port, requestOf(headers), FRAME);
  expect(await client.until(1)).toEqual(["1 hi"]);
});

it.each<[string, Record<string, string>, string, string?]>([
  ["another method", {}, "405 Method Not Allowed\r\n", "POST / HTTP/1.1"],
  ["HTTP/1.0", {}, "400 Bad Request\r\n", "GET / HTTP/1.0"],
  ["another upgrade", { Upgrade: "websockets" }, "400 Bad Request\r\n"],
  ["no version", { "Sec-WebSocket-Version": "" }, "426 Upgrade Required\r\n"],
  ["version 8", { "Sec-WebSocket-Version": "8" }, "426 Upgrade Required\r\n"],
  ["version 13 twice", { "Sec-WebSocket-Version": "13, 13" }, "426 Upgrade Required\r\n"],
  ["no key", { "Sec-WebSocket-Key": "" }, "400 Bad Request\r\n"],
  ["a key of 15 bytes", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j" }, "400 Bad Request\r\n"],
  ["a key of 17 bytes", { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAAA=" }, "400 Bad Request"],
  ["a key that is no base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j_Q==" }, "400 Bad"],
  ["a subprotocol that is no token", { "Sec-WebSocket-Protocol": "a b" }, "400 Bad Request\r\n"],
  ["an empty subprotocol", { "Sec-WebSocket-Protocol": "a,,b" }, "400 Bad Request\r\n"],
  ["a subprotocol twice", { "Sec-WebSocket-Protocol": "a, a" }, "400 Bad Request\r\n"],
])("refuses %s", async (_name, headers, status, line) => {
  const { closed, errors, opened, port, results } = await start();
  const client = await dial(port, requestOf(headers, line), FRAME);
  expect(client.answer).toContain(`HTTP/1.1 ${status}`);
  expect(client.answer).toContain("Connection: close\r\n");
  if (status.startsWith("426")) expect(client.answer).toContain("Sec-WebSocket-Version: 13\r\n");
  if (status.startsWith("405")) expect(client.answer).toContain("Allow: GET\r\n");
  await client.ended();
  expect([closed, errors, opened, results]).toEqual([[], [], [], [undefined]]);
});

it("refuses requests that Node hands out only elsewhere", async () => {
  const { pool } = newPool();
  const refused = async (headers: Record<string, string>): Promise<string> => {
    let text = "";
    const socket = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        text += chunk;
        done();
      },
    });
    const request = { method: "GET", httpVersionMajor: 1, httpVersionMinor: 1, headers };
    const options = { pool, onMessage: echo };
    const result = acceptWebSocket(wrong(request), socket, Buffer.alloc(0), options);
    expect(result).toBeUndefined();
    await once(socket, "finish");
    socket.destroy();
    return text;
  };
  expect(await refused({})).toContain("there is no Host");
  expect(await refused({ host: "x" })).toContain("Upgrade does not name websocket");
  const close = { host: "x", upgrade: "websocket", connection: "close" };
  expect(await refused(close)).toContain("Connection does not name Upgrade");
});

it("destroys the socket of a refused client that does not leave", async () => {
  const { port } = await start();
  const client = await dial(port, requestOf({ "Sec-WebSocket-Version": "7" }));
  client.socket.on("end", () => client.socket.write("more"));
  await vi.waitFor(() => expect(client.socket.closed).toBe(true), WAIT);
});

it.each<[string, string, string]>([
  ["chat", "superchat, chat", "chat"],
  ["the first of the client's that is spoken", "a, b.v2, c", "b.v2"],
  ["", "x, y", ""],
  ["", "", ""],
])("chooses the subprotocol '%s' of '%s'", async (_name, offered, chosen) => {
  const { opened, port } = await start({ protocols: ["c", "b.v2", "chat"] });
  const { answer } = await dial(port, requestOf({ "Sec-WebSocket-Protocol": offered }));
  expect(opened[0]?.protocol).toBe(chosen);
  const lines = answer.split("\r\n").filter((line) => line.startsWith("Sec-WebSocket-Protocol"));
  expect(lines).toEqual(chosen === "" ? [] : [`Sec-WebSocket-Protocol: ${chosen}`]);
});

it("reads frames that came with the request, also half of one", async () => {
  const { port } = await start();
  const client = await dial(port, requestOf(), Buffer.concat([FRAME, FRAME.subarray(0, 5)]));
  client.socket.write(FRAME.subarray(5));
  expect(await client.until(2)).toEqual(["1 hi", "1 hi"]);
});

it("works over TLS", async () => {
  const server = createTlsServer({ key: TLS_KEY, cert: TLS_CERTIFICATE });
  const { port, closed } = await start({}, server as never);
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
  };
  const asking = requestTls({ port, host: "127.0.0.1", rejectUnauthorized: false, headers });
  asking.end();
  const [, socket] = (await once(asking, "upgrade")) as [unknown, Duplex];
  socket.write(FRAME);
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect([...answer]).toEqual([0x81, 2, 104, 105]);
  socket.write(Uint8Array.of(0x88, 0x80, 0, 0, 0, 0));
  const [close] = (await once(socket, "data")) as [Buffer];
  expect([...close]).toEqual([0x88, 0]);
  socket.end();
  await vi.waitFor(() => expect(closed).toEqual([[1005, ""]]), WAIT);
});

it("throws for what the program does wrong, and for nothing else", async () => {
  const { pool } = newPool();
  const request = { method: "POST", headers: {} };
  const accept = (change: object, socket: unknown = new Duplex(), head: unknown = Buffer.of()) =>
    acceptWebSocket(wrong(request), wrong(socket), wrong(head), {
      pool,
      onMessage: echo,
      ...change,
    });
  const expectInvalid = (action: () => unknown): void => {
    expect(action).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }));
  };
  for (const change of [
    { pool: {} },
    { onMessage: undefined },
    { onOpen: 1 },
    { onClose: 1 },
    { onError: 1 },
    { protocols: "chat" },
    { protocols: ["a b"] },
    { protocols: ["a\r\nSet-Cookie: x"] },
    { maximum: 124 },
    { maximumFragments: 0 },
    { maximumWaiting: 0 },
    { quota: -1 },
    { idleTimeout: -1 },
    { stallTimeout: 1.5 },
    { pingInterval: Number.NaN },
    { closeTimeout: 2 ** 31 },
    { maximumBytes: 1 },
  ]) {
    expectInvalid(() => accept(change));
  }
  expectInvalid(() => accept({}, null));
  expectInvalid(() => accept({}, {}));
  expectInvalid(() => accept({}, new Duplex(), "head"));
  expectInvalid(() => acceptWebSocket(wrong(undefined), new Duplex(), Buffer.of(), wrong({})));
});

it("returns nothing for a client that is gone, or for which there is no memory", async () => {
  const { pool } = newPool();
  const socket = new Duplex();
  socket.destroy();
  const request = { method: "GET", headers: {} };
  const options = { pool, onMessage: echo };
  expect(acceptWebSocket(wrong(request), socket, Buffer.of(), options)).toBeUndefined();

  const { errors, heap, opened, port, results } = await start({ capacity: 2 ** 20 });
  const hoard: number[] = [];
  for (const size of [65536, 4096, 16]) {
    try {
      for (;;) hoard.push(heap.malloc(size));
    } catch {}
  }
  const client = await dial(port);
  expect(client.answer).toContain("503 Service Unavailable");
  await client.ended();
  expect([errors, opened, results]).toEqual([[], [], [undefined]]);
  for (const ptr of hoard) heap.free(ptr as never);
});
