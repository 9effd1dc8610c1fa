import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer, connect as dialTls } from "node:tls";
import { expect, it, vi } from "vitest";
import type { BytesPool } from "../../../src/buffers/index.js";
import { LengthFieldFramer } from "../../../src/codec/index.js";
import { type ServeOptions, serve } from "../../../src/node/index.js";
import { TLS_CERTIFICATE, TLS_KEY } from "../../support/certificate.js";
import { expectNothingLeft, newPool, WAIT } from "./help.js";
import { KINDS } from "./kinds.js";

function echo(pool: BytesPool, errors: unknown[]): ServeOptions {
  return {
    pool,
    framer: () => new LengthFieldFramer(pool, { width: 4, maximum: 300_000 }),
    onFrame: (view, offset, length, connection) => connection.write(view, offset, length),
    onError: (error) => errors.push(error),
  };
}

/** Returns frames of many lengths. */
function frames(): Buffer {
  const all = Array.from({ length: 300 }, (_, index) => {
    const length = index % 40 === 0 ? 70_000 : (index * 97) % 3000;
    const frame = Buffer.alloc(length + 4, index);
    frame.writeUInt32BE(length, 0);
    return frame;
  });
  return Buffer.concat(all);
}

it.each(KINDS)("serve answers on a connection that is %s", async (_name, _isStraight, open) => {
  const { heap, pool } = newPool();
  const errors: unknown[] = [];
  const { socket, peer, close } = await open();
  const service = serve(socket, echo(pool, errors));
  const sent = frames();
  const got: Buffer[] = [];
  let length = 0;
  peer.on("data", (chunk: Buffer) => {
    got.push(Buffer.from(chunk));
    length += chunk.length;
  });
  peer.resume();
  for (let at = 0; at < sent.length; at += 50_000) {
    if (!peer.write(sent.subarray(at, at + 50_000))) await once(peer, "drain");
  }
  await vi.waitFor(() => expect(length).toBe(sent.length), WAIT);
  expect(Buffer.concat(got).equals(sent)).toBe(true);
  peer.end();
  await vi.waitFor(() => expect(service.connections.size).toBe(0), WAIT);
  expect(errors).toEqual([]);
  peer.destroy();
  await close();
  await expectNothingLeft(heap);
});

it("serve takes the connections of a TLS server", async () => {
  const { heap, pool } = newPool();
  const errors: unknown[] = [];
  const server = createTlsServer({ key: TLS_KEY, cert: TLS_CERTIFICATE });
  const service = serve(server, echo(pool, errors));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = dialTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  const sent = frames();
  client.end(sent);
  const got: Buffer[] = [];
  for await (const chunk of client) got.push(chunk as Buffer);
  expect(Buffer.concat(got).equals(sent)).toBe(true);
  expect(errors).toEqual([]);
  await service.close();
  await expectNothingLeft(heap);
});
