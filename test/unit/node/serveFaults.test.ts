import { getEventListeners, once } from "node:events";
import { type AddressInfo, connect as dialTo } from "node:net";
import { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { expect, it, vi } from "vitest";
import { BytesPool } from "../../../src/buffers/index.js";
import { Heap, HeapError } from "../../../src/index.js";
import { type Connection, connect, type ServeOptions, serve } from "../../../src/node/index.js";
import { Incoming } from "../../../src/node/serve/incoming.js";
import { type Member, PoolUse } from "../../../src/node/serve/poolUse.js";
import { closed, connected, expectNothingLeft, newPool, turns, WAIT } from "./help.js";
import { gone, lines, read, start } from "./serveHelp.js";

it("resolves drained when the system takes at once more than may wait", async () => {
  const opened: Connection[] = [];
  const { dial } = await start({ handler: () => {}, onOpen: (c) => void opened.push(c) });
  const client = await dial();
  client.resume();
  await vi.waitFor(() => expect(opened.length).toBe(1), WAIT);
  for (let round = 0; round < 20; round++) {
    expect(opened[0]?.write(new Uint8Array(100_000))).toBe(false);
    await opened[0]?.drained();
  }
});

it("leaves frames to the handler that has them when a later one of the queue fails", async () => {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  const frames: string[] = [];
  const { dial, errors } = await start({
    handler: (frame) => {
      frames.push(frame.toString());
      frame.release();
      if (frames.length === 4) throw new Error("refused");
      return frames.length === 1 ? promise : undefined;
    },
  });
  const client = await dial();
  client.resume();
  client.write("1\n2\n3\n4\n5\n6\n");
  await vi.waitFor(() => expect(frames.length).toBe(1), WAIT);
  resolve();
  await gone(client);
  expect(frames).toEqual(["1\n", "2\n", "3\n", "4\n"]);
  expect(errors).toEqual([new Error("refused")]);
});

it.each(["onOpen", "onEnd", "onClose"] as const)("tells what %s rejects with", async (name) => {
  const { dial, errors } = await start({
    handler: (frame) => frame.release(),
    [name]: () => Promise.reject(new Error("late")),
  });
  const client = await dial();
  client.resume();
  client.end();
  await vi.waitFor(() => expect(errors).toEqual([new Error("late")]), WAIT);
});

it.each([
  () => Promise.reject(Object.assign(new Error("no such file"), { code: "ENOENT" })),
  () => Promise.reject(Object.create(null)),
] as const)("warns of what %s gives without onError", async (result) => {
  const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const { dial } = await start({
    onError: undefined,
    handler: (frame) => {
      frame.release();
      return result();
    },
  });
  const client = await dial();
  client.resume();
  client.write("a\n");
  await gone(client);
  expect(warn).toHaveBeenCalledTimes(1);
  warn.mockRestore();
});

it("ends after a long answer in a handler, and reads its peer's end", async () => {
  const { dial, service } = await start({
    stallTimeout: 0,
    handler: (frame, connection) => {
      frame.release();
      connection.write(new Uint8Array(4_000_000));
      void connection.end();
    },
  });
  const client = await dial();
  client.write("a\n");
  await turns(50);
  expect((await read(client, 4_000_000)).length).toBe(4_000_000);
  client.destroy();
  await vi.waitFor(() => expect(service.connections.size).toBe(0), WAIT);
});

it("closes an ended connection whose peer goes on sending", async () => {
  const { dial, errors } = await start({
    stallTimeout: 60,
    handler: (frame, connection) => {
      frame.release();
      void connection.end();
    },
  });
  const client = await dial();
  client.allowHalfOpen = true;
  client.resume();
  client.write("a\n");
  const timer = setInterval(() => client.write("x"), 5);
  await gone(client);
  clearInterval(timer);
  expect(errors).toEqual(["ERR_TIMEOUT"]);
});

/** Two ends in memory: what is written to one is read at the other at once. */
function pair(): [Duplex, Duplex] {
  const make = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        other().push(chunk);
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const first: Duplex = make(() => second);
  const second: Duplex = make(() => first);
  return [first, second];
}

it("keeps the bytes of connections in memory, which are read within a write", async () => {
  const { heap, pool } = newPool();
  const framer = () => lines(pool);
  const members: Connection[] = [];
  const got: string[] = [];
  const common = { pool, framer };
  const hub: ServeOptions = {
    ...common,
    onOpen: (connection) => void members.push(connection),
    onFrame: (view, offset, length) => {
      for (const member of members) member.write(view, offset, length);
    },
  };
  const ends: Duplex[] = [];
  const services = [0, 1, 2].map((index) => {
    const [here, there] = pair();
    serve(here, hub);
    ends.push(there);
    got.push("");
    return serve(there, {
      ...common,
      onFrame: (view, offset, length) => {
        got[index] += Buffer.from(view.subarray(offset, offset + length)).toString();
      },
    });
  });
  let sent = "";
  const publishers = services.map((service) => [...service.connections][0] as Connection);
  for (let index = 0; index < 300; index++) {
    const line = `${String(index).repeat(index % 50)}\n`;
    sent += line;
    publishers[0]?.write(line);
    if (index % 20 === 0) await turns(1);
  }
  await vi.waitFor(() => expect(got).toEqual([sent, sent, sent]), WAIT);
  await Promise.all(publishers.map((publisher) => publisher.end()));
  await expectNothingLeft(heap);
});

it("ends the connection whose copy finds the heap full, not the one that is read", async () => {
  const opened: Connection[] = [];
  const { dial, errors, heap, service } = await start({
    onOpen: (connection) => void opened.push(connection),
    onFrame: (view, offset, length) => {
      const malloc = vi.spyOn(heap, "malloc").mockImplementation(() => {
        throw new HeapError("ERR_HEAP_EXHAUSTED", "full");
      });
      opened[0]?.write(view, offset, length);
      opened[0]?.write(view, offset, length);
      malloc.mockRestore();
    },
  });
  const subscriber = await dial();
  subscriber.resume();
  const publisher = await dial();
  await vi.waitFor(() => expect(opened.length).toBe(2), WAIT);
  publisher.write("a\n");
  await gone(subscriber);
  expect(errors).toEqual(["ERR_HEAP_EXHAUSTED"]);
  expect([...service.connections]).toEqual([opened[1]]);
});

it("copies what was read before beside the block that the system reads into", async () => {
  const { heap, pool } = newPool();
  const { accepted, client, server } = await connected();
  const use = PoolUse.of(pool);
  const blocks: boolean[] = [];
  const member = {} as Member;
  const arrive = (length: number) => {
    if (length > 0) blocks.push(incoming.block.isShared);
    return blocks.at(-1) === true;
  };
  const incoming: Incoming = new Incoming(accepted, use, member, 2 ** 30, arrive, () => false);
  client.write(Buffer.alloc(1_000_000));
  await vi.waitFor(() => expect(blocks.at(-1)).toBe(false), WAIT);
  accepted.unshift(Buffer.alloc(40_000));
  const before = blocks.length;
  accepted.resume();
  await vi.waitFor(() => expect(blocks.length).toBeGreaterThan(before), WAIT);
  expect(blocks[before]).toBe(true);
  accepted.destroy();
  client.destroy();
  await closed(server);
  incoming.release();
  use.leave(member);
  await expectNothingLeft(heap);
});

it("ends a connection that its peer had ended before it was given", async () => {
  const { heap, pool } = newPool();
  const [here, there] = pair();
  here.resume();
  there.end();
  await once(here, "end");
  const onEnd = vi.fn();
  const service = serve(here, { pool, framer: () => lines(pool), handler: () => {}, onEnd });
  there.resume();
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledTimes(1), WAIT);
  for (const connection of service.connections) void connection.end();
  await vi.waitFor(() => expect(service.connections.size).toBe(0), WAIT);
  await expectNothingLeft(heap);
});

it("is told of its signal no more when it cannot connect", async () => {
  const { pool } = newPool();
  const { signal } = new AbortController();
  const options = { pool, signal, framer: () => lines(pool), handler: () => {} };
  await expect(connect({ port: 1, host: "127.0.0.1" }, options)).rejects.toThrow("ECONNREFUSED");
  await expect(connect({ port: -1 }, options)).rejects.toThrow();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

it("closes connections of TLS that have not shaken hands", async () => {
  const pool = new BytesPool(Heap.create({ capacity: 2 ** 20 }));
  const server = createTlsServer();
  const service = serve(server, { pool, framer: () => lines(pool), handler: () => {} });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const greeted = once(server, "connection");
  const client = dialTo((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  client.resume();
  await greeted;
  await service.close({ timeout: 10 });
  await gone(client);
});

it.each([null, 5, { timeout: -1 }, { timeout: Number.NaN }, { timeout: "1" }])(
  "refuses to close with %j",
  async (options) => {
    const { service } = await start({ handler: () => {} });
    const code = "ERR_INVALID_ARGUMENT";
    expect(() => service.close(options as never)).toThrow(expect.objectContaining({ code }));
  },
);
