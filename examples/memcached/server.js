/**
 * A cache for clients of memcached, in its text and its binary protocol, on one port. Each value is
 * `Bytes`: it is sent without a copy if it is long, also while it is replaced or deleted.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { framerOf, Reader, Writer } from "hakmem/codec";
import { serve } from "hakmem/node";
import { executeBinary } from "./binary.js";
import { Items } from "./items.js";
import { BINARY, finder, LINE_BYTES } from "./request.js";
import { executeText } from "./text.js";

const VERSION = "1.6.0";
/** An answer of more bytes makes the client's next request wait until they are taken. */
const WAITING_BYTES = 65_536;
/** How often, and how many items at a time, what has expired is looked for. */
const SWEEP_MS = 100;
const SWEEP_ITEMS = 2000;

/**
 * What all clients share.
 * @typedef {object} Cache
 * @property {string} version
 * @property {Items} items
 * @property {number} itemBytes
 * @property {Reader<import("hakmem/buffers").Bytes>} reader
 * @property {Writer} writer
 * @property {() => (readonly [string, string | number])[]} stats
 */

/**
 * A client. Of what it sends, `dropping` bytes are to be dropped: of a value that is too long.
 * @typedef {object} Client
 * @property {Cache} cache
 * @property {import("hakmem/node").Connection} connection
 * @property {number} dropping
 */

/**
 * Starts a server on 127.0.0.1.
 * @param {number} port 0: any that is free
 * @param {object} options in bytes
 * @param {number} [options.capacity] of the heap. Connections may hold a half of it
 * @param {number} [options.limit] of all items, with what they take besides their bytes
 * @param {number} [options.itemBytes] of a value
 */
export async function start(
  port = 0,
  { capacity = 256 * 2 ** 20, limit = Math.floor(0.4 * capacity), itemBytes = 2 ** 20 } = {},
) {
  const heap = Heap.create({ capacity });
  const pool = new BytesPool(heap);
  const items = new Items(pool, limit, itemBytes);
  const server = createServer({ noDelay: true });
  const service = serve(server, {
    pool,
    framer: () => framerOf(pool, finder(itemBytes), { maximum: LINE_BYTES + itemBytes + 2 }),
    onOpen(connection) {
      connection.data = { cache, connection, dropping: 0 };
    },
    handler(frame, connection) {
      try {
        const answered = execute(/** @type {Client} */ (connection.data), frame);
        const isMuch = connection.waitingBytes > WAITING_BYTES;
        return isMuch && answered === undefined ? connection.drained() : answered;
      } finally {
        frame.release();
      }
    },
  });
  const reader = new Reader(new Uint8Array(0));
  const writer = new Writer(heap);
  const stats = () => statsOf(service, items);
  const cache = { version: VERSION, items, itemBytes, reader, writer, stats };
  const sweeper = setInterval(() => items.sweep(SWEEP_ITEMS), SWEEP_MS).unref();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  async function close() {
    clearInterval(sweeper);
    await service.close();
    items.clear();
    writer[Symbol.dispose]();
  }
  const { port: own } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { heap, service, port: own, close };
}

/** Executes a request. Returns a promise if the next one has to wait. */
function execute(client, frame) {
  if (client.dropping > 0) client.dropping -= frame.length;
  else if (frame.at(0) === BINARY) executeBinary(client, frame);
  else return executeText(client, frame);
}

/** Returns names and values. */
function statsOf(service, items) {
  return [
    ["pid", process.pid],
    ["uptime", Math.floor(process.uptime())],
    ["time", Math.floor(Date.now() / 1000)],
    ["version", VERSION],
    ["curr_connections", service.connections.size],
    ["curr_items", items.count],
    ["bytes", items.bytes],
    ["limit_maxbytes", items.maximum],
    ["get_hits", items.hits],
    ["get_misses", items.misses],
  ];
}

if (process.argv[1] === import.meta.filename) {
  const { port } = await start(Number(process.argv[2] ?? 0));
  console.log(`listening on ${port}`);
}
