import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as dialTls, TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { Bytes, BytesPool } from "../../../src/buffers/index.js";
import { DelimiterFramer, FixedFramer } from "../../../src/codec/index.js";
import { type Connection, type ServeOptions, serve } from "../../../src/node/index.js";
import { TLS_CERTIFICATE, TLS_KEY } from "../../support/certificate.js";
import { expectNothingLeft, newPool, turns } from "./help.js";

const MANY = 200_000;

function line(pool: BytesPool): DelimiterFramer {
  return new DelimiterFramer(pool, { delimiter: "\n", maximum: 100_000 });
}

interface Opened {
  readonly client: Socket;
  readonly errors: unknown[];
  readonly closed: unknown[];
  /** Closes all, and checks that nothing is left and that one connection was told of. */
  finish(): Promise<void>;
}

/** Opens a connection, whose lines are handed to `act`. */
async function open(
  act: (text: string, connection: Connection, pool: BytesPool) => unknown,
  options: Partial<ServeOptions> = {},
): Promise<Opened> {
  const { heap, pool } = newPool();
  const [errors, closed]: unknown[][] = [[], []];
  const server = createServer();
  const service = serve(server, {
    pool,
    framer: () => line(pool),
    handler: (frame: Bytes, connection) => {
      const text = frame.toString();
      frame.release();
      return act(text, connection, pool);
    },
    onError: (error) => errors?.push((error as { code?: unknown }).code ?? error),
    onClose: (connection) => closed?.push(connection),
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = dial((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  await once(client, "connect");
  const finish = async (): Promise<void> => {
    client.destroy();
    await service.close();
    expect(errors).toEqual([]);
    expect(closed).toHaveLength(1);
    await expectNothingLeft(heap);
  };
  return { client, errors: errors as unknown[], closed: closed as unknown[], finish };
}

async function read(stream: Duplex, bytes: number): Promise<string> {
  let text = "";
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.length >= bytes) break;
  }
  return text;
}

describe("STARTTLS", () => {
  it.each([
    ["waits for the answer", true],
    ["sends its first bytes with the line", false],
  ])("goes on with TLS, if the client %s", async (_name, waits) => {
    const sockets: TLSSocket[] = [];
    const world = await open((text, connection, pool) => {
      connection.write(`${text} ok\n`);
      if (text !== "STARTTLS") return;
      const socket = connection.detach();
      expect(connection.isOpen).toBe(false);
      const more = { isServer: true, key: TLS_KEY, cert: TLS_CERTIFICATE };
      const secure = new TLSSocket(socket as Socket, more);
      sockets.push(secure);
      secure.on("error", () => {});
      serve(secure, {
        pool,
        framer: () => line(pool),
        handler: (frame, peer) => {
          peer.write(`secure ${frame}\n`);
          frame.release();
        },
      });
    });
    const { client } = world;
    client.write("HELLO\n");
    expect(await read(client, 9)).toBe("HELLO ok\n");
    client.write("STARTTLS\n");
    // The answer comes in the clear, before what the server's TLS sends.
    if (waits) expect(await read(client, 12)).toBe("STARTTLS ok\n");
    else await once(client, "readable").then(() => client.read(12));
    const secure = dialTls({ socket: client, rejectUnauthorized: false });
    secure.write(`one\n${"x".repeat(50_000)}\n`);
    expect(await read(secure, 50_019)).toBe(`secure one\nsecure ${"x".repeat(50_000)}\n`);
    secure.destroy();
    for (const socket of sockets) socket.destroy();
    await turns(3);
    await world.finish();
  });
});

describe("a detached socket", () => {
  it.each(["handler", "promise", "onFrame"])("has every byte once, %s", async (way) => {
    const sent = Array.from({ length: MANY }, (_, at) => (at % 10).toString()).join("");
    for (const kept of [0, 5]) {
      let taken: Duplex | undefined;
      const detach = (connection: Connection): void => {
        connection.write("bye\n");
        taken = connection.detach();
        expect(taken.isPaused()).toBe(true);
      };
      const options: Partial<ServeOptions> = {
        handler: undefined,
        onFrame: (_view, _offset, _length, connection) => detach(connection),
      };
      const world = await open(
        (_text, connection) => {
          if (way === "promise") return turns(kept + 1).then(() => detach(connection));
          return detach(connection);
        },
        way === "onFrame" ? options : {},
      );
      world.client.write(`go\n${sent.slice(0, kept)}`);
      if (kept > 0) await turns(2);
      world.client.end(sent.slice(kept));
      expect(await read(world.client, 4)).toBe("bye\n");
      const socket = taken as unknown as Duplex;
      let got = "";
      for await (const chunk of socket) got += chunk;
      expect(got === sent).toBe(true);
      socket.destroy();
      await world.finish();
    }
  });

  it("may go to a server of HTTP", async () => {
    const http = createHttpServer((_request, response) => response.end("hello"));
    const world = await open((text, connection) => {
      if (text === "HTTP") http.emit("connection", connection.detach());
    });
    world.client.write("HTTP\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await read(world.client, 300)).toContain("hello");
    await world.finish();
  });

  it("may be a stream in memory, also within a long chunk", async () => {
    const { heap, pool } = newPool();
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const sent = Buffer.from(`go\n${"0123456789".repeat(30_000)}`);
    let taken: Duplex | undefined;
    serve(stream, {
      pool,
      framer: () => line(pool),
      handler: (frame, connection) => {
        frame.release();
        taken = connection.detach();
      },
    });
    stream.push(sent);
    stream.push(null);
    await turns(2);
    expect(taken).toBe(stream);
    expect((await read(stream, 300_000)) === sent.toString().slice(3)).toBe(true);
    stream.destroy();
    await expectNothingLeft(heap);
  });
});

describe("detach", () => {
  it("is refused if the connection is not open, or another framer has the bytes", async () => {
    const codes: unknown[] = [];
    const attempt = (connection: Connection): void => {
      try {
        connection.detach();
        codes.push("detached");
      } catch (error) {
        codes.push((error as { code?: unknown }).code);
      }
    };
    const world = await open((_text, connection, pool) => {
      connection.switchTo(new FixedFramer(pool, 2));
      attempt(connection);
      void connection.end();
      attempt(connection);
    });
    world.client.write("go\n");
    await once(world.client.resume(), "close");
    expect(codes).toEqual(["ERR_INVALID_ARGUMENT", "ERR_CLOSED"]);
    await world.finish();
  });
});
