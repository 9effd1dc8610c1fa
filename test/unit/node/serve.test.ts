import { once } from "node:events";
import { type AddressInfo, connect as connectTo, createServer } from "node:net";
import { expect, it, vi } from "vitest";
import {
  encodeFrame,
  LengthFieldFramer,
  type WebSocketFrame,
  WebSocketFramer,
} from "../../../src/codec/index.js";
import { type Connection, type ServeOptions, serve } from "../../../src/node/index.js";
import { expectNothingLeft, newPool, turns, WAIT } from "./help.js";
import { broker, echo, gone, read, start } from "./serveHelp.js";

it("hands out frames and writes what is answered", async () => {
  const { dial } = await start(echo);
  const client = await dial();
  client.write("one\ntw");
  expect(await read(client, 4)).toBe("one\n");
  client.end("o\n");
  expect(await read(client, 4)).toBe("two\n");
  await gone(client);
});

it("hands out frames in place", async () => {
  const { dial } = await start({
    onFrame: (view, offset, length, connection) => {
      connection.write(view, offset, length);
      connection.write("-");
      connection.write(view, offset + 1, length - 1);
    },
  });
  const client = await dial();
  client.end("one\ntwo\n");
  expect(await read(client, 99)).toBe("one\n-ne\ntwo\n-wo\n");
});

it("writes once a turn, whatever is written", async () => {
  const { dial, service } = await start({
    onFrame: (view, offset, length, connection) => {
      for (let time = 0; time < 100; time++) connection.write(view, offset, length);
    },
  });
  const client = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections];
  const write = vi.spyOn((connection as Connection).socket, "write");
  client.write("a\nb\n");
  expect(await read(client, 400)).toBe("a\n".repeat(100) + "b\n".repeat(100));
  expect(write).toHaveBeenCalledTimes(1);
});

it("writes what other code writes in the same turn", async () => {
  const { dial, service } = await start(echo);
  const client = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as Connection[];
  const write = vi.spyOn((connection as Connection).socket, "write");
  for (let time = 0; time < 10; time++) connection?.write("x");
  await new Promise((resolve) => process.nextTick(resolve));
  expect(write).toHaveBeenCalledTimes(1);
  expect(await read(client, 10)).toBe("x".repeat(10));
});

it("takes Bytes, arrays, parts of them and text in order", async () => {
  const { dial, pool } = await start({
    handler: (line, connection) => {
      line.release();
      connection.write("text ");
      connection.write(pool.from("bytes "));
      connection.write(Buffer.from("array "));
      connection.write(Buffer.from("a part of it"), 2, 5);
      connection.write(pool.from("x".repeat(50_000)));
      const [head, tail] = [pool.from("h".repeat(5000)), pool.from("t".repeat(5000))];
      connection.write(head.concat(tail));
      head.release();
      tail.release();
      connection.write(new Uint8Array(200_000).fill(65));
      connection.end();
    },
  });
  const client = await dial();
  client.write("\n");
  const text = await read(client, 1e6);
  const long = `${"x".repeat(50_000)}${"h".repeat(5000)}${"t".repeat(5000)}`;
  expect(text).toBe(`text bytes array part ${long}${"A".repeat(200_000)}`);
});

it("refuses to write what is no bytes, or beyond them", async () => {
  const codes: unknown[] = [];
  const { dial } = await start({
    onFrame: (view, offset, _length, connection) => {
      const attempts: unknown[][] = [
        [5],
        [null],
        [{}],
        [view, -1, 2],
        [view, offset, view.length],
        [view, 1.5, 1],
        [Buffer.alloc(3), 2, 2],
        [Buffer.alloc(3), "1"],
        [new Uint16Array(3)],
        [view], // all memory of the heap
        [view, offset],
      ];
      for (const attempt of attempts) {
        try {
          connection.write(...(attempt as [Uint8Array]));
        } catch (error) {
          codes.push((error as { code: unknown }).code);
        }
      }
      connection.write("ok");
    },
  });
  const client = await dial();
  client.write("\n");
  expect(await read(client, 2)).toBe("ok");
  const [bad, beyond] = ["ERR_INVALID_ARGUMENT", "ERR_OUT_OF_RANGE"];
  expect(codes).toEqual([bad, bad, bad, beyond, beyond, beyond, beyond, beyond, bad, bad, bad]);
});

it("awaits a handler before the next frame, and answers after the peer's end", async () => {
  const seen: string[] = [];
  let settle = (): void => {};
  const { dial } = await start({
    handler: async (line, connection) => {
      seen.push(line.toString());
      await new Promise<void>((resolve) => {
        settle = resolve;
      });
      connection.write(line);
    },
  });
  const client = await dial();
  client.end("1\n2\n3\n");
  for (const count of [1, 2, 3]) {
    await vi.waitFor(() => expect(seen.length).toBe(count), WAIT);
    await turns(3);
    expect(seen.length).toBe(count);
    settle();
  }
  expect(await read(client, 99)).toBe("1\n2\n3\n");
});

it.each([
  [
    "throws",
    () => {
      throw new Error("mine");
    },
  ],
  ["rejects", () => Promise.reject(new Error("mine"))],
])("ends a connection whose handler %s, and tells it once", async (_, act) => {
  const errors: unknown[] = [];
  const { dial } = await start({
    handler: (line, connection) => {
      const isBad = line.toString() === "bad\n";
      if (!isBad) return connection.write(line);
      line.release();
      return act();
    },
    onError: (error) => errors.push(error),
  });
  const [bad, good] = [await dial(), await dial()];
  bad.write("bad\nbad\nbad\n");
  await gone(bad);
  good.write("good\n");
  expect(await read(good, 5)).toBe("good\n");
  expect(errors.map(String)).toEqual(["Error: mine"]);
});

it("tells an error of each function, and goes on", async () => {
  const warnings: string[] = [];
  const warned = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", warned);
  const fail = (name: string) => (): never => {
    throw new Error(name);
  };
  const errors: string[] = [];
  const served = await start({
    onFrame: (_view, _offset, _length, connection) => connection.write("ok"),
    onOpen: () => {
      if (errors.length === 0) fail("open")();
    },
    onClose: fail("close"),
    onEnd: fail("end"),
    onError: (error) => {
      errors.push((error as Error).message);
      throw new Error("told");
    },
  });
  await gone(await served.dial());
  const client = await served.dial();
  client.end("\n");
  expect(await read(client, 2)).toBe("ok");
  await vi.waitFor(() => expect(errors.length).toBe(4), WAIT);
  expect(errors).toEqual(["open", "close", "end", "close"]);
  await vi.waitFor(() => expect(warnings).toEqual(["told", "told", "told", "told"]), WAIT);
  process.off("warning", warned);
});

it("resolves drained when there is room, or when the connection is closed", async () => {
  const { dial, service } = await start(echo);
  const client = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  await connection.drained();
  const fill = async (): Promise<void> => {
    while (connection.waitingBytes < 200_000) {
      connection.write(Buffer.alloc(50_000));
      await turns(1);
    }
  };
  client.pause();
  await fill();
  const drained = connection.drained();
  client.resume();
  await drained;
  client.pause();
  await fill();
  const closed = connection.drained();
  client.resetAndDestroy();
  await closed;
});

it("resolves drained when the system takes at once all that was written", async () => {
  const { dial, service } = await start(echo);
  const client = await dial();
  client.resume();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  for (const length of [65_537, 100_000, 1_000_000]) {
    expect(connection.write(Buffer.alloc(length))).toBe(false);
    await connection.drained();
    expect(connection.waitingBytes).toBeLessThanOrEqual(65_536);
  }
});

it("relays what publishers send to each subscriber, however it is cut", async () => {
  const { pool } = newPool(2 ** 25);
  const framer = (): LengthFieldFramer =>
    new LengthFieldFramer(pool, { width: 4, maximum: 65_536 });
  const { dial, service } = await start({ pool, framer, ...broker() });
  const subscribers = await Promise.all(Array.from({ length: 3 }, dial));
  const all = subscribers.map((subscriber) => {
    const chunks: Buffer[] = [];
    subscriber.on("data", (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  });
  const publisher = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(4), WAIT);
  const frames: Buffer[] = [];
  for (let index = 0; index < 4000; index++) {
    const length = index % 50 === 0 ? 20_000 : (index * 37) % 300;
    const frame = Buffer.alloc(length + 4, index & 0xff);
    frame.writeUInt32BE(length, 0);
    frames.push(frame);
  }
  const sent = Buffer.concat(frames);
  for (let at = 0, step = 1; at < sent.length; at += step) {
    step = 1 + ((step * 7919 + 12_345) % 150_000);
    if (!publisher.write(sent.subarray(at, at + step))) await once(publisher, "drain");
  }
  for (const chunks of all) {
    await vi.waitFor(() => {
      expect(chunks.reduce((sum, { length }) => sum + length, 0)).toBe(sent.length);
    }, WAIT);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  }
});

it("hands out WebSocket frames, whole to a handler and their payload in place", async () => {
  const { heap, pool } = newPool();
  const seen: string[] = [];
  const framer = (): WebSocketFramer =>
    new WebSocketFramer(pool, { role: "server", maximum: 1000 });
  const serveBy = async (act: Partial<ServeOptions<WebSocketFrame>>): Promise<void> => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const service = serve<WebSocketFrame>(server, { pool, framer, ...act });
    const client = connectTo((server.address() as AddressInfo).port, "127.0.0.1");
    const frame = encodeFrame(pool, { opcode: 2, mask: true }, "hello");
    client.end(frame.toUnshared());
    frame.release();
    await gone(client.resume());
    await service.close();
  };
  await serveBy({
    handler: (frame) => {
      seen.push(`${frame.opcode} ${frame.payload}`);
      frame.release();
    },
  });
  await serveBy({
    onFrame: (view, offset, length, _connection, first) => {
      seen.push(`${first & 15} ${Buffer.from(view.subarray(offset, offset + length))}`);
    },
  });
  expect(seen).toEqual(["2 hello", "2 hello"]);
  await expectNothingLeft(heap);
});
