import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServerProcess, ServerState } from "./serverProcess.js";
import { isFast, SEED } from "./tier.js";

/*
 * Attacks a server in a process of its own, with everything that peers may do. After each attack it
 * must serve on, be the same process, and hold what it held before.
 */

const WAIT = { timeout: 60_000, interval: 20 } as const;
/** README's server is attacked by more: this is what all examples together have time for. */
const MANY = isFast ? 500 : 2000;
const RANDOM_ROUNDS = isFast ? 60 : 1000;
/** The most places where the messages are cut. */
const MOST_CUTS = isFast ? 60 : 2000;
/** How many connections are opened together. */
const BATCH = 50;
/** What an endless message sends before the attack is over, at most. */
const ENDLESS_BYTES = (isFast ? 1 : 16) * 2 ** 20;
/** How much of memory a process may take in an attack: the collector of V8 works when it likes. */
const RSS_BYTES = 160 * 2 ** 20;
/** Of it, what each further connection may hold of the heap and of the process. */
const BYTES_OF_A_PEER = 1024;
const RSS_OF_A_PEER = 32_768;
/** How long a server may take to close a connection, in ms. */
const CLOSE_MS = 30_000;

/** How peers of a protocol behave, well and badly. */
export interface AttackPlan {
  /**
   * Talks as a good peer does, checks the answers, and clears what anybody has left in the server.
   */
  readonly serves: (port: number) => Promise<void>;
  /** What each connection sends first, such as a handshake. */
  readonly greeting?: Buffer;
  /**
   * Good messages, one after the other, with all kinds of the protocol. They are sent cut at each
   * byte, byte by byte, and damaged. The same answers must come each time, so they leave nothing
   * behind either that another run could see.
   */
  readonly messages: Buffer;
  /** Takes out of answers what differs each time. */
  readonly comparable?: (answers: Buffer) => Buffer;
  /** A message with an answer, or what a peer is sent by others, of about 1000 bytes. */
  readonly flood: Buffer;
  /** What the server must close the connection for: names and bytes. */
  readonly refused: readonly (readonly [string, Buffer])[];
  /** What need not end: a name, how it begins, and how it goes on. The server may close or read. */
  readonly endless: readonly (readonly [string, Buffer, Buffer])[];
  /** The most bytes that one peer can make the server hold. Default 1 MiB. */
  readonly heldBytes?: number;
  /** How many connections there are at once. */
  readonly connections?: number;
  /** How much the memory of the process may grow, besides what each peer takes. Default 160 MiB. */
  readonly rssBytes?: number;
}

/** Opens a connection. Its errors are ignored, because the server may close it at any time. */
export async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => {});
  await Promise.race([once(socket, "connect"), gone(socket)]);
  return socket;
}

/** Resolves when a socket is closed. */
export function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Writes, and resolves when the system has taken it or the connection is closed. */
export function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, () => resolve());
  });
}

/** Sends pieces, ends the connection, and returns all that was answered. */
export async function answersTo(port: number, pieces: readonly Uint8Array[]): Promise<Buffer> {
  const socket = await dial(port);
  const answers: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => answers.push(chunk));
  for (const piece of pieces) await send(socket, piece);
  socket.end();
  await gone(socket);
  return Buffer.concat(answers);
}

/** Cuts bytes into pieces of one byte. */
export function bytewise(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1));
}

/** A server under attack. */
class Target {
  readonly plan: AttackPlan;
  readonly heldBytes: number;
  private readonly start: () => Promise<ServerProcess>;
  private running: ServerProcess | undefined;
  /** What the server holds while it has no peers. */
  private base: ServerState;

  constructor(start: () => Promise<ServerProcess>, plan: AttackPlan) {
    this.start = start;
    this.plan = plan;
    this.heldBytes = plan.heldBytes ?? 2 ** 20;
    this.base = { blocks: 0, bytes: 0, rss: 0, open: 0 };
  }

  get server(): ServerProcess {
    if (this.running === undefined) throw new Error("the server was not started");
    return this.running;
  }

  async begin(): Promise<void> {
    this.running = await this.start();
    await this.serves();
    await vi.waitFor(async () => {
      this.base = await this.server.state();
      expect(this.base.open).toBe(0);
    }, WAIT);
  }

  serves(): Promise<void> {
    return this.plan.serves(this.server.port);
  }

  /** Opens a connection, and sends the greeting. */
  async greet(): Promise<Socket> {
    const socket = await dial(this.server.port);
    const { greeting } = this.plan;
    if (greeting !== undefined) await send(socket, greeting);
    return socket;
  }

  /** Opens many connections, with at most `BATCH` on their way. */
  async greetMany(count: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const length = Math.min(BATCH, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length }, () => this.greet()))));
    }
    return sockets;
  }

  /** Checks that the server serves others meanwhile, and holds no more than it may. */
  async isBounded(peers: number = 1): Promise<void> {
    await this.serves();
    const state = await this.server.state();
    const { rssBytes = RSS_BYTES } = this.plan;
    const held = this.heldBytes + (peers - 1) * BYTES_OF_A_PEER;
    expect(state.bytes - this.base.bytes).toBeLessThan(held);
    expect(state.rss - this.base.rss).toBeLessThan(rssBytes + peers * RSS_OF_A_PEER);
  }

  /** Checks that the server serves on, and then holds what it held before. */
  async isUnharmed(): Promise<void> {
    await this.serves();
    const { blocks, bytes } = this.base;
    await vi.waitFor(async () => {
      const state = await this.server.state();
      expect(state).toMatchObject({ blocks, bytes, open: 0 });
      // What a process has had, it may keep: the next attack begins with that.
      this.base = state;
    }, WAIT);
  }
}

type End = (socket: Socket, bytes: Buffer) => Promise<void>;

/** The ways in which a connection ends after it has sent something. */
const ENDS: Readonly<Record<string, End>> = {
  "and the end": async (socket, bytes) => {
    socket.resume().end(bytes);
    await gone(socket);
  },
  "and a reset": async (socket, bytes) => {
    await send(socket, bytes);
    socket.resetAndDestroy();
  },
  "and a close without reading": async (socket, bytes) => {
    await send(socket, bytes);
    socket.destroy();
  },
};

function attackWithCuts(target: Target): void {
  const { messages } = target.plan;
  const step = Math.max(1, messages.length / MOST_CUTS);
  const cuts = new Set<number>();
  for (let at = 0; at < messages.length; at += step) cuts.add(Math.floor(at));
  it.each(Object.entries(ENDS))("messages cut at any byte, %s", async (_, end) => {
    const places = [...cuts];
    while (places.length > 0) {
      const some = places.splice(0, BATCH);
      const cut = async (at: number): Promise<void> =>
        end(await target.greet(), messages.subarray(0, at));
      await Promise.all(some.map(cut));
    }
    await target.isUnharmed();
  });

  it("messages cut at any byte, and silence", async () => {
    const sockets = await target.greetMany(cuts.size);
    for (const [index, at] of [...cuts].entries()) {
      await send(sockets[index] as Socket, messages.subarray(0, at));
    }
    await target.isBounded(sockets.length);
    for (const socket of sockets) socket.destroy();
    await target.isUnharmed();
  });

  it("messages byte by byte", async () => {
    const { port } = target.server;
    const first = target.plan.greeting ?? Buffer.alloc(0);
    const expected = await answersTo(port, [Buffer.concat([first, messages])]);
    expect(expected.length).toBeGreaterThan(0);
    const answers = await answersTo(port, [...bytewise(first), ...bytewise(messages)]);
    const { comparable = (same: Buffer) => same } = target.plan;
    expect(comparable(answers).toString("latin1")).toBe(comparable(expected).toString("latin1"));
    await target.isUnharmed();
  });
}

function attackWithPeers(target: Target): void {
  const { connections: many = MANY } = target.plan;

  it("peers that say nothing", async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(target.server.port)));
    await target.isBounded(sockets.length);
    for (const socket of sockets) socket.destroy();
    await target.isUnharmed();
  });

  it(`${many} connections that send a byte each`, async () => {
    const sockets = await target.greetMany(many);
    for (const socket of sockets) await send(socket, target.plan.messages.subarray(0, 1));
    await vi.waitFor(async () => {
      expect((await target.server.state()).open).toBe(many);
    }, WAIT);
    await target.isBounded(many);
    for (const socket of sockets) socket.destroy();
    await target.isUnharmed();
  });

  it(`${many} connections that are gone at once`, async () => {
    for (let left = many; left > 0; left -= BATCH) {
      for (const socket of await target.greetMany(BATCH)) socket.resetAndDestroy();
    }
    await target.isUnharmed();
  });

  it("a peer that sends and never reads", async () => {
    const socket = (await target.greet()).pause();
    const flood = Buffer.concat(Array(64).fill(target.plan.flood));
    let isStuck = false;
    for (let sent = 0; sent < 2500 && !isStuck && !socket.destroyed; sent++) {
      if (socket.write(flood)) continue;
      const left = socket.writableLength;
      await target.serves();
      isStuck = socket.writableLength === left && sent > 200;
    }
    await target.isBounded();
    socket.destroy();
    await target.isUnharmed();
  });

  it("resets while answers are on their way", async () => {
    for (let round = 0; round < 5; round++) {
      const socket = await target.greet();
      socket.write(Buffer.concat(Array(2000).fill(target.plan.flood)));
      await once(socket, "data");
      socket.resetAndDestroy();
    }
    await target.isUnharmed();
  });
}

function attackWithBytes(target: Target): void {
  const { endless, refused } = target.plan;
  it.each([...refused])("%s", async (_, bytes) => {
    const whole = await target.greet();
    whole.resume();
    await send(whole, bytes);
    await isClosed(whole);
    const slow = await target.greet();
    slow.resume();
    for (const byte of bytewise(bytes)) await send(slow, byte);
    await isClosed(slow);
    await target.isUnharmed();
  });

  it.each([...endless])("%s", async (_, begin, more) => {
    const socket = await target.greet();
    socket.resume();
    await send(socket, begin);
    const piece = Buffer.concat(Array(Math.ceil(65536 / more.length)).fill(more));
    try {
      for (let sent = 0; sent < ENDLESS_BYTES && !socket.destroyed; sent += piece.length) {
        await send(socket, piece);
        if (sent % (16 * piece.length) === 0) await target.isBounded();
      }
      await target.isBounded();
    } finally {
      socket.destroy();
    }
    await target.isUnharmed();
  });

  it("bytes at random, cut at random, and any end", async () => {
    const random = randomNumbers(SEED);
    for (let round = 0; round < RANDOM_ROUNDS; round++) await sendRandom(target, random);
    await target.isUnharmed();
  });
}

async function isClosed(socket: Socket): Promise<void> {
  await vi.waitFor(() => expect(socket.destroyed).toBe(true), { ...WAIT, timeout: CLOSE_MS });
}

/** Sends random bytes, or damaged messages, in pieces, and ends the connection in some way. */
async function sendRandom(target: Target, random: (below: number) => number): Promise<void> {
  const { messages } = target.plan;
  const socket = random(8) === 0 ? await dial(target.server.port) : await target.greet();
  if (random(2) === 0) socket.resume();
  for (let piece = random(6); piece > 0; piece--) {
    const isMessage = random(2) === 0;
    const bytes = isMessage
      ? Buffer.from(messages.subarray(random(messages.length)))
      : Buffer.from(Array.from({ length: random(3000) }, () => random(256)));
    for (let damage = isMessage ? random(4) : 0; damage > 0; damage--) {
      bytes[random(bytes.length)] = random(256);
    }
    socket.write(bytes);
    if (random(2) === 0) await nextTurn();
  }
  if (random(3) === 0) socket.resetAndDestroy();
  else if (random(2) === 0) socket.destroy();
  else socket.resume().end();
}

function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (((state >>> 8) * below) / 2 ** 24) | 0;
  };
}

/** Registers the attacks on the server that `start` starts. */
export function attack(start: () => Promise<ServerProcess>, plan: AttackPlan): void {
  describe("under attack", () => {
    const target = new Target(start, plan);
    beforeAll(() => target.begin());
    afterAll(() => target.server.stop());
    attackWithCuts(target);
    attackWithPeers(target);
    attackWithBytes(target);
    it("gives back everything when it is closed", async () => {
      const socket = await target.greet();
      await send(socket.resume(), plan.messages.subarray(0, -1));
      expect(await target.server.close()).toMatchObject({ blocks: 0, bytes: 0, open: 0 });
      socket.destroy();
    });
  });
}
