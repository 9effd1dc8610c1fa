import { once } from "node:events";
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server,
  type Socket,
} from "node:net";
import type { Duplex } from "node:stream";
import { afterEach } from "vitest";
import type { Bytes, BytesPool } from "../../../src/buffers/index.js";
import { DelimiterFramer, type Framer } from "../../../src/codec/index.js";
import type { Heap } from "../../../src/index.js";
import {
  type Connection,
  type ServeOptions,
  type Service,
  serve,
} from "../../../src/node/index.js";
import { expectNothingLeft, newPool } from "./help.js";

export interface Served {
  readonly heap: Heap;
  readonly pool: BytesPool<ArrayBuffer>;
  readonly server: Server;
  readonly service: Service;
  readonly errors: unknown[];
  /** Opens a connection to it. */
  dial(): Promise<Socket>;
}

export type Options = Partial<ServeOptions> & { readonly capacity?: number };

const running: Served[] = [];

export function lines(pool: BytesPool): Framer<Bytes> {
  return new DelimiterFramer(pool, { delimiter: "\n", maximum: 100_000, strip: false });
}

export async function start({ capacity, ...options }: Options): Promise<Served> {
  const { heap, pool } = newPool(capacity);
  const errors: unknown[] = [];
  const server = createServer();
  const service = serve(server, {
    pool,
    framer: () => lines(pool),
    onError: (error: unknown) => errors.push((error as { code?: unknown }).code ?? error),
    ...options,
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const served: Served = {
    heap,
    pool,
    server,
    service,
    errors,
    async dial() {
      const client = dial(port, "127.0.0.1");
      client.on("error", () => {});
      await once(client, "connect");
      return client;
    },
  };
  running.push(served);
  return served;
}

/** The first connections are subscribers, the fourth one publishes. */
export function broker(): Options {
  const subscribers: Connection[] = [];
  return {
    onOpen: (connection) => void (subscribers.length < 3 && subscribers.push(connection)),
    onFrame: (view, offset, length) => {
      for (const subscriber of subscribers) subscriber.write(view, offset, length);
    },
  };
}

/** Resolves when a socket is closed, whether with an error or not. */
export function gone(socket: Duplex | Server): Promise<void> {
  return new Promise((resolve) => {
    if ("destroyed" in socket && socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Reads until so many bytes have come. */
export async function read(socket: Socket, bytes: number): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.length >= bytes) break;
  }
  return text;
}

afterEach(async () => {
  for (const { heap, service } of running.splice(0)) {
    service.destroy();
    await service.close();
    await expectNothingLeft(heap);
  }
});

export const echo = { handler: (line: Bytes, connection: Connection) => connection.write(line) };
