/**
 * A chat for WebSocket clients: what a member sends goes to all members of its room. A member that
 * does not read misses messages, so it neither slows the others down nor makes the server grow.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { Heap } from "hakmem";
import { BytesPool } from "hakmem/buffers";
import { OPCODE } from "hakmem/codec";
import { acceptWebSocket } from "hakmem/node";

/** @typedef {import("hakmem/node").WebSocketConnection} Member */

const NAME_CHARACTERS = 32;
/** The most bytes of a message. */
const MAXIMUM = 16_384;
/** A member for which more bytes wait misses messages until it has read. */
const BEHIND_BYTES = 32_768;
const PING_MS = 30_000;

/**
 * Starts a server on 127.0.0.1.
 * @param {number} port 0: any that is free
 * @param {object} options
 * @param {number} [options.capacity] bytes of the heap. Connections may hold a half of it
 */
export async function start(port = 0, { capacity = 64 * 2 ** 20 } = {}) {
  const heap = Heap.create({ capacity });
  const pool = new BytesPool(heap);
  /** @type {Map<string, Set<Member>>} */
  const rooms = new Map();
  /** @type {Set<Member>} */
  const connections = new Set();
  const server = createServer((_, response) => {
    response.writeHead(426, { Upgrade: "websocket", Connection: "Upgrade" }).end();
  });

  server.on("upgrade", (request, socket, head) => {
    // A server for browsers would check `request.headers.origin` here.
    const [room = "/", query = ""] = (request.url ?? "").split("?", 2);
    const name = (new URLSearchParams(query).get("name") ?? "").slice(0, NAME_CHARACTERS);
    acceptWebSocket(request, socket, head, {
      pool,
      maximum: MAXIMUM,
      pingInterval: PING_MS,
      onOpen(member) {
        connections.add(member);
        const members = rooms.get(room) ?? new Set();
        rooms.set(room, members.add(member));
      },
      onMessage(message, member) {
        const { opcode, text } = message;
        message.release();
        if (opcode === OPCODE.TEXT) say(room, `${name || "somebody"}: ${text}`);
        else void member.close(1003, "text only");
      },
      onClose(member) {
        connections.delete(member);
        const members = rooms.get(room);
        members?.delete(member);
        if (members?.size === 0) rooms.delete(room);
      },
    });
  });

  /**
   * @param {string} room
   * @param {string} text
   */
  function say(room, text) {
    const bytes = pool.from(text);
    for (const member of rooms.get(room) ?? []) {
      if (member.waitingBytes < BEHIND_BYTES) member.send(bytes.retain(), { binary: false });
    }
    bytes.release();
  }

  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  async function close() {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await Promise.all(Array.from(connections, (member) => member.close(1001)));
    await closed;
  }
  const { port: own } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return { heap, service: { connections }, port: own, close };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { port } = await start(Number(process.argv[2] ?? 0));
  console.log(`listening on ${port}`);
}
