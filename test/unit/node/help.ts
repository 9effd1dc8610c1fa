import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { expect, vi } from "vitest";
import { BytesPool } from "../../../src/buffers/index.js";
import { Heap } from "../../../src/index.js";
import type { BytesSocket } from "../../../src/node/index.js";

/** A busy machine may need long for what takes a moment. */
export const WAIT = { timeout: 30_000, interval: 2 } as const;

export function newPool(capacity: number = 2 ** 23): { heap: Heap; pool: BytesPool<ArrayBuffer> } {
  const heap = Heap.create({ capacity });
  return { heap, pool: new BytesPool(heap) };
}

/** Waits until nothing is live, and checks that the heap is whole. */
export async function expectNothingLeft(heap: Heap): Promise<void> {
  await vi.waitFor(() => expect(heap.stats().live.blocks).toBe(0), WAIT);
  heap.drain();
  heap.verify();
}

export interface Pair {
  readonly server: Server;
  /** The connection as the server accepted it: paused, with no byte read. */
  readonly accepted: Socket;
  readonly client: Socket;
}

export async function connected(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  // Some tests end connections from the other side.
  client.on("error", () => {});
  const [[accepted]] = (await Promise.all([
    once(server, "connection"),
    once(client, "connect"),
  ])) as [[Socket], unknown[]];
  return { server, accepted, client };
}

/** Waits for the server, which ends when all connections have, also those taken over. */
export async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  // The last socket says "close" after the server, in a later turn of the event loop at most.
  await turns(2);
}

/** Waits for turns of the event loop, which depend on no clock. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits until a socket has read so many bytes. */
export async function arrived(socket: Socket, bytes: number): Promise<void> {
  await vi.waitFor(() => expect(socket.bytesRead).toBe(bytes), WAIT);
}

/**
 * Writes to a connection that nobody reads until bytes wait, and returns the last write, which
 * waits too. How much the system takes before depends on the machine.
 */
export function fill(connection: BytesSocket<ArrayBuffer, Duplex>, pool: BytesPool<ArrayBuffer>) {
  let last = connection.write(pool.alloc(1_000_000));
  while (connection.socket.writableLength === 0) last = connection.write(pool.alloc(1_000_000));
  return last;
}

export function pattern(length: number, start: number = 0): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) {
    bytes[index] = (start + index * 7 + (index >> 8)) & 255;
  }
  return bytes;
}
