import { describe, expect, it, vi } from "vitest";
import type { Bytes } from "../../../src/buffers/index.js";
import { bytesOf, duplexOf } from "../../../src/node/index.js";
import {
  arrived,
  closed,
  connected,
  expectNothingLeft,
  newPool,
  pattern,
  turns,
  WAIT,
} from "./help.js";

describe("bytesOf with faults", () => {
  it.each([0, 1, 15, -1, 1.5, Number.NaN, 2 ** 40])("refuses chunks of %d bytes", async (size) => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    for (const open of [bytesOf, duplexOf]) {
      expect(() => open(accepted, pool, size)).toThrow(
        expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }),
      );
    }
    accepted.destroy();
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });

  it.each([false, true])(
    "tells its reader that the heap is full (a duplex: %s)",
    async (isDuplex) => {
      const { heap, pool } = newPool(2 ** 20);
      const { server, accepted, client } = await connected();
      const source: AsyncIterable<Bytes> = isDuplex
        ? duplexOf(accepted, pool)
        : bytesOf(accepted, pool);
      client.write(pattern(4_000_000));
      const held: Bytes[] = [];
      const reading = (async () => {
        for await (const bytes of source) held.push(bytes);
      })();
      await expect(reading).rejects.toMatchObject({ code: "ERR_HEAP_EXHAUSTED" });
      expect(held.length).toBeGreaterThan(10);
      for (const bytes of held) bytes.release();
      client.destroy();
      await closed(server);
      await expectNothingLeft(heap);
    },
  );

  it("releases what has come if its reader never began, or waits", async () => {
    for (const waits of [false, true]) {
      const { heap, pool } = newPool();
      const { server, accepted, client } = await connected();
      const connection = bytesOf(accepted, pool);
      const chunks = connection[Symbol.asyncIterator]();
      const next = waits ? chunks.next() : undefined;
      if (!waits) client.write("nobody reads this");
      await arrived(connection.socket, waits ? 0 : 17);
      await chunks.return?.();
      expect(await next).toEqual(waits ? { done: true, value: undefined } : undefined);
      expect(await chunks.next()).toEqual({ done: true, value: undefined });
      client.destroy();
      await closed(server);
      await expectNothingLeft(heap);
    }
  });

  it("gives each chunk to one of two readers, and both end", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const connection = bytesOf(accepted, pool);
    let length = 0;
    const read = async (): Promise<void> => {
      for await (const bytes of connection) {
        length += bytes.length;
        bytes.release();
      }
    };
    const both = Promise.all([read(), read()]);
    client.end(pattern(100_000));
    await both;
    expect(length).toBe(100_000);
    connection.end();
    await closed(server);
    await expectNothingLeft(heap);
  });
});

describe("duplexOf, destroyed", () => {
  it.each(["before it is read", "with a chunk in its queue"])(
    "leaves nothing: %s",
    async (when) => {
      const { heap, pool } = newPool();
      const { server, accepted, client } = await connected();
      const duplex = duplexOf(accepted, pool, 1024);
      client.write(pattern(10_000));
      // All that was written takes ten blocks at least.
      await vi.waitFor(() => expect(heap.stats().live.blocks).toBeGreaterThanOrEqual(10), WAIT);
      if (when !== "before it is read") {
        for await (const bytes of duplex) {
          (bytes as Bytes).release();
          break;
        }
      }
      duplex.destroy();
      client.destroy();
      await closed(server);
      await expectNothingLeft(heap);
    },
  );

  it("releases what it had to write", async () => {
    const { heap, pool } = newPool();
    const { server, accepted, client } = await connected();
    const duplex = duplexOf(accepted, pool);
    client.pause();
    for (let count = 0; count < 40; count++) duplex.write(pool.from(pattern(60_000)));
    await turns(5);
    duplex.destroy();
    client.destroy();
    await closed(server);
    await expectNothingLeft(heap);
  });
});
