/** The broker as docs/BUFFERS.md teaches: each frame is written to each subscriber as it is. */
import { createServer } from "node:net";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { LengthFieldFramer, Reader } from "hakmem/codec";
import { type Connection, serve } from "hakmem/node";
import { report } from "./report.js";

const pool = new BytesPool(Heap.create({ capacity: 64 * 2 ** 20 }));
const topics = new Map<string, Set<Connection>>();
const reader = new Reader<Uint8Array>(pool.heap.u8);

const server = createServer();
serve(server, {
  pool,
  framer: () => new LengthFieldFramer(pool, { width: 4, maximum: 2 ** 20 }),
  onFrame(view, offset, length, connection) {
    reader.reset(view);
    reader.skip(offset + 4);
    const isSubscribe = reader.u8() === 1;
    const topic = reader.utf8Prefixed("u8");
    const subscribers = topics.get(topic);
    if (!isSubscribe) {
      if (subscribers === undefined) return;
      for (const subscriber of subscribers) subscriber.write(view, offset, length);
    } else if (subscribers === undefined) topics.set(topic, new Set([connection]));
    else subscribers.add(connection);
  },
  onClose(connection) {
    for (const subscribers of topics.values()) subscribers.delete(connection);
  },
});
report(server);
