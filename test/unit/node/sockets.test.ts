import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough, pipeline, Transform } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import type { Bytes } from "../../../src/buffers/index.js";
import {
  bytesOf,
  duplexOf,
  NodeBufferPool,
  readBytes,
  readInto,
  writeAndFree,
  writeBytes,
} from "../../../src/node/index.js";
import {
  arrived,
  closed,
  connected,
  expectNothingLeft,
  fill,
  newPool,
  pattern,
  turns,
  WAIT,
} from "./help.js";

async function collect(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total < length) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    chunks.push(chunk);
    total += chunk.length;
  }
  return Buffer.concat(chunks);
}

describe("readInto", () => {
  it("reads to one buffer, which may be a block", async () => {
    const { heap } = newPool();
    const pool = new NodeBufferPool(heap);
    const buffer = pool.allocUnsafe(1000);
    const { server, accepted, client } = await connected();
    const got: Buffer[] = [];
    const socket = readInto(accepted, {
      buffer,
      onRead(length, to) {
        expect(to).toBe(buffer);
        got.push(Buffer.from(to.subarray(0, length)));
        return true;
      },
    });
    client.end(pattern(5000));
    await once(socket, "end");
    expect(Buffer.concat(got).equals(pattern(5000))).toBe(true);
    expect(got.every(({ length }) => length <= 1000)).toBe(true);
    socket.end();
    await closed(server);
    pool.free(buffer);
    await expectNothingLeft(heap);
  });

  it("asks for a buffer before each read, and pauses on false", async () => {
    const { server, accepted, client } = await connected();
    const buffers: Uint8Array[] = [];
    let reads = 0;
    const socket = readInto(accepted, {
      buffer: () => {
        const buffer = new Uint8Array(10);
        buffers.push(buffer);
        return buffer;
      },
      onRead() {
        reads++;
        return false;
      },
    });
    client.write(pattern(30));
    await vi.waitFor(() => expect(reads).toBe(1), WAIT);
    socket.resume();
    await vi.waitFor(() => expect(reads).toBe(2), WAIT);
    expect(buffers.length).toBeGreaterThanOrEqual(2);
    client.destroy();
    socket.destroy();
    await closed(server);
  });
});

describe("readInto a socket that cannot be taken over", () => {
  it("copies what it reads", async () => {
    const stream = new PassThrough() as unknown as Socket;
    Object.assign(stream, { _handle: null });
    const buffer = new Uint8Array(16);
    const got: number[] = [];
    const socket = readInto(stream, {
      buffer,
      onRead(length, from) {
        got.push(...from.subarray(0, length));
        return true;
      },
    });
    expect(socket).toBe(stream);
    stream.write(pattern(100));
    await vi.waitFor(() => expect(got.length).toBe(100), WAIT);
    expect(Buffer.from(got).equals(pattern(100))).toBe(true);
  });

  it("copies no further than the reader reads", async () => {
    const stream = new PassThrough() as unknown as Socket;
    Object.assign(stream, { _handle: null });
    const got: number[] = [];
    const socket = readInto(stream, {
      buffer: () => new Uint8Array(16),
      onRead(length, from) {
        got.push(...from.subarray(0, length));
        return false;
      },
    });
    stream.write(pattern(40));
    for (const expected of [16, 32, 40]) {
      await vi.waitFor(() => expect(got.length).toBe(expected), WAIT);
      socket.resume();
    }
    expect(Buffer.from(got).equals(pattern(40))).toBe(true);
  });
});

describe("bytesOf", () => {
  it("echoes what came, and leaves nothing behind", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    const echo = (async () => {
      for await (const bytes of connection) await connection.write(bytes);
      connection.end();
    })();
    const sent = pattern(1_000_000);
    const back = collect(client, sent.length);
    for (let at = 0; at < sent.length; at += 33_333) client.write(sent.subarray(at, at + 33_333));
    expect((await back).equals(sent)).toBe(true);
    client.end();
    await echo;
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("pauses for a slow reader: few chunks wait", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool, 4096);
    const sent = pattern(4_000_000);
    client.write(sent);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heap.stats().live.bytes).toBeLessThan(18 * 8192);
    const got: Buffer[] = [];
    let length = 0;
    for await (const bytes of connection) {
      got.push(Buffer.from(bytes.toUnshared()));
      length += bytes.length;
      bytes.release();
      if (length === sent.length) break;
    }
    expect(Buffer.concat(got).equals(sent)).toBe(true);
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("releases what waits when the reader stops, and ends the connection", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool, 64);
    client.write(pattern(10_000));
    for await (const bytes of connection) {
      bytes.release();
      break;
    }
    await new Promise((resolve) => client.once("close", resolve));
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("throws the error of the socket after the chunks that came before it", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    client.write("last words");
    await arrived(connection.socket, 10);
    connection.socket.destroy(new Error("broken"));
    const got: string[] = [];
    const reading = (async () => {
      for await (const bytes of connection) {
        got.push(bytes.toString());
        bytes.release();
      }
    })();
    await expect(reading).rejects.toThrow("broken");
    expect(got).toEqual(["last words"]);
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });
});

describe("write of bytesOf", () => {
  it("refuses bytes when the connection was ended or closed, and releases them", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    client.resume();
    await connection.write(pool.from("in time"));
    connection.end();
    await expect(connection.write(pool.from("late"))).rejects.toMatchObject({ code: "ERR_CLOSED" });
    client.write("still read");
    for await (const bytes of connection) {
      expect(bytes.toString()).toBe("still read");
      bytes.release();
      break;
    }
    await expect(connection.write(pool.from("late"))).rejects.toMatchObject({ code: "ERR_CLOSED" });
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("hands out no chunk while much waits for a peer that does not read", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    client.pause();
    const sent = Buffer.alloc(12_000_000, 65);
    client.end(sent);
    const echoed = (async () => {
      for await (const bytes of connection) void connection.write(bytes);
      connection.end();
    })();
    await turns(500);
    expect(heap.stats().live.bytes).toBeLessThan(600_000);
    let got = 0;
    for await (const chunk of client) got += (chunk as Buffer).length;
    expect(got).toBe(sent.length);
    await echoed;
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("refuses bytes that waited when the connection failed", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    const waiting = fill(connection, pool);
    const refused = expect(waiting).rejects.toThrow("broken");
    connection.socket.destroy(new Error("broken"));
    await refused;
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("resolves a write that waited when the connection is ended after it", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    const waiting = connection.write(pool.alloc(4_000_000));
    connection.end();
    const back = collect(client, 4_000_000);
    await waiting;
    expect((await back).length).toBe(4_000_000);
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });
});

describe("writes", () => {
  it("copy for a stream that passes its input on", async () => {
    const { heap, pool } = newPool();
    const buffers = new NodeBufferPool(heap);
    const whole = pool.from("in one part ");
    const second = pool.from("in two");
    const chain = whole.concat(second);
    second.release();
    const through = new PassThrough();
    writeAndFree(through, buffers, buffers.from("of a pool "));
    writeBytes(through, whole);
    writeBytes(through, chain);
    const after = [10, 12, 6, 18].map((length) => pool.from("X".repeat(length)));
    let got = "";
    for (let chunk = through.read(); chunk !== null; chunk = through.read()) got += String(chunk);
    expect(got).toBe("of a pool in one part in one part in two");
    for (const bytes of after) bytes.release();
    await expectNothingLeft(heap);
  });

  it("release memory once the system has it, also with a slow reader", async () => {
    const { heap, pool } = newPool(2 ** 25);
    const { server, accepted, client } = await connected();
    const sent = pattern(6_000_000);
    const isRoomLeft = writeBytes(accepted, pool.from(sent));
    expect(isRoomLeft).toBe(false);
    expect(heap.stats().live.blocks).toBe(1);
    expect((await collect(client, sent.length)).equals(sent)).toBe(true);
    await expectNothingLeft(heap);
    const parts = [pool.from("a"), pool.from("bc"), pool.from("def")] as const;
    const chain = parts[0].concat(parts[1], parts[2]);
    for (const part of parts) part.release();
    writeBytes(accepted, chain);
    expect(String(await collect(client, 6))).toBe("abcdef");
    writeBytes(accepted, pool.alloc(0));
    const buffers = new NodeBufferPool(heap);
    const buffer = buffers.from("buffer");
    writeAndFree(accepted, buffers, buffer);
    expect(String(await collect(client, 6))).toBe("buffer");
    await expectNothingLeft(heap);
    accepted.destroy();
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });

  it("release memory that a failed socket never took", async () => {
    const { heap, pool } = newPool(2 ** 25);
    const { server, accepted, client } = await connected();
    accepted.on("error", () => {});
    for (let count = 0; count < 4; count++) writeBytes(accepted, pool.from(pattern(3_000_000)));
    client.destroy();
    accepted.destroy();
    writeBytes(accepted, pool.from("too late"));
    await closed(server);
    await expectNothingLeft(heap);
  });
});

describe("duplexOf", () => {
  it("works at both ends of a pipeline", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const duplex = duplexOf(accepted, pool);
    const upper = new Transform({
      objectMode: true,
      transform(bytes: Bytes, _encoding, done) {
        const text = bytes.toString().toUpperCase();
        bytes.release();
        done(null, pool.from(text));
      },
    });
    const ended = new Promise((resolve) => pipeline(duplex, upper, duplex, resolve));
    client.end("shout this");
    expect(String(await collect(client, 10))).toBe("SHOUT THIS");
    expect(await ended).toBeUndefined();
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });
});

it("readBytes takes chunks of any stream", async () => {
  const { heap, pool } = newPool();
  const stream = new PassThrough();
  stream.end("some text");
  let text = "";
  for await (const bytes of readBytes(stream, pool)) {
    text += bytes.toString();
    bytes.release();
  }
  expect(text).toBe("some text");
  await expectNothingLeft(heap);
});
