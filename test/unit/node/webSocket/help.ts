import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, vi } from "vitest";
import type { BytesPool } from "../../../../src/buffers/index.js";
import { encodeFrame, OPCODE, WebSocketMessageFramer } from "../../../../src/codec/index.js";
import type { Heap } from "../../../../src/index.js";
import {
  acceptWebSocket,
  type WebSocketAcceptOptions,
  type WebSocketConnection,
} from "../../../../src/node/index.js";
import { expectNothingLeft, newPool, WAIT } from "../help.js";

export type Options = Partial<WebSocketAcceptOptions> & { readonly capacity?: number };

export interface Served {
  readonly heap: Heap;
  readonly pool: BytesPool<ArrayBuffer>;
  readonly server: Server;
  readonly port: number;
  readonly opened: WebSocketConnection[];
  /** What `onClose` was told: the code and the reason. */
  readonly closed: [number, string][];
  readonly errors: unknown[];
  /** What `acceptWebSocket` has returned, or thrown. */
  readonly results: unknown[];
}

const running: Served[] = [];
const clients: Client[] = [];

/** Sends back what comes, as text or as bytes. */
export const echo: WebSocketAcceptOptions["onMessage"] = ({ opcode, payload }, connection) => {
  connection.send(payload, { binary: opcode === OPCODE.BINARY });
};

/** A server whose upgrades are accepted. */
export async function start(
  { capacity, ...options }: Options = {},
  server: Server = createServer(),
): Promise<Served> {
  const { heap, pool } = newPool(capacity);
  const opened: WebSocketConnection[] = [];
  const closed: [number, string][] = [];
  const errors: unknown[] = [];
  const results: unknown[] = [];
  const accepting: WebSocketAcceptOptions = {
    pool,
    onMessage: echo,
    onError: (error: unknown) => errors.push((error as { code?: unknown }).code ?? error),
    closeTimeout: 20_000,
    ...options,
    onOpen(connection) {
      opened.push(connection);
      return options.onOpen?.(connection);
    },
    onClose(connection, code, reason) {
      closed.push([code, reason]);
      return options.onClose?.(connection, code, reason);
    },
  };
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
    try {
      results.push(acceptWebSocket(request, socket, head, accepting));
    } catch (error) {
      results.push(error);
      socket.destroy();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const served = { heap, pool, server, port, opened, closed, errors, results };
  running.push(served);
  return served;
}

const HEADERS = {
  Host: "localhost",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version": "13",
};

/** A request for an upgrade, of which a header may be another one or, with "", missing. */
export function requestOf(headers: Record<string, string> = {}, line: string = "GET / HTTP/1.1") {
  const all = Object.entries({ ...HEADERS, ...headers }).filter(([, value]) => value !== "");
  const lines = all.map(([name, value]) => `${name}: ${value}`);
  return [line, ...lines, "", ""].join("\r\n");
}

/** A client that writes any bytes, and reads messages. */
export class Client {
  readonly socket: Socket;
  /** The answer to the request, up to its empty line. */
  answer: string;
  /** What came: the opcode, and the text; of a close frame the code before it. */
  readonly seen: string[];
  /** Whether the server has ended its side. */
  hasEnded: boolean;
  private readonly pool: BytesPool<ArrayBuffer>;
  private readonly framer: WebSocketMessageFramer<ArrayBuffer>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.answer = "";
    this.seen = [];
    this.hasEnded = false;
    this.pool = newPool().pool;
    this.framer = new WebSocketMessageFramer(this.pool, { role: "client", maximum: 2 ** 22 });
    socket.on("error", () => {});
    socket.on("end", () => {
      this.hasEnded = true;
    });
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    clients.push(this);
  }

  /** Writes a frame as a client does. */
  send(opcode: number, payload: string | Uint8Array = "", fin: boolean = true): this {
    const header = { opcode, fin, mask: true };
    const frame = encodeFrame(this.pool, header, payload);
    this.socket.write(frame.toUnshared());
    frame.release();
    return this;
  }

  /** Writes a frame that may be wrong: it is masked with zeros. */
  raw(first: number, payload: readonly number[] = []): this {
    this.socket.write(Uint8Array.of(first, 0x80 | payload.length, 0, 0, 0, 0, ...payload));
    return this;
  }

  close(code: number, reason: string = ""): this {
    return this.send(OPCODE.CLOSE, Buffer.from([code >> 8, code & 255, ...Buffer.from(reason)]));
  }

  /** Waits for so many messages. */
  async until(count: number): Promise<readonly string[]> {
    await vi.waitFor(() => {
      if (this.seen.length < count) throw new Error(`${this.seen.length} of ${count}`);
    }, WAIT);
    return this.seen;
  }

  /** Waits until the server has ended the connection, and ends it too. */
  async ended(): Promise<readonly string[]> {
    if (!this.hasEnded && !this.socket.closed) {
      await Promise.race([once(this.socket, "end"), once(this.socket, "close")]);
    }
    this.socket.end();
    return this.seen;
  }

  private take(chunk: Buffer): void {
    let rest = chunk;
    if (!this.answer.includes("\r\n\r\n")) {
      const text = this.answer + chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      rest = end < 0 ? Buffer.alloc(0) : chunk.subarray(end + 4 - this.answer.length);
      this.answer = end < 0 ? text : text.slice(0, end + 4);
    }
    if (!this.answer.includes(" 101 ")) {
      this.answer += rest.toString("latin1");
      return;
    }
    this.framer.push(rest, (message) => {
      const { closeCode, opcode, text } = message;
      this.seen.push(opcode === OPCODE.CLOSE ? `8 ${closeCode} ${text}` : `${opcode} ${text}`);
      message.release();
    });
  }
}

/** Connects and writes a request, with what follows it. */
export async function dial(
  port: number,
  request: string = requestOf(),
  then: Uint8Array = new Uint8Array(0),
): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  const client = new Client(socket);
  socket.write(Buffer.concat([Buffer.from(request), then]));
  await vi.waitFor(() => {
    if (!client.answer.includes("\r\n\r\n") && !socket.closed) throw new Error("no answer");
  }, WAIT);
  return client;
}

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  for (const { heap, server } of running.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
    await expectNothingLeft(heap);
  }
});
