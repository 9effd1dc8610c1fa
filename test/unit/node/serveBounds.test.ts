import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { type Connection, serve } from "../../../src/node/index.js";
import { PoolUse } from "../../../src/node/serve/poolUse.js";
import { Waits } from "../../../src/node/serve/waits.js";
import { expectNothingLeft, newPool, turns, WAIT } from "./help.js";
import { echo, gone, lines, type Options, read, start } from "./serveHelp.js";

it("pauses reading while its peer does not read, and goes on", async () => {
  const { dial, heap } = await start(echo);
  const client = await dial();
  const line = `${"x".repeat(999)}\n`;
  const sent = line.repeat(16_000);
  client.pause();
  client.write(sent);
  let before = -1;
  await vi.waitFor(
    () => {
      const now = client.bytesWritten - client.writableLength;
      const isStill = now === before;
      before = now;
      expect(isStill).toBe(true);
    },
    { timeout: 30_000, interval: 50 },
  );
  expect(heap.stats().live.bytes).toBeLessThan(800_000);
  expect((await read(client, sent.length)).length).toBe(sent.length);
});

it("pauses a connection whose frames go to one that does not read", async () => {
  const { dial, heap, service } = await start({
    onFrame: (view, offset, length, connection) => {
      for (const other of service.connections) {
        if (other !== connection) other.write(view, offset, length);
      }
    },
  });
  const subscriber = await dial();
  const publisher = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(2), WAIT);
  subscriber.pause();
  const sent = `${"x".repeat(999)}\n`.repeat(20_000);
  publisher.write(sent);
  await turns(200);
  expect(heap.stats().live.bytes).toBeLessThan(1_000_000);
  expect((await read(subscriber, sent.length)).length).toBe(sent.length);
});

it("pauses a connection whose frames waited for the handler before", async () => {
  const { dial, errors, pool, service } = await start({
    maximum: 1_000_000,
    handler: async (frame) => {
      const [subscriber] = service.connections;
      // What is handled within the read goes nowhere.
      if (PoolUse.of(pool).reader !== undefined) frame.release();
      else subscriber?.write(frame);
    },
  });
  const subscriber = await dial();
  const publisher = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(2), WAIT);
  subscriber.pause();
  publisher.write(`${"x".repeat(99)}\n`.repeat(200_000));
  await vi.waitFor(() => {
    const [, reader] = service.connections;
    expect(errors).toEqual([]);
    expect(reader?.isPaused).toBe(true);
    expect([...service.connections][0]?.waitingBytes).toBeGreaterThan(65_536);
  }, WAIT);
  await turns(200);
  expect(errors).toEqual([]);
  expect([...service.connections][0]?.waitingBytes).toBeLessThan(600_000);
});

describe.each(["onFrame", "handler", "a later handler"])("many large answers by %s", (kind) => {
  const answer = (connection: Connection): unknown => connection.write("y".repeat(20_000));
  const options: Options =
    kind === "onFrame"
      ? { onFrame: (_view, _offset, _length, connection) => answer(connection) }
      : {
          handler: (frame, connection) => {
            frame.release();
            if (kind === "handler") answer(connection);
            else return Promise.resolve().then(() => void answer(connection));
          },
        };

  it("come one after the other, however many requests came at once", async () => {
    const { dial, errors, heap } = await start({ ...options, maximum: 200_000 });
    const client = await dial();
    client.write("x\n".repeat(2000));
    client.pause();
    await turns(50);
    // What the answers of one chunk would take is 40 MB.
    expect(heap.stats().live.bytes).toBeLessThan(1_000_000);
    expect((await read(client, 2000 * 20_000)).length).toBe(2000 * 20_000);
    expect(errors).toEqual([]);
  });

  it("are dropped when the peer leaves, and hinder no end", async () => {
    const { dial, errors, service } = await start({ ...options, maximum: 200_000 });
    const [first, second] = [await dial(), await dial()];
    for (const client of [first, second]) {
      client.write("x\n".repeat(2000));
      client.pause();
    }
    await turns(50);
    first.destroy();
    second.end();
    await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
    expect((await read(second, 2000 * 20_000)).length).toBe(2000 * 20_000);
    await vi.waitFor(() => expect(service.connections.size).toBe(0), WAIT);
    expect(errors.filter((error) => error !== "ECONNRESET" && error !== "EPIPE")).toEqual([]);
  });
});

it("many small answers wait, too, where little may", async () => {
  const { dial, errors } = await start({
    maximum: 10_000,
    onFrame: (_view, _offset, _length, connection) => connection.write("y".repeat(1000)),
  });
  const client = await dial();
  client.pause();
  client.write("x\n".repeat(20_000));
  await turns(50);
  expect((await read(client, 20_000 * 1000)).length).toBe(20_000 * 1000);
  expect(errors).toEqual([]);
});

it.each(["onFrame", "handler"])(
  "by %s a publisher waits until its subscriber takes more",
  async (kind) => {
    const forward = (): void => {
      const [subscriber] = service.connections;
      subscriber?.write("y".repeat(20_000));
    };
    let isFirst = true;
    const { dial, errors, service } = await start({
      maximum: 200_000,
      ...(kind === "onFrame"
        ? { onFrame: forward }
        : {
            // The frames after the first one are not handed out within the read.
            handler: (frame): unknown => {
              frame.release();
              const result = isFirst ? Promise.resolve().then(forward) : forward();
              isFirst = false;
              return result;
            },
          }),
    });
    const subscriber = await dial();
    const publisher = await dial();
    await vi.waitFor(() => expect(service.connections.size).toBe(2), WAIT);
    subscriber.pause();
    publisher.write("x\n".repeat(1000));
    publisher.end();
    await turns(50);
    expect(service.connections.size).toBe(2);
    expect((await read(subscriber, 1000 * 20_000)).length).toBe(1000 * 20_000);
    await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
    expect(errors).toEqual([]);
  },
);

it("reads a publisher on when a subscriber that did not read is gone", async () => {
  const { dial, service } = await start({
    onFrame: (view, offset, length, connection) => {
      for (const other of service.connections) other.write(view, offset, length);
      if (view[offset] === 33) connection.end();
    },
  });
  const subscriber = await dial();
  const publisher = await dial();
  await vi.waitFor(() => expect(service.connections.size).toBe(2), WAIT);
  subscriber.pause();
  publisher.resume();
  publisher.write(`${"x".repeat(999)}\n`.repeat(20_000));
  publisher.write("!\n");
  await turns(200);
  subscriber.resetAndDestroy();
  await gone(publisher);
});

it("ends a connection for which more waits than the maximum", async () => {
  const { dial, errors, service } = await start({ ...echo, maximum: 100_000, quota: 2 ** 30 });
  const client = await dial();
  client.pause();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  const big = Buffer.alloc(60_000);
  for (let time = 0; time < 1000 && connection.isOpen; time++) {
    connection.write(big);
    await turns(1);
  }
  await gone(client.resume());
  expect(errors).toEqual(["ERR_TOO_LARGE"]);
  expect(connection.write("x")).toBe(true);
});

it("ends the connections that hold the most at the quota", async () => {
  const { dial, errors } = await start({ ...echo, quota: 100_000 });
  const clients = await Promise.all(Array.from({ length: 4 }, dial));
  const [small, ...large] = clients as [Socket, Socket, Socket, Socket];
  small.write("x".repeat(1000));
  for (const client of large) client.write("y".repeat(45_000));
  await vi.waitFor(() => expect(errors).toEqual(["ERR_TOO_LARGE"]), WAIT);
  small.write("\n");
  expect((await read(small, 1001)).length).toBe(1001);
});

it("counts the bytes that wait for a handler", async () => {
  const { dial, errors } = await start({
    quota: 10_000,
    handler: (frame) => {
      frame.release();
      return new Promise(() => {});
    },
  });
  const client = await dial();
  client.resume();
  client.write("\n".repeat(30_000));
  await gone(client);
  expect(errors).toEqual(["ERR_TOO_LARGE"]);
});

it("ends one connection when the heap is full, and no other", async () => {
  const { dial, errors } = await start({ ...echo, capacity: 2 ** 19, quota: 2 ** 30 });
  const clients = await Promise.all(Array.from({ length: 8 }, dial));
  for (const client of clients) client.write("y".repeat(90_000));
  await vi.waitFor(() => expect(errors).toContain("ERR_HEAP_EXHAUSTED"), WAIT);
  const rest = clients.filter((client) => !client.destroyed);
  for (const client of clients) client.destroy();
  expect(rest.length).toBeGreaterThan(0);
  await turns(20);
  const client = await dial();
  client.write("alive\n");
  expect(await read(client, 6)).toBe("alive\n");
});

it("closes a connection that is idle, and not one that waits for its handler", async () => {
  const { dial, errors } = await start({
    handler: async (line, connection) => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      connection.write(line);
    },
    idleTimeout: 50,
  });
  const [idle, busy] = [await dial(), await dial()];
  busy.write("x\n");
  await gone(idle.resume());
  expect(await read(busy, 2)).toBe("x\n");
  await gone(busy.resume());
  expect(errors).toEqual(["ERR_TIMEOUT", "ERR_TIMEOUT"]);
});

it("closes a connection that stalls within a frame, and not a quiet one", async () => {
  const { dial, errors, service } = await start({ ...echo, stallTimeout: 50 });
  const [stalled, quiet] = [await dial(), await dial()];
  stalled.write("half a li");
  await gone(stalled.resume());
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  expect(errors).toEqual(["ERR_TIMEOUT"]);
  quiet.write("x\n");
  expect(await read(quiet, 2)).toBe("x\n");
});

it("holds little for a peer that does not read, however small the pieces are", async () => {
  const { dial, heap, service } = await start({ ...echo, capacity: 2 ** 25 });
  const client = await dial();
  client.pause();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  let sent = 0;
  for (; connection.waitingBytes < 1000; sent += 50_000) {
    connection.write(Buffer.alloc(50_000, 65));
    await turns(1);
  }
  for (let piece = 0; piece < 20_000; piece++, sent++) {
    connection.write("B");
    if (piece % 4 === 0) await new Promise((resolve) => process.nextTick(resolve));
  }
  expect(heap.stats().live.bytes).toBeLessThan(400_000);
  expect((await read(client, sent)).length).toBe(sent);
});

it("closes a peer that takes nothing, although more is written to it", async () => {
  const { dial, errors, service } = await start({ ...echo, stallTimeout: 100 });
  const client = await dial();
  client.pause();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  while (connection.isOpen) {
    if (connection.waitingBytes < 300_000) connection.write(Buffer.alloc(50_000));
    else connection.write("x");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(errors).toEqual(["ERR_TIMEOUT"]);
});

it("notes that a slow peer takes some of a long write", async () => {
  const { dial, service } = await start({ ...echo, capacity: 2 ** 26, maximum: 2 ** 25 });
  const client = await dial();
  client.pause();
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  const [connection] = [...service.connections] as [Connection];
  connection.write(Buffer.alloc(12_000_000));
  await turns(50);
  connection.noteProgress();
  connection.isActive = false;
  client.on("data", () => client.pause());
  await vi.waitFor(() => {
    client.resume();
    connection.noteProgress();
    expect(connection.isActive).toBe(true);
    // Not the end of the write, which is noted anyway.
    expect(connection.socket.writableLength).toBeGreaterThan(0);
  }, WAIT);
});

it("reads into the shared block only, where the quota has no room for more", async () => {
  let most = 0;
  const { dial, heap } = await start({
    capacity: 2 ** 20,
    onFrame: () => {
      most = Math.max(most, heap.stats().live.bytes);
    },
    onEnd: (connection) => connection.end(),
  });
  const client = await dial();
  client.resume().end(`${"x".repeat(999)}\n`.repeat(1000));
  await gone(client);
  expect(most).toBeGreaterThan(65_535);
  expect(most).toBeLessThan(200_000);
});

it("wakes all that wait for a connection, and forgets it, when it is closed", async () => {
  let woken = 0;
  const [one, two] = [new Waits(() => woken++), new Waits(() => woken++)];
  one.waitFor(two);
  const slept = two.sleep();
  two.close();
  await slept;
  expect(woken).toBe(1);
  expect(one.isWaiting).toBe(false);
  one.waitFor(two);
  one.close();
  two.wakeAll();
  expect(woken).toBe(1);
});

it("reads a publisher on when a subscriber is closed that never called back", async () => {
  const { heap, pool } = newPool();
  const stuck = new Duplex({ read() {}, write() {} });
  const other = serve(stuck, { pool, framer: () => lines(pool), ...echo });
  const [target] = other.connections;
  let count = 0;
  const { dial, service } = await start({
    pool,
    onFrame: (view, offset, length) => {
      count++;
      target?.write(view, offset, length);
    },
  });
  const publisher = await dial();
  publisher.write(`${"x".repeat(999)}\n`.repeat(2000));
  await vi.waitFor(() => expect([...service.connections][0]?.isPaused).toBe(true), WAIT);
  expect(count).toBeLessThan(2000);
  stuck.destroy();
  await vi.waitFor(() => expect(count).toBe(2000), WAIT);
  publisher.destroy();
  await expectNothingLeft(heap);
});
