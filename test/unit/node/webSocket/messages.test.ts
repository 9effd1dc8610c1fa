import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { OPCODE } from "../../../../src/codec/index.js";
import type { WebSocketConnection } from "../../../../src/node/index.js";
import { wrong } from "../../help.js";
import { WAIT } from "../help.js";
import { dial, start } from "./help.js";

const { TEXT, BINARY, CONTINUATION, PING, PONG } = OPCODE;

it("sends back texts, bytes and fragments, and answers pings between them", async () => {
  const { port, heap } = await start();
  const client = await dial(port);
  client.send(TEXT, "grün").send(BINARY, Buffer.from("abc")).send(TEXT, "");
  client.send(TEXT, "a", false).send(PING, "p").send(CONTINUATION, "", false);
  client.send(PONG, "nobody asked").send(CONTINUATION, "b");
  expect(await client.until(5)).toEqual(["1 grün", "2 abc", "1 ", "10 p", "1 ab"]);
  for (const size of [125, 126, 65_535, 65_536, 300_000]) {
    client.send(TEXT, "x".repeat(size));
    await client.until(client.seen.length + 1);
    expect(client.seen.at(-1)?.length).toBe(size + 2);
  }
  // Read by the byte.
  const before = client.seen.length;
  for (const byte of [0x81, 0x83, 0, 0, 0, 0, 98, 121, 101]) {
    client.socket.write(Uint8Array.of(byte));
    await sleep(1);
  }
  expect((await client.until(before + 1)).at(-1)).toBe("1 bye");
  await vi.waitFor(() => expect(heap.stats().live.blocks).toBeLessThan(3), WAIT);
});

describe("send", () => {
  it("takes strings, arrays and Bytes, as text or as bytes", async () => {
    const { opened, pool, port } = await start();
    const client = await dial(port);
    const connection = opened[0] as WebSocketConnection;
    const bytes = pool.from("bytes");
    const chain = pool.from("a".repeat(5000));
    using long = chain.concat(bytes);
    connection.send("text");
    connection.send("\ud800");
    connection.send("not", { binary: true });
    connection.send(Buffer.from("array"));
    connection.send(Buffer.from("grün"), { binary: false });
    connection.send(bytes.retain());
    connection.send(bytes);
    connection.send(long.retain(), { binary: false });
    connection.send(pool.alloc(0));
    connection.ping("p");
    connection.ping();
    const seen = await client.until(11);
    expect(seen.slice(0, 7)).toEqual([
      ...["1 text", "1 \ufffd", "2 not", "2 array", "1 grün", "2 bytes", "2 bytes"],
    ]);
    expect(seen.slice(7)).toEqual([`1 ${"a".repeat(5000)}bytes`, "2 ", "9 p", "9 "]);
    chain.release();
  });

  it("refuses what is no message, and then takes nothing over", async () => {
    const { opened, pool, port } = await start();
    const client = await dial(port);
    const connection = opened[0] as WebSocketConnection;
    const bad = pool.from([97, 0xff]);
    const text = { binary: false };
    for (const data of [bad, Buffer.of(97, 0xff)]) {
      expect(() => connection.send(data, text)).toThrow(
        expect.objectContaining({ code: "ERR_MALFORMED", details: expect.anything() }),
      );
    }
    bad.release();
    expect(() => connection.send(bad)).toThrow(expect.objectContaining({ code: "ERR_RELEASED" }));
    for (const data of [undefined, 7, {}, [1]]) {
      expect(() => connection.send(wrong(data))).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
      );
    }
    expect(() => connection.send("x", wrong({ binary: 1 }))).toThrow("a boolean");
    expect(() => connection.ping("x".repeat(126))).toThrow(
      expect.objectContaining({ code: "ERR_TOO_LARGE" }),
    );
    connection.send("still open");
    expect(await client.until(1)).toEqual(["1 still open"]);
  });

  it("drops what is sent after the close, and releases it", async () => {
    const { closed, heap, opened, pool, port } = await start();
    const client = await dial(port);
    const connection = opened[0] as WebSocketConnection;
    expect(connection.isOpen).toBe(true);
    const done = connection.close();
    expect(connection.isOpen).toBe(false);
    connection.send("late");
    connection.send(pool.alloc(10_000));
    connection.ping("late");
    await client.until(1);
    client.close(1000);
    await client.ended();
    await done;
    connection.send(pool.alloc(10_000));
    await connection.close();
    await connection.drained();
    expect(client.seen).toEqual(["8 1000 "]);
    expect(closed).toEqual([[1000, ""]]);
    await vi.waitFor(() => expect(heap.stats().live.blocks).toBe(0), WAIT);
  });
});

it("arrays that were detached are refused, and are no empty messages", async () => {
  const { opened, port } = await start();
  const client = await dial(port);
  const connection = opened[0] as WebSocketConnection;
  const gone = new Uint8Array(4);
  structuredClone(gone, { transfer: [gone.buffer] });
  const refused = expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" });
  for (const binary of [true, false]) {
    expect(() => connection.send(gone, { binary })).toThrow(refused);
  }
  expect(() => connection.ping(gone)).toThrow(refused);
  connection.send(new Uint8Array(0));
  expect(await client.until(1)).toEqual(["2 "]);
});

describe("peers that do not read", () => {
  it("hold no more than a bound, however many pings they send", async () => {
    const { heap, port } = await start();
    const client = await dial(port);
    client.socket.pause();
    const many = Buffer.concat(
      new Array(2000).fill(Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0, ...new Uint8Array(125)])),
    );
    let most = 0;
    // More than the system takes.
    for (let count = 0; count < 60; count++) {
      client.socket.write(many);
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, heap.stats().live.bytes);
    }
    await sleep(50);
    expect(Math.max(most, heap.stats().live.bytes)).toBeLessThan(2 ** 20);
    expect(client.socket.writableLength).toBeGreaterThan(0);
    client.socket.destroy();
  });

  it("are closed beyond maximumWaiting", async () => {
    const { errors, opened, port } = await start({ maximumWaiting: 2 ** 20 });
    const client = await dial(port);
    client.socket.pause();
    const connection = opened[0] as WebSocketConnection;
    while (connection.isOpen) connection.send(new Uint8Array(100_000));
    expect(errors).toEqual(["ERR_TOO_LARGE"]);
    client.socket.destroy();
  });

  it("make drained wait", async () => {
    const { opened, port } = await start({ maximumWaiting: 2 ** 26, capacity: 2 ** 26 });
    const client = await dial(port);
    client.socket.pause();
    const connection = opened[0] as WebSocketConnection;
    while (connection.waitingBytes === 0) {
      connection.send(new Uint8Array(500_000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    let isDrained = false;
    const drained = connection.drained().then(() => {
      isDrained = true;
    });
    await sleep(10);
    expect(isDrained).toBe(false);
    client.socket.resume();
    await drained;
    client.socket.destroy();
  });
});

describe("onMessage", () => {
  it("gets the next message when its promise is settled", async () => {
    const order: string[] = [];
    const { port } = await start({
      async onMessage(message, connection) {
        const { text } = message;
        message.release();
        order.push(`begin ${text}`);
        await sleep(5);
        order.push(`end ${text}`);
        connection.send(text);
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a").send(PING, "p").send(TEXT, "b");
    expect(await client.until(3)).toEqual(["1 a", "10 p", "1 b"]);
    expect(order).toEqual(["begin a", "end a", "begin b", "end b"]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("refused");
      },
    ],
    ["rejects", () => Promise.reject(new Error("refused"))],
  ])("that %s closes with 1011, after what was sent", async (_name, fail) => {
    const { closed, errors, port } = await start({
      onMessage(message, connection) {
        message.release();
        connection.send("before");
        return fail();
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a").send(TEXT, "b");
    expect(await client.ended()).toEqual(["1 before", "8 1011 "]);
    expect(errors).toEqual([new Error("refused")]);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
  });

  it("that throws in onOpen, too, after the handshake", async () => {
    const { errors, port } = await start({
      onOpen: () => {
        throw new Error("refused");
      },
    });
    const client = await dial(port);
    expect(client.answer).toContain(" 101 ");
    expect(await client.ended()).toEqual(["8 1011 "]);
    expect(errors).toEqual([new Error("refused")]);
  });
});
