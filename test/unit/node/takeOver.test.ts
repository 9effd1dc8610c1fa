import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { addAbortSignal, type Duplex } from "node:stream";
import * as tls from "node:tls";
import { describe, expect, it, vi } from "vitest";
import type { Bytes, BytesPool } from "../../../src/buffers/index.js";
import { bytesOf, readInto } from "../../../src/node/index.js";
import { TLS_CERTIFICATE, TLS_KEY } from "../../support/certificate.js";
import { expectNothingLeft, newPool, pattern, turns, WAIT } from "./help.js";
import { child, EARLY, type Ends, inMemory, KINDS, listen, pair } from "./kinds.js";

async function readAll(source: AsyncIterable<Bytes>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const bytes of source) {
    chunks.push(bytes.toUnshared());
    bytes.release();
  }
  return Buffer.concat(chunks);
}

async function finish({ socket, peer, close }: Ends): Promise<void> {
  for (const end of [socket, peer]) end.on("error", () => {}).destroy();
  await close();
}

/** Reads as `bytesOf` does, and tells whether the bytes came past "data". */
function taken(socket: Duplex, pool: BytesPool<ArrayBuffer>) {
  const connection = bytesOf(socket, pool);
  let copied = 0;
  socket.on("data", () => copied++);
  return { connection, isStraight: () => copied === 0 };
}

describe.each(KINDS)("a socket, %s,", (_name, isStraight, open) => {
  it("is read and written, and stays the same object", async () => {
    const { heap, pool } = newPool();
    const ends = await open();
    const { socket, peer } = ends;
    const { connection, isStraight: wasStraight } = taken(socket, pool);
    expect(connection.socket).toBe(socket);
    const answer: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => answer.push(chunk)).resume();
    await connection.write(pool.from(pattern(100_000, 3)));
    peer.write(pattern(100_000));
    peer.write(pattern(200_000, 7));
    const chunks = connection[Symbol.asyncIterator]();
    const got: Buffer[] = [];
    for (let length = 0; length < 300_000; ) {
      const { value } = await chunks.next();
      const bytes = value as Bytes;
      expect(bytes.length).toBeLessThanOrEqual(16_384);
      got.push(Buffer.from(bytes.toUnshared()));
      length += bytes.length;
      bytes.release();
    }
    const sent = Buffer.concat([pattern(100_000), pattern(200_000, 7)]);
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    await vi.waitFor(() => expect(Buffer.concat(answer).length).toBe(100_000), WAIT);
    expect(Buffer.concat(answer).equals(pattern(100_000, 3))).toBe(true);
    expect(wasStraight()).toBe(isStraight);
    peer.end();
    expect(await chunks.next()).toEqual({ value: undefined, done: true });
    await finish(ends);
    await expectNothingLeft(heap);
  });
});

describe.each(KINDS)("a socket that has read before, %s,", (_name, _isStraight, open) => {
  it("gives what it has read before, what was put back, and its end", async () => {
    const { heap, pool } = newPool();
    const ends = await open();
    const { socket, peer } = ends;
    peer.write("first ");
    socket.pause();
    socket.read(0);
    await vi.waitFor(() => expect(socket.readableLength).toBe(6), WAIT);
    socket.unshift("head ");
    const got = readAll(bytesOf(socket, pool));
    peer.end("second");
    expect(String(await got)).toBe("head first second");
    await finish(ends);
    await expectNothingLeft(heap);
  });

  it("is read no faster than its reader reads, also what it has read before", async () => {
    const ends = await open();
    const { socket, peer } = ends;
    peer.end(pattern(40));
    socket.pause();
    socket.read(0);
    await vi.waitFor(() => expect(socket.readableLength).toBe(40), WAIT);
    const got: number[] = [];
    const onRead = (length: number, from: Uint8Array): boolean => {
      got.push(...from.subarray(0, length));
      return false;
    };
    readInto(socket, { buffer: () => new Uint8Array(16), onRead });
    let isOver = false;
    socket.on("end", () => {
      isOver = true;
    });
    for (const expected of [16, 32, 40]) {
      await vi.waitFor(() => expect(got.length).toBe(expected), WAIT);
      await turns(3);
      expect(got.length).toBe(expected);
      expect(isOver && expected < 40).toBe(false);
      socket.resume();
    }
    await vi.waitFor(() => expect(isOver).toBe(true), WAIT);
    expect(Buffer.from(got).equals(pattern(40))).toBe(true);
    await finish(ends);
  });
});

/** Ways in which a program reads a first line itself, and then gives the socket on. */
const FIRST_LINES: Readonly<Record<string, (socket: Duplex) => Promise<AsyncIterable<Bytes>>>> = {
  async "from 'readable'"(socket) {
    await once(socket, "readable");
    expect(String(socket.read(5))).toBe("line ");
    return bytesOf(socket, pool);
  },
  "within 'data'": (socket) =>
    new Promise((resolve) => {
      socket.once("data", (chunk: Buffer) => {
        expect(String(chunk.subarray(0, 5))).toBe("line ");
        socket.unshift(chunk.subarray(5));
        resolve(bytesOf(socket, pool));
      });
    }),
  async "after 'data'"(socket) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    socket.pause().unshift(chunk.subarray(5));
    await turns(2);
    return bytesOf(socket, pool);
  },
  async "by an iterator"(socket) {
    let rest = new Uint8Array(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      rest = new Uint8Array(chunk as Buffer).subarray(5);
      break;
    }
    socket.unshift(rest);
    return bytesOf(socket, pool);
  },
};

const { heap: sharedHeap, pool } = newPool();

describe.each(KINDS)(
  "a socket of which the program read a line, %s,",
  (_name, _isStraight, open) => {
    it.each(Object.keys(FIRST_LINES))("gives the rest: %s", async (how) => {
      const ends = await open();
      const { socket, peer } = ends;
      peer.write("line and ");
      const source = FIRST_LINES[how]?.(socket.resume());
      await turns(2);
      peer.end("the rest");
      expect(String(await readAll((await source) as AsyncIterable<Bytes>))).toBe("and the rest");
      await finish(ends);
      await expectNothingLeft(sharedHeap);
    });
  },
);

describe.each(KINDS)("the end of a socket, %s,", (_name, _isStraight, open) => {
  it("comes at once if all was read before; a closed socket is refused", async () => {
    const { heap, pool } = newPool();
    const ends = await open();
    const { socket, peer } = ends;
    socket.resume();
    peer.end();
    await once(socket, "end");
    if (!socket.destroyed) expect(await readAll(bytesOf(socket, pool))).toHaveLength(0);
    socket.destroy();
    expect(() => bytesOf(socket, pool)).toThrow(expect.objectContaining({ code: "ERR_CLOSED" }));
    await finish(ends);
    await expectNothingLeft(heap);
  });

  it("comes with its reader, and an error reaches the reader", async () => {
    const { heap, pool } = newPool();
    for (const how of ["break", "error", "abort", "throw"]) {
      const ends = await open();
      const { socket, peer } = ends;
      peer.on("error", () => {});
      const control = new AbortController();
      if (how === "abort") addAbortSignal(control.signal, socket);
      if (how === "throw") {
        const onRead = (): never => {
          throw new Error("thrown");
        };
        readInto(socket, { buffer: new Uint8Array(10), onRead });
        const failed = once(socket, "error");
        peer.write("text");
        expect((await failed)[0]).toMatchObject({ message: "thrown" });
      } else {
        const chunks = bytesOf(socket, pool)[Symbol.asyncIterator]();
        const next = chunks.next();
        if (how === "break") await chunks.return?.();
        if (how === "error") socket.destroy(new Error("broken"));
        if (how === "abort") control.abort();
        if (how === "break") expect(await next).toEqual({ value: undefined, done: true });
        else await expect(next).rejects.toThrow(how === "error" ? "broken" : "aborted");
      }
      expect(socket.destroyed).toBe(true);
      await finish(ends);
    }
    await expectNothingLeft(heap);
  });
});

describe("a socket", () => {
  it.each(EARLY)("%s is read when it is connected", async (_name, open) => {
    const { heap, pool } = newPool();
    let got: Promise<Buffer> | undefined;
    let wasConnecting = false;
    const { accepted, client, close } = await pair({}, (to) => {
      const socket = open(to);
      const connection = bytesOf(socket, pool);
      got = readAll(connection);
      wasConnecting = socket.connecting;
      if (wasConnecting) void connection.write(pool.from("early"));
      return socket;
    });
    if (wasConnecting) expect(String(await once(accepted, "data"))).toBe("early");
    accepted.end(pattern(50_000));
    expect((await got)?.equals(pattern(50_000))).toBe(true);
    await finish({ socket: client, peer: accepted, close });
    await expectNothingLeft(heap);
  });

  it("that cannot connect tells its reader", async () => {
    const { heap, pool } = newPool();
    const server = net.createServer();
    const to = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const connection = bytesOf(net.connect(to), pool);
    const writing = connection.write(pool.alloc(100_000));
    await expect(readAll(connection)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect(writing).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expectNothingLeft(heap);
  });

  it("of a child process is read", async () => {
    const { heap, pool } = newPool();
    const ends = child();
    ends.peer.end(pattern(100_000));
    expect((await readAll(bytesOf(ends.socket, pool))).equals(pattern(100_000))).toBe(true);
    await finish(ends);
    await expectNothingLeft(heap);
  });
});

describe("a socket of a server", () => {
  it("keeps its settings and listeners, and its place at the server", async () => {
    const { heap, pool } = newPool();
    const ends = await pair({ allowHalfOpen: true, pauseOnConnect: true });
    const { accepted: socket, client: peer } = ends;
    const events: string[] = [];
    for (const event of ["end", "timeout", "close"]) socket.on(event, () => events.push(event));
    socket.setTimeout(1);
    const connection = bytesOf(socket, pool);
    await once(socket, "timeout");
    socket.setTimeout(0);
    peer.end("question");
    expect(String(await readAll(connection))).toBe("question");
    const answer = once(peer, "data");
    await connection.write(pool.from("answer"));
    expect(String((await answer)[0])).toBe("answer");
    connection.end();
    await once(socket, "close");
    expect(events).toEqual(["timeout", "end", "close"]);
    await new Promise((resolve) => (ends.close() as net.Server).on("close", resolve));
    await expectNothingLeft(heap);
  });

  it("shares its read memory with all others, and holds nothing while it is idle", async () => {
    const { heap, pool } = newPool(2 ** 20);
    const all = await Promise.all(
      Array.from({ length: 100 }, () => pair({ pauseOnConnect: true })),
    );
    const readers = all.map(({ accepted }) => readAll(bytesOf(accepted, pool)));
    await turns(3);
    expect(heap.stats().live.blocks).toBe(0);
    for (const [index, { client }] of all.entries()) client.end(pattern(1000 + index, index));
    for (const [index, got] of (await Promise.all(readers)).entries()) {
      expect(got.equals(pattern(1000 + index, index))).toBe(true);
    }
    for (const { accepted: socket, client: peer, close } of all) {
      await finish({ socket, peer, close });
    }
    await expectNothingLeft(heap);
  });
});

describe("readInto refuses, and takes nothing of,", () => {
  const refused = (socket: Duplex, code = "ERR_INVALID_ARGUMENT"): void => {
    const { heap, pool } = newPool();
    const before = socket.eventNames().map((name) => socket.listenerCount(name));
    const target = { buffer: new Uint8Array(8), onRead: () => true };
    expect(() => readInto(socket, target)).toThrow(expect.objectContaining({ code }));
    expect(() => bytesOf(socket, pool)).toThrow(expect.objectContaining({ code }));
    expect(socket.eventNames().map((name) => socket.listenerCount(name))).toEqual(before);
    expect(heap.stats().live.blocks).toBe(0);
  };

  it("a socket that is read by somebody else", async () => {
    for (const event of ["data", "readable"]) {
      const ends = inMemory();
      refused(ends.socket.on(event, () => {}));
    }
    const { accepted, client, close } = await pair({});
    const target = { buffer: new Uint8Array(8), onRead: () => true };
    refused(readInto(accepted, target));
    const secure = new tls.TLSSocket(client, {});
    refused(client);
    await finish({ socket: accepted, peer: secure, close });
  });

  it("a socket of HTTP", async () => {
    const server = http.createServer((request, response) => {
      refused(request.socket);
      response.end("served");
    });
    const to = (await listen(server)) as net.TcpNetConnectOpts;
    const request = http.get({ ...to, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    expect(String(await once(response, "data"))).toBe("served");
    await new Promise((resolve) => server.close(resolve));
  });

  it("a socket that has an option onread", async () => {
    const onread = { buffer: new Uint8Array(8), callback: () => true };
    const { accepted, client, close } = await pair({}, (to) => net.connect({ ...to, onread }));
    refused(client);
    await finish({ socket: client, peer: accepted, close });
  });

  it("text and objects", () => {
    refused(inMemory({ encoding: "utf8" }).socket);
    refused(inMemory({ objectMode: true }).socket);
  });

  it("a destroyed socket, whether it was ever connected or not", async () => {
    refused(new net.Socket().destroy(), "ERR_CLOSED");
    refused(inMemory().socket.destroy(), "ERR_CLOSED");
    const context = tls.createSecureContext({ key: TLS_KEY, cert: TLS_CERTIFICATE });
    refused(
      new tls.TLSSocket(inMemory().socket, { secureContext: context }).destroy(),
      "ERR_CLOSED",
    );
  });
});

describe("readInto with wrong memory", () => {
  it.each([undefined, null, 5, "text", [1], new Uint8Array(0), new Uint16Array(4)])(
    "destroys the socket if the function returns %o",
    async (buffer) => {
      for (const isStraight of [true, false]) {
        const ends = isStraight
          ? await pair({}).then(({ accepted: socket, client: peer, close }) => ({
              socket,
              peer,
              close,
            }))
          : inMemory();
        let asked = 0;
        const next = (): Uint8Array => (asked++ === 0 ? new Uint8Array(2) : (buffer as Uint8Array));
        const socket = readInto(ends.socket, { buffer: next, onRead: () => true });
        const failed = once(socket, "error");
        ends.peer.write("much text");
        expect((await failed)[0]).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
        await finish(ends);
      }
    },
  );
});
