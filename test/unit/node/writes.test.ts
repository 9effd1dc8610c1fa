import { once } from "node:events";
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as stream from "node:stream";
import { describe, expect, it, vi } from "vitest";
import type { BytesPool } from "../../../src/buffers/index.js";
import type { Heap } from "../../../src/index.js";
import {
  bytesOf,
  NodeBufferPool,
  writeAndFree,
  writeBytes,
  writeThen,
} from "../../../src/node/index.js";
import { expectNothingLeft, fill, newPool, pattern, turns, WAIT } from "./help.js";
import { type Ends, inMemory, KINDS, listen, pair } from "./kinds.js";

async function finish({ socket, peer, close }: Ends): Promise<void> {
  for (const end of [socket, peer]) end.on("error", () => {}).destroy();
  await close();
}

const LARGE = pattern(3_000_000);
const TEXT = "one two three four five six ";

/** Writes in every way, corked and not, several times in one turn. */
function writeAll(target: stream.Writable, heap: Heap, pool: BytesPool<ArrayBuffer>): string {
  const buffers = new NodeBufferPool(heap);
  const parts = ["four ", "five "].map((text) => pool.from(text));
  const [four, five] = parts as [(typeof parts)[0], (typeof parts)[0]];
  writeBytes(target, pool.from("one "));
  writeAndFree(target, buffers, buffers.from("two "));
  const three = pool.from("three ");
  writeThen(target, three.view(), () => three.release());
  target.cork();
  writeBytes(target, four.concat(five));
  writeBytes(target, pool.alloc(0));
  target.uncork();
  target.cork();
  writeBytes(target, pool.from("six "));
  process.nextTick(() => target.uncork());
  for (const part of parts) part.release();
  return TEXT;
}

/** Makes blocks that lie where bytes lay that were released, and writes over them. */
async function overwrite(pool: BytesPool<ArrayBuffer>): Promise<void> {
  await turns(3);
  const others = [4, 5, 6, 8, 10, 28].flatMap((length) =>
    Array.from({ length: 4 }, () => pool.from("X".repeat(length))),
  );
  for (const bytes of others) bytes.release();
}

describe.each(KINDS)("writes to a socket, %s,", (_name, _isStraight, open) => {
  it("arrive whole, and everything is released", async () => {
    const { heap, pool } = newPool();
    const ends = await open();
    const { socket, peer } = ends;
    socket.resume();
    const text = writeAll(socket, heap, pool);
    writeBytes(socket, pool.from(LARGE));
    writeBytes(socket, pool.from("after"));
    await overwrite(pool);
    const chunks: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => chunks.push(chunk)).resume();
    socket.end();
    await once(peer, "end");
    const sent = Buffer.concat([Buffer.from(text), LARGE, Buffer.from("after")]);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    await expectNothingLeft(heap);
    await finish(ends);
  });

  it("are released once when it fails, was destroyed, was ended, or stays corked", async () => {
    for (const how of ["fails", "destroyed", "ended", "corked"]) {
      const { heap, pool } = newPool();
      const ends = await open();
      const { socket, peer } = ends;
      for (const end of [socket, peer]) end.on("error", () => {});
      if (how === "destroyed") socket.destroy();
      if (how === "ended") socket.end();
      if (how === "corked") socket.cork();
      for (let count = 0; count < 3; count++) writeBytes(socket, pool.alloc(1_000_000));
      writeAll(socket, heap, pool);
      socket.destroy(how === "fails" ? new Error("failed") : undefined);
      writeAll(socket, heap, pool);
      await expectNothingLeft(heap);
      await finish(ends);
    }
  });
});

describe.each(KINDS)("write of bytesOf, %s,", (_name, _isStraight, open) => {
  it("waits for room with one set of listeners", async () => {
    const { heap, pool } = newPool();
    const ends = await open();
    const { socket, peer } = ends;
    const connection = bytesOf(socket, pool);
    const count = (): number =>
      ["drain", "finish", "error", "close"].reduce(
        (sum, event) => sum + socket.listenerCount(event),
        0,
      );
    const before = count();
    const size = 100_000;
    const first = connection.write(pool.alloc(20 * size));
    const all = [first, ...Array.from({ length: 30 }, () => connection.write(pool.alloc(size)))];
    expect(count()).toBeLessThanOrEqual(before + 5);
    const listeners = count();
    peer.resume();
    await Promise.all(all);
    expect(count()).toBeLessThanOrEqual(listeners);
    await finish(ends);
    await expectNothingLeft(heap);
  });

  it("settles when it is ended or fails, and nobody needs to await it", async () => {
    for (const how of ["ended", "failed"]) {
      const { heap, pool } = newPool();
      const ends = await open();
      const { socket, peer } = ends;
      const connection = bytesOf(socket, pool);
      peer.on("error", () => {});
      const writing = fill(connection, pool);
      if (how === "ended") {
        connection.end();
        peer.resume();
        await writing;
      } else {
        socket.destroy(new Error("failed"));
        // Nobody looks at this one.
        void connection.write(pool.from("too late"));
        const late = connection.write(pool.from("too late"));
        await expect(writing).rejects.toThrow("failed");
        await expect(late).rejects.toThrow("failed");
      }
      await finish(ends);
      await expectNothingLeft(heap);
    }
  });
});

it("write of bytesOf is refused by a stream that fails and is not destroyed", async () => {
  const { heap, pool } = newPool();
  const socket = new stream.Duplex({
    autoDestroy: false,
    read() {},
    write: (_chunk, _encoding, done) => setImmediate(done, new Error("failed")),
  });
  const connection = bytesOf(socket, pool);
  await expect(connection.write(pool.alloc(100_000))).rejects.toThrow("failed");
  await expect(connection.write(pool.alloc(100_000))).rejects.toThrow("failed");
  await expect(connection[Symbol.asyncIterator]().next()).rejects.toThrow("failed");
  await expectNothingLeft(heap);
});

class Collector extends net.Socket {
  private readonly kept: Uint8Array[];
  constructor(kept: Uint8Array[]) {
    super();
    this.kept = kept;
  }
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.kept.push(chunk);
    done();
  }
  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.kept.push(...chunks.map(({ chunk }) => chunk));
    done();
  }
}

const { compose: composed } = stream as unknown as {
  compose(...streams: stream.Duplex[]): stream.Duplex;
};

const web = (): TransformStream =>
  new TransformStream(undefined, { highWaterMark: 99 }, { highWaterMark: 99 });

/** Streams that pass on what they are given: where to write, and where it comes out. */
const RELAYS: readonly [name: string, open: () => [stream.Writable, stream.Readable]][] = [
  [
    "PassThrough",
    () => {
      const both = new stream.PassThrough();
      return [both, both];
    },
  ],
  [
    "two streams in memory",
    () => {
      const { socket, peer } = inMemory();
      return [socket, peer];
    },
  ],
  [
    "compose",
    () => {
      const both = composed(new stream.PassThrough(), new stream.PassThrough());
      return [both, both];
    },
  ],
  [
    "Writable.fromWeb",
    () => {
      const { readable, writable } = web();
      type Web = Parameters<typeof stream.Readable.fromWeb>[0];
      return [stream.Writable.fromWeb(writable), stream.Readable.fromWeb(readable as Web)];
    },
  ],
];

type Done = (error: null, value: number) => void;

/** Returns functions of `fs` that keep what they are given. */
function ownFs(kept: Uint8Array[]) {
  return {
    open: (_path: string, _flags: string, _mode: number, done: Done) => done(null, 1),
    close: (_fd: number, done: Done) => done(null, 0),
    write(_fd: number, chunk: Uint8Array, _from: number, length: number, _at: number, done: Done) {
      kept.push(chunk);
      done(null, length);
    },
  };
}

/** Streams that keep what they are given. */
const COLLECTORS: readonly [name: string, open: (kept: Uint8Array[]) => stream.Writable][] = [
  [
    "a Writable",
    (kept) =>
      new stream.Writable({ write: (chunk, _encoding, done) => [kept.push(chunk), done()] }),
  ],
  ["a file of another fs", (kept) => createWriteStream("none", { fs: ownFs(kept) })],
  [
    "a socket with a write of its own",
    (kept) => Object.assign(new net.Socket(), { write: (chunk: Buffer) => kept.push(chunk) > 0 }),
  ],
  ["a subclass of Socket", (kept) => new Collector(kept)],
];

describe("writes to a stream that passes on or keeps what it is given are copied", () => {
  it.each(RELAYS)("to %s", async (_name, open) => {
    const { heap, pool } = newPool();
    const [target, source] = open();
    const text = writeAll(target, heap, pool);
    expect(heap.stats().live.blocks).toBe(0);
    await overwrite(pool);
    let got = "";
    source.on("data", (chunk) => {
      got += String(Buffer.from(chunk));
    });
    await vi.waitFor(() => expect(got).toBe(text), WAIT);
    await expectNothingLeft(heap);
  });

  it.each(COLLECTORS)("to %s", async (_name, open) => {
    const { heap, pool } = newPool();
    const kept: Uint8Array[] = [];
    const text = writeAll(open(kept), heap, pool);
    await overwrite(pool);
    expect(String(Buffer.concat(kept))).toBe(text);
    await expectNothingLeft(heap);
  });
});

describe("writes to a file", () => {
  it("arrive whole, and everything is released", async () => {
    const folder = mkdtempSync(join(tmpdir(), "hakmem-writes-"));
    const { heap, pool } = newPool();
    const path = join(folder, "file");
    const file = createWriteStream(path);
    const text = writeAll(file, heap, pool);
    writeBytes(file, pool.from(LARGE));
    await overwrite(pool);
    file.end();
    await once(file, "close");
    const sent = Buffer.concat([Buffer.from(text), LARGE]);
    expect(readFileSync(path).equals(sent)).toBe(true);
    await expectNothingLeft(heap);
    const missing = createWriteStream(join(folder, "none", "file"));
    const failed = once(missing, "error");
    writeAll(missing, heap, pool);
    await failed;
    await expectNothingLeft(heap);
    rmSync(folder, { recursive: true });
  });
});

describe("writes to HTTP", () => {
  it("arrive whole in requests and responses, and everything is released", async () => {
    const { heap, pool } = newPool();
    const server = http.createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      expect(String(Buffer.concat(chunks))).toBe(TEXT);
      writeAll(response, heap, pool);
      await overwrite(pool);
      response.end();
    });
    const to = (await listen(server)) as net.TcpNetConnectOpts;
    const request = http.request({ ...to, method: "POST", agent: false });
    writeAll(request, heap, pool);
    await overwrite(pool);
    request.end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let got = "";
    for await (const chunk of response) got += chunk;
    expect(got).toBe(TEXT);
    await new Promise((resolve) => server.close(resolve));
    await expectNothingLeft(heap);
  });

  it("are released when the connection is closed, and by a response without a body", async () => {
    const { heap, pool } = newPool();
    const server = http.createServer((request, response) => {
      response.on("error", () => {});
      writeAll(response, heap, pool);
      if (request.method === "HEAD") return response.end();
      request.socket.destroy();
      return writeAll(response, heap, pool);
    });
    const to = (await listen(server)) as net.TcpNetConnectOpts;
    for (const method of ["GET", "HEAD"]) {
      const request = http.request({ ...to, method, agent: false }).end();
      await Promise.race([once(request, "error"), once(request, "response")]).catch(() => {});
      request.destroy();
    }
    await new Promise((resolve) => server.close(resolve));
    await expectNothingLeft(heap);
  });
});

it("a write to a plain socket shares its memory until the system has it", async () => {
  const { heap, pool } = newPool(2 ** 25);
  const { accepted: socket, client: peer, close } = await pair({ pauseOnConnect: true });
  peer.pause();
  writeBytes(socket, pool.alloc(16_000_000));
  expect(heap.stats().live.blocks).toBe(1);
  const chain = pool.from("a").concat(pool.from("b"));
  writeBytes(socket, chain);
  expect(chain.isReleased).toBe(false);
  socket.destroy();
  await vi.waitFor(() => expect(chain.isReleased).toBe(true), WAIT);
  await finish({ socket, peer, close });
  expect(heap.stats().live.blocks).toBe(2);
});
