/** A broker of the examples in the process of the tests, and its clients. */
import { afterEach, beforeEach, expect } from "vitest";
import { start } from "../../examples/mqtt/server.js";
import { type ConnectOptions, RawClient } from "./mqtt.js";

type Running = Awaited<ReturnType<typeof start>>;

/** What a test uses. Before each test there is a new broker; after it nothing may be left. */
export interface BrokerOfTests {
  server: Running;
  errors: unknown[];
  /** Opens a connection. */
  dial(): Promise<RawClient>;
  /** Opens a connection, and is accepted. */
  open(id: string, options?: ConnectOptions): Promise<RawClient>;
}

export function useBroker(): BrokerOfTests {
  const clients: RawClient[] = [];
  const note = (client: RawClient): RawClient => {
    clients.push(client);
    return client;
  };
  const used: BrokerOfTests = {
    server: undefined as unknown as Running,
    errors: [],
    dial: async () => note(await RawClient.dial(used.server.port)),
    open: async (id, options) => note(await RawClient.open(used.server.port, id, options)),
  };

  beforeEach(async () => {
    used.errors = [];
    used.server = await start(0, { onError: (error) => used.errors.push(error) });
  });

  afterEach(async () => {
    const { broker, close, heap } = used.server;
    for (const client of clients.splice(0)) client.close();
    await close();
    heap.verify();
    expect(heap.stats().live.blocks).toBe(0);
    const { budget, unflushed } = broker.exchange;
    expect([budget.bytes, budget.entries, unflushed.size]).toEqual([0, 0, 0]);
  });
  return used;
}
