import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { vi } from "vitest";
import type { BytesPool } from "../../src/buffers/index.js";
import { encodeFrame, OPCODE, WebSocketMessageFramer } from "../../src/codec/index.js";

const WAIT = { timeout: 20_000, interval: 2 } as const;

/** A WebSocket client of the codec: the client's side of the handshake, and answers to pings. */
export class WebSocketClient {
  /** What came: texts, bytes as Buffers, and control frames as their opcode and text. */
  readonly seen: (string | Buffer)[];
  readonly socket: Socket;
  /** The code of the close frame that came; 1006 if none did. */
  closeCode: number;
  private readonly pool: BytesPool;

  private constructor(socket: Socket, pool: BytesPool, head: Buffer) {
    this.seen = [];
    this.socket = socket;
    this.closeCode = 1006;
    this.pool = pool;
    const framer = new WebSocketMessageFramer(pool, { role: "client", maximum: 2 ** 21 });
    const take = (chunk: Buffer): void => {
      framer.push(chunk, (message) => {
        const { closeCode, opcode, payload, text } = message;
        if (opcode === OPCODE.PING) this.send(OPCODE.PONG, payload.toUnshared());
        if (opcode === OPCODE.CLOSE) this.closeCode = closeCode;
        if (opcode === OPCODE.TEXT) this.seen.push(text);
        else if (opcode === OPCODE.BINARY) this.seen.push(Buffer.from(payload.toUnshared()));
        else this.seen.push(`${opcode} ${text}`);
        message.release();
      });
    };
    socket.on("error", () => {});
    socket.on("close", () => framer[Symbol.dispose]());
    if (head.length > 0) take(head);
    socket.on("data", take);
  }

  static async open(port: number, pool: BytesPool): Promise<WebSocketClient> {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": randomBytes(16).toString("base64"),
    };
    const asking = request({ host: "127.0.0.1", port, headers });
    asking.end();
    const [, socket, head] = (await once(asking, "upgrade")) as [unknown, Socket, Buffer];
    return new WebSocketClient(socket, pool, head);
  }

  send(opcode: number, payload: string | Uint8Array = "", fin: boolean = true): void {
    const frame = encodeFrame(this.pool, { opcode, fin, mask: true }, payload);
    for (const chunk of frame.chunks()) this.socket.write(Buffer.from(chunk));
    frame.release();
  }

  /** Waits for so many messages and control frames. */
  async until(count: number): Promise<readonly (string | Buffer)[]> {
    await vi.waitFor(() => {
      if (this.seen.length < count) throw new Error(`${this.seen.length} of ${count}`);
    }, WAIT);
    return this.seen;
  }
}
