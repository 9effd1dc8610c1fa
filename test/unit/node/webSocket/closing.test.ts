import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { OPCODE } from "../../../../src/codec/index.js";
import type { WebSocketConnection } from "../../../../src/node/index.js";
import { WAIT } from "../help.js";
import { type Client, dial, start } from "./help.js";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING } = OPCODE;

describe("a peer that closes", () => {
  it.each<[string, (client: Client) => void, string, [number, string]]>([
    ["without a code", (client) => client.send(CLOSE), "8 1005 ", [1005, ""]],
    ["with a code", (client) => client.close(1000), "8 1000 ", [1000, ""]],
    ["with a reason", (client) => client.close(4999, "grün"), "8 4999 ", [4999, "grün"]],
    [
      "within a message",
      (client) => client.send(TEXT, "a", false).close(1001),
      "8 1001 ",
      [1001, ""],
    ],
  ])("%s gets its code, and the socket is closed", async (_name, close, answer, told) => {
    const { closed, errors, opened, port } = await start();
    const client = await dial(port);
    close(client);
    client.send(TEXT, "after the close").raw(0xff);
    expect(await client.ended()).toEqual([answer]);
    await vi.waitFor(() => expect(closed).toEqual([told]), WAIT);
    expect(errors).toEqual([]);
    expect(opened[0]?.isOpen).toBe(false);
  });

  it("gets what was sent before", async () => {
    const { port } = await start();
    const client = await dial(port);
    client.send(TEXT, "a").send(PING).close(1000);
    expect(await client.ended()).toEqual(["1 a", "10 ", "8 1000 "]);
  });

  it("waits for the handler of a message before", async () => {
    const { port } = await start({
      async onMessage(message, connection) {
        await sleep(10);
        connection.send(message.payload);
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a").close(1000);
    expect(await client.ended()).toEqual(["2 a", "8 1000 "]);
  });
});

describe("a peer that leaves", () => {
  it.each<[string, (client: Client) => unknown, unknown[]]>([
    ["without a close frame", (client) => client.socket.end(), []],
    ["within a frame", (client) => client.socket.end(Buffer.of(0x81)), ["ERR_TRUNCATED"]],
    ["within a message", (client) => client.send(TEXT, "", false).socket.end(), ["ERR_TRUNCATED"]],
    ["by a reset", (client) => client.socket.resetAndDestroy(), ["ECONNRESET"]],
  ])("%s is told as 1006", async (_name, leave, told) => {
    const { closed, errors, port } = await start();
    leave(await dial(port));
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    expect(errors).toEqual(told);
  });
});

describe("a close frame", () => {
  it("is sent once, also if the peer answers with what is malformed", async () => {
    const { errors, opened, port } = await start();
    const client = await dial(port);
    void opened[0]?.close(1000);
    await client.until(1);
    client.raw(0x83);
    await client.ended();
    // The client reads nothing after a close frame.
    expect(client.socket.bytesRead).toBe(client.answer.length + 4);
    expect(errors).toEqual(["ERR_MALFORMED"]);
  });

  it("ends the pings, so a peer that is silent then is no error", async () => {
    const { closed, errors, port } = await start({
      pingInterval: 10,
      closeTimeout: 200,
      onOpen: (connection) => void connection.close(1000),
    });
    await dial(port);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    expect(errors).toEqual([]);
  });
});

describe("close", () => {
  it("waits for the peer, whose messages are dropped, and tells its code", async () => {
    const got: string[] = [];
    const { closed, opened, port } = await start({
      onMessage(message) {
        got.push(message.text);
        message.release();
      },
    });
    const client = await dial(port);
    const connection = opened[0] as WebSocketConnection;
    let isDone = false;
    const done = connection.close(4000, "enough").then(() => {
      isDone = true;
    });
    void connection.close(4001, "twice");
    expect(await client.until(1)).toEqual(["8 4000 enough"]);
    client.send(TEXT, "still coming").send(PING, "no pong after a close");
    client.send(BINARY, "a", false).send(CONTINUATION, "b");
    await sleep(10);
    expect([isDone, client.hasEnded]).toEqual([false, false]);
    client.close(4000, "yes");
    expect(await client.ended()).toEqual(["8 4000 enough"]);
    await done;
    expect([got, closed]).toEqual([[], [[4000, "yes"]]]);
  });

  it("may be awaited by a handler", async () => {
    const order: string[] = [];
    const { closed, port } = await start({
      async onMessage(message, connection) {
        message.release();
        await connection.close(1008, "not you");
        order.push("closed");
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a").send(TEXT, "b");
    await client.until(1);
    client.close(1008);
    expect(await client.ended()).toEqual(["8 1008 not you"]);
    await vi.waitFor(() => expect([order, closed]).toEqual([["closed"], [[1008, ""]]]), WAIT);
  });

  it("may be called by others while a handler waits, whose late error is told", async () => {
    let reject = (_error: Error): void => {};
    let handle = (): void => {};
    const handled = new Promise<void>((resolve) => (handle = resolve));
    const { closed, errors, opened, port } = await start({
      onMessage(message) {
        message.release();
        handle();
        return new Promise((_resolve, fail) => {
          reject = fail;
        });
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a").send(TEXT, "b");
    await handled;
    const done = opened[0]?.close(1001);
    await client.until(1);
    reject(new Error("late"));
    client.close(1001);
    await client.ended();
    await done;
    expect([errors.map(String), closed.length]).toEqual([["Error: late"], 1]);
  });
});

describe("close also", () => {
  it("cuts off a peer that does not answer", async () => {
    const { closed, errors, opened, port } = await start({ closeTimeout: 30 });
    const client = await dial(port);
    await opened[0]?.close(1001);
    await client.ended();
    expect([client.seen, closed, errors]).toEqual([["8 1001 "], [[1006, ""]], []]);
  });

  it("cuts off a peer that answers and does not leave", async () => {
    const { closed, port } = await start({ closeTimeout: 30 });
    const client = await dial(port);
    client.socket.allowHalfOpen = true;
    client.close(1000);
    await vi.waitFor(() => expect(closed).toEqual([[1000, ""]]), WAIT);
  });

  it("refuses codes and reasons that may not be sent", async () => {
    const { opened, port } = await start();
    const client = await dial(port);
    const connection = opened[0] as WebSocketConnection;
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 5000, 1000.5]) {
      expect(() => connection.close(code)).toThrow(
        expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
      );
    }
    expect(() => connection.close(1000, "ü".repeat(62))).toThrow(
      expect.objectContaining({ code: "ERR_TOO_LARGE" }),
    );
    expect(connection.isOpen).toBe(true);
    connection.destroy();
    await client.ended();
  });

  it("of all connections of a set ends a server", async () => {
    const { closed, opened, port } = await start();
    const clients = await Promise.all(Array.from({ length: 5 }, () => dial(port)));
    const done = Promise.all(opened.map((connection) => connection.close(1001)));
    for (const client of clients) {
      await client.until(1);
      client.close(1001);
      await client.ended();
    }
    await done;
    expect(closed).toEqual(new Array(5).fill([1001, ""]));
  });
});

describe("a peer that breaks the protocol is told why", () => {
  it.each<[string, (client: Client) => unknown, number, string]>([
    ["opcode 3", (client) => client.raw(0x83), 1002, "ERR_MALFORMED"],
    ["a reserved bit", (client) => client.raw(0xc1), 1002, "ERR_MALFORMED"],
    ["no mask", (client) => client.socket.write(Buffer.of(0x81, 0)), 1002, "ERR_MALFORMED"],
    ["a continuation", (client) => client.raw(0x80), 1002, "ERR_MALFORMED"],
    ["a ping without fin", (client) => client.raw(9), 1002, "ERR_MALFORMED"],
    ["a close code", (client) => client.raw(0x88, [3, 0xed]), 1002, "ERR_MALFORMED"],
    ["a byte of close code", (client) => client.raw(0x88, [3]), 1002, "ERR_MALFORMED"],
    ["a close reason", (client) => client.raw(0x88, [3, 0xe8, 0xff]), 1007, "ERR_MALFORMED"],
    ["text", (client) => client.raw(0x81, [97, 0xff]), 1007, "ERR_MALFORMED"],
    ["text, cut", (client) => client.raw(1, [0xe2]).raw(0x80, [97]), 1007, "ERR_MALFORMED"],
    [
      "text, before its frame has come",
      (client) => client.socket.write(Buffer.of(0x81, 0xa0, 0, 0, 0, 0, 0xff)),
      1007,
      "ERR_MALFORMED",
    ],
    ["a long message", (client) => client.send(TEXT, "x".repeat(1001)), 1009, "ERR_TOO_LARGE"],
    [
      "a long message in fragments",
      (client) => client.send(TEXT, "x".repeat(900), false).send(CONTINUATION, "x".repeat(101)),
      1009,
      "ERR_TOO_LARGE",
    ],
    [
      "a header that promises much",
      (client) => client.socket.write(Buffer.of(0x82, 0xff, 0, 0, 0, 0, 255, 0, 0, 0)),
      1009,
      "ERR_TOO_LARGE",
    ],
    ["many fragments", (client) => client.raw(1).raw(0).raw(0).raw(0), 1008, "ERR_TOO_LARGE"],
  ])("%s", async (_name, misbehave, closeCode, error) => {
    const { closed, errors, opened, port } = await start({ maximum: 1000, maximumFragments: 3 });
    const client = await dial(port);
    client.send(TEXT, "before").send(PING, "p");
    misbehave(client);
    // It has sent much more when it reads the answer.
    for (let count = 0; count < 50; count++) client.send(BINARY, new Uint8Array(1000));
    expect(await client.ended()).toEqual(["1 before", "10 p", `8 ${closeCode} `]);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    expect(errors).toEqual([error]);
    expect(opened[0]?.isOpen).toBe(false);
  });

  it("and cut off if it stays, or sends on for ever", async () => {
    const { closed, errors, port } = await start({ closeTimeout: 30 });
    const client = await dial(port);
    client.socket.allowHalfOpen = true;
    client.raw(0xff);
    const flood = setInterval(() => client.socket.write(new Uint8Array(10_000)), 1);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    clearInterval(flood);
    expect(errors).toEqual(["ERR_MALFORMED"]);
  });

  it("and after a close of ours it is only cut off", async () => {
    const { closed, errors, opened, port } = await start();
    const client = await dial(port);
    void opened[0]?.close(1000);
    await client.until(1);
    client.raw(0xff);
    expect(await client.ended()).toEqual(["8 1000 "]);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    expect(errors).toEqual(["ERR_MALFORMED"]);
  });
});

describe("time limits", () => {
  it("pingInterval keeps a peer that answers, and closes one that does not", async () => {
    const { closed, errors, port } = await start({ pingInterval: 250 });
    const client = await dial(port);
    for (let count = 1; count <= 3; count++) {
      await client.until(count);
      client.send(OPCODE.PONG);
    }
    expect(client.seen).toEqual(["9 ", "9 ", "9 "]);
    expect(closed).toEqual([]);
    await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
    expect(errors).toEqual(["ERR_TIMEOUT"]);
  });

  it("pingInterval does not close a peer whose message is being handled", async () => {
    const { closed, errors, port } = await start({
      pingInterval: 150,
      async onMessage(message, connection) {
        message.release();
        await sleep(500);
        connection.send("done");
        void connection.close(1000);
      },
    });
    const client = await dial(port);
    client.send(TEXT, "a");
    await vi.waitFor(() => expect(client.seen).toContain("1 done"), WAIT);
    client.close(1000);
    await client.ended();
    await vi.waitFor(() => expect(closed).toEqual([[1000, ""]]), WAIT);
    expect(errors).toEqual([]);
  });

  it("stallTimeout closes within a message, and idleTimeout without one", async () => {
    for (const [options, first] of [
      [{ stallTimeout: 40 }, Buffer.of(1, 0x81, 0, 0, 0, 0, 97)],
      [{ idleTimeout: 40 }, Buffer.alloc(0)],
    ] as const) {
      const { closed, errors, port } = await start(options);
      const client = await dial(port);
      client.socket.write(first);
      await vi.waitFor(() => expect(closed).toEqual([[1006, ""]]), WAIT);
      expect(errors).toEqual(["ERR_TIMEOUT"]);
    }
  });
});
