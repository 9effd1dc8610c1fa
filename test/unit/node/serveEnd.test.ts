import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { DelimiterFramer } from "../../../src/codec/index.js";
import { connect, type ServeOptions, serve } from "../../../src/node/index.js";
import { expectNothingLeft, newPool, turns, WAIT } from "./help.js";
import { echo, gone, lines, type Options, read, start } from "./serveHelp.js";

it("answers what was received before it closes", async () => {
  let settle: (() => void) | undefined;
  const { dial, server, service } = await start({
    handler: async (line, connection) => {
      await new Promise<void>((resolve) => {
        settle = resolve;
      });
      connection.write(line);
    },
  });
  const [busy, idle] = [await dial(), await dial()];
  busy.write("x\n");
  await vi.waitFor(() => expect(settle).toBeDefined(), WAIT);
  const done = service.close();
  await gone(idle.resume());
  settle?.();
  expect(await read(busy, 99)).toBe("x\n");
  await done;
  expect(server.listening).toBe(false);
  expect(service.connections.size).toBe(0);
});

it.each(["handler", "promise", "onFrame"])(
  "hands out a last line without its end, %s",
  async (way) => {
    const options: Options = {
      handler: (line, connection) => {
        if (way === "promise") return turns(2).then(() => connection.write(line));
        return connection.write(line);
      },
      ...(way === "onFrame" && {
        handler: undefined,
        onFrame: (view, offset, length, connection) => connection.write(view, offset, length),
      }),
    };
    for (const delimiter of ["\n", ["\r\n", "\n", "\r"]]) {
      const memory = newPool();
      const served = await start({
        ...options,
        pool: memory.pool,
        framer: () => {
          const more = { maximum: 99, strip: false, unended: "frame" } as const;
          return new DelimiterFramer(memory.pool, { delimiter, ...more });
        },
      });
      for (const end of ["last", "last\r"]) {
        const client = await served.dial();
        client.end(`one\n${end}`);
        expect(await read(client, 99)).toBe(`one\n${end}`);
      }
      expect(served.errors).toEqual([]);
      await served.service.close();
      await expectNothingLeft(memory.heap);
    }
  },
);

it("ends with what was received before, also what waits for a handler", async () => {
  const { dial, errors, service } = await start({
    handler: async (line, connection) => {
      await turns(1);
      connection.write(line);
    },
  });
  const client = await dial();
  client.write("1\n2\n3\n4\npart");
  await once(client, "readable");
  const done = service.close();
  expect(await read(client, 99)).toBe("1\n2\n3\n4\n");
  client.end();
  await done;
  expect(errors).toEqual([]);
});

it.each([
  ["at once", 0],
  ["later", 2],
])("a handler may await the end of its connection, %s", async (_, wait) => {
  const handled: string[] = [];
  const { dial, errors, service } = await start({
    async handler(line, connection) {
      handled.push(line.toString());
      line.release();
      if (wait > 0) await turns(wait);
      connection.write("bye\n");
      await connection.end();
      handled.push("ended");
    },
  });
  const client = await dial();
  client.write("one\ntwo\nthree");
  expect(await read(client, 99)).toBe("bye\n");
  client.end();
  await vi.waitFor(() => expect(service.connections.size).toBe(0), WAIT);
  await vi.waitFor(() => expect(handled).toEqual(["one\n", "ended"]), WAIT);
  expect(errors).toEqual([]);
});

it("closes after a time what does not end by itself", async () => {
  const { dial, service } = await start({
    handler: (line) => {
      line.release();
      return new Promise(() => {});
    },
  });
  const client = await dial();
  client.write("x\n");
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  await turns(5);
  await service.close({ timeout: 20 });
  await gone(client.resume());
});

it("closes everything at once when its signal is aborted", async () => {
  const stop = new AbortController();
  const { dial, errors, server, service } = await start({ ...echo, signal: stop.signal });
  const client = await dial();
  client.write("x".repeat(5000));
  await vi.waitFor(() => expect(service.connections.size).toBe(1), WAIT);
  stop.abort();
  await gone(client.resume());
  await service.close();
  expect(server.listening).toBe(false);
  expect(errors).toEqual([]);
});

it("takes no connection with a signal that was aborted", async () => {
  const { pool } = newPool();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  serve(server, { pool, framer: () => lines(pool), ...echo, signal: AbortSignal.abort() });
  await gone(server);
});

describe("what serve refuses", () => {
  const { pool } = newPool();
  const right = { pool, framer: () => lines(pool), handler: () => {} };
  const wrong: readonly [string, unknown, unknown][] = [
    ["nothing", undefined, right],
    ["a number", 5, right],
    ["a server of HTTP", createHttpServer(), right],
    ["no options", createServer(), undefined],
    ["no pool", createServer(), { ...right, pool: {} }],
    ["a framer that is no function", createServer(), { ...right, framer: lines(pool) }],
    ["no handler", createServer(), { ...right, handler: undefined }],
    ["two handlers", createServer(), { ...right, onFrame: () => {} }],
    ["a handler that is no function", createServer(), { ...right, handler: 5 }],
    ["a signal that is none", createServer(), { ...right, signal: {} }],
    ["a negative time", createServer(), { ...right, idleTimeout: -1 }],
    ["a time that is no number", createServer(), { ...right, stallTimeout: "1" }],
    ["an unknown option", createServer(), { ...right, idleTimout: 5 }],
    ["a maximum of 0", createServer(), { ...right, maximum: 0 }],
    ["a quota that is no integer", createServer(), { ...right, quota: 1.5 }],
  ];

  it.each(wrong)("%s", (_, source, options) => {
    const error = expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" });
    expect(() => serve(source as Server, options as ServeOptions)).toThrow(error);
  });

  it("one framer for several connections", async () => {
    const { pool: own } = newPool();
    const framer = lines(own);
    const { dial, errors } = await start({ ...echo, pool: own, framer: () => framer });
    const first = await dial();
    await gone((await dial()).resume());
    expect(errors).toEqual(["ERR_INVALID_ARGUMENT"]);
    first.write("x\n");
    expect(await read(first, 2)).toBe("x\n");
  });
});

describe("connect", () => {
  it("opens a connection, whose frames it hands out", async () => {
    const { pool, server } = await start(echo);
    const got: string[] = [];
    const connection = await connect(
      { port: (server.address() as AddressInfo).port, host: "127.0.0.1" },
      {
        pool,
        framer: () => lines(pool),
        handler: (line) => {
          got.push(line.toString());
          line.release();
        },
      },
    );
    connection.write("a\nb\n");
    await vi.waitFor(() => expect(got).toEqual(["a\n", "b\n"]), WAIT);
    connection.end();
    await gone(connection.socket);
    expect(connection.isOpen).toBe(false);
  });

  it("rejects when it cannot connect, or is aborted", async () => {
    const { pool, server, service } = await start(echo);
    const { port } = server.address() as AddressInfo;
    const options = { pool, framer: () => lines(pool), ...echo };
    const aborted = { ...options, signal: AbortSignal.abort(new Error("mine")) };
    await expect(connect({ port, host: "127.0.0.1" }, aborted)).rejects.toThrow("mine");
    await service.close();
    const refused = connect({ port, host: "127.0.0.1" }, options);
    await expect(refused).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(() => connect(5 as never, options)).toThrow("target");
  });
});
