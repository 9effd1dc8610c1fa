/**
 * An MQTT 3.1.1 broker with QoS 0 and 1: README.md. This file connects it to the network; broker.js
 * has what it does.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { LengthFieldFramer } from "hakmem/codec";
import { serve } from "hakmem/node";
import { Broker } from "./broker.js";

const HEAP_BYTES = 64 * 2 ** 20;
/** The most bytes of a packet. */
const PACKET_BYTES = 256 * 2 ** 10;
const MOST_CONNECTIONS = 20_000;
/** How often time limits are looked at. */
const SWEEP_MS = 1000;

/**
 * Starts a broker on 127.0.0.1.
 * @param {number} [port] 0: any free one
 * @param {{ authenticate?: import("./broker.js").Authenticate,
 *   onError?: (error: unknown) => void }} [options] Without `authenticate` all clients may connect.
 *   `onError` is told why a connection was closed. By default errors of the broker are shown.
 */
export async function start(port = 0, { authenticate = () => true, onError = report } = {}) {
  const heap = Heap.create({ capacity: HEAP_BYTES });
  const pool = new BytesPool(heap);
  const broker = new Broker(heap, authenticate);
  const server = createServer();
  server.maxConnections = MOST_CONNECTIONS;
  const service = serve(server, {
    pool,
    // The length stands after the first byte.
    framer: () =>
      new LengthFieldFramer(pool, { offset: 1, width: "varint", maximum: PACKET_BYTES }),
    onOpen: (connection) => broker.open(connection),
    handler(frame, connection) {
      try {
        return broker.handle(frame, connection);
      } finally {
        // Whoever keeps the message has a reference of its own.
        frame.release();
      }
    },
    onClose: (connection) => broker.closed(connection),
    onError,
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const timer = setInterval(() => broker.sweep(service.connections), SWEEP_MS);

  /** Closes all connections, and gives back all memory. */
  async function close() {
    clearInterval(timer);
    await service.close();
    broker.close();
  }

  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { heap, service, broker, port: address.port, close };
}

/**
 * Shows an error of the broker itself. Those of peers and of the network have a code.
 * @param {unknown} error
 */
function report(error) {
  if (typeof (/** @type {{ code?: unknown }} */ (error)?.code) !== "string") console.error(error);
}

if (process.argv[1] === import.meta.filename) {
  const { port } = await start(Number(process.argv[2] ?? 0));
  console.log(`listening on ${port}`);
}
