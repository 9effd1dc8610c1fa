/**
 * A key-value server for clients of redis: RESP2 and RESP3, pipelines, and times to live. Keys and
 * values are blocks of one heap, in which the connections read and write, too. So a value is copied
 * once when it is set and once when it is sent, and no object is made for it.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { framerOf } from "hakmem/codec";
import { serve } from "hakmem/node";
import { Command, found } from "./command.js";
import { execute } from "./commands.js";
import { Session } from "./session.js";
import { Table } from "./table.js";

const MOST_ARGUMENTS = 65_536;
/** How often, and in how many slots of the table at a time, expired keys are looked for. */
const SWEEP_MS = 100;
const SWEEP_SLOTS = 4096;

/**
 * Starts a server on 127.0.0.1.
 * @param {number} port 0: any that is free
 * @param {object} options in bytes
 * @param {number} [options.capacity] of the heap. Connections may hold a half of it
 * @param {number} [options.maxmemory] of all keys and values
 * @param {number} [options.maximum] of a command
 */
export async function start(
  port = 0,
  {
    capacity = 256 * 2 ** 20,
    maxmemory = Math.floor(0.4 * capacity),
    maximum = capacity >> 4,
  } = {},
) {
  const heap = Heap.create({ capacity });
  const pool = new BytesPool(heap);
  const table = new Table(heap, maxmemory);
  const server = createServer({ noDelay: true });
  const service = serve(server, {
    pool,
    maximum: capacity >> 2,
    framer() {
      const command = new Command(maximum, MOST_ARGUMENTS);
      return framerOf(pool, (reader) => command.find(reader), { maximum });
    },
    onOpen(connection) {
      connection.data = new Session(connection, shared);
    },
    onFrame(_, offset, __, connection) {
      const session = /** @type {Session} */ (connection.data);
      session.take(found, offset);
      if (found.error === "") return execute(session);
      session.error(`ERR Protocol error: ${found.error}`);
      connection.end();
    },
  });
  const text = Buffer.from(heap.buffer);
  const clients = () => service.connections.size;
  const shared = { table, u8: heap.u8, text, maxmemory, clients };
  const sweeper = setInterval(() => table.sweep(SWEEP_SLOTS), SWEEP_MS).unref();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  async function close() {
    clearInterval(sweeper);
    await service.close();
    table.clear();
  }
  const { port: own } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { heap, service, port: own, close };
}

if (process.argv[1] === import.meta.filename) {
  const { port } = await start(Number(process.argv[2] ?? 0));
  console.log(`listening on ${port}`);
}
