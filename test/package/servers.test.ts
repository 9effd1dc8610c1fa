/** The servers of `npm run bench:servers` answer alike, whatever they are sent. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildServers, SERVERS, serverFile } from "../../bench/servers/build.js";
import { missing } from "../support/missing.js";
import { runs } from "../support/tier.js";

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(name: (typeof SERVERS)[number]): Promise<Running> {
  const child = fork(serverFile(name), { execArgv: [] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { child, port };
}

async function ask(child: ChildProcess): Promise<{ live?: number }> {
  child.send("end");
  const [answer] = await once(child, "message");
  return answer as { live?: number };
}

const command = (...args: (string | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from(`*${args.length}\r\n`),
    ...args.flatMap((arg) => [
      Buffer.from(`$${Buffer.byteLength(arg)}\r\n`),
      Buffer.from(arg),
      Buffer.from("\r\n"),
    ]),
  ]);

/** Answers as a server must, from a Map. */
class Oracle {
  private readonly store = new Map<string, Buffer>();

  answer([name = "", key = "", value = Buffer.alloc(0)]: [string, string?, Buffer?]): Buffer {
    if (name === "SET") {
      this.store.set(key, value);
      return Buffer.from("+OK\r\n");
    }
    if (name === "DEL") return Buffer.from(`:${this.store.delete(key) ? 1 : 0}\r\n`);
    if (name === "DBSIZE") return Buffer.from(`:${this.store.size}\r\n`);
    if (name === "PING") return Buffer.from("+PONG\r\n");
    const found = this.store.get(key);
    if (found === undefined) return Buffer.from("$-1\r\n");
    return Buffer.concat([Buffer.from(`$${found.length}\r\n`), found, Buffer.from("\r\n")]);
  }
}

/** Sends bytes in pieces, and returns as many bytes of the answer as are expected. */
async function exchange(port: number, pieces: Buffer[], expected: number): Promise<Buffer> {
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const got: Buffer[] = [];
  let length = 0;
  const done = new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk) => {
      got.push(chunk);
      length += chunk.length;
      if (length >= expected) resolve();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
  for (const piece of pieces) {
    socket.write(piece);
    // Gives each piece a read of its own at the other end, mostly.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  socket.destroy();
  return Buffer.concat(got);
}

const key = fc.constantFrom("a", "b", "key:000000000001", "k".repeat(300));
const value = fc
  .tuple(
    fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 70_000 })),
    fc.nat(255),
  )
  .map(([length, byte]) => Buffer.alloc(length, byte));
const request = fc.oneof(
  fc.tuple(fc.constant("SET"), key, value),
  fc.tuple(fc.constant("GET"), key),
  fc.tuple(fc.constant("DEL"), key),
  fc.tuple(fc.constant("DBSIZE")),
  fc.tuple(fc.constant("PING")),
) as fc.Arbitrary<[string, string?, Buffer?]>;

function cut(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((at) => at % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

describe.each(SERVERS)("the server with %s buffers", (name) => {
  let server: Running;
  beforeAll(async () => {
    if (name === SERVERS[0]) buildServers();
    server = await start(name);
  });
  afterAll(() => server.child.disconnect());

  it("answers as a Map would, however the requests are cut", async () => {
    const property = fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      async (requests, cuts) => {
        await exchange(server.port, [command("FLUSHALL")], 5);
        const oracle = new Oracle();
        const expected = Buffer.concat(requests.map((request) => oracle.answer(request)));
        const sent = Buffer.concat(
          requests.map((request) => command(...request.filter((part) => part !== undefined))),
        );
        const got = await exchange(server.port, cut(sent, cuts), expected.length);
        expect(got.equals(expected)).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: runs(0, 60) });
  });

  it("serves redis-cli, where it is installed", (context) => {
    try {
      execFileSync("redis-cli", ["--version"]);
    } catch {
      missing(context, "redis-cli is not installed: apt-get install redis-tools");
    }
    const cli = (...args: string[]): string =>
      execFileSync("redis-cli", ["-p", String(server.port), ...args], { encoding: "utf8" }).trim();
    expect(cli("SET", "city", "Zürich")).toBe("OK");
    expect(cli("--raw", "GET", "city")).toBe("Zürich");
    expect(cli("DEL", "city")).toBe("1");
    expect(cli("GET", "city")).toBe("");
    expect(cli("NONSENSE")).toMatch(/ERR unknown command/);
  });
});

describe("the server with hakmem", () => {
  it("keeps nothing of connections, of what was deleted, or of malformed input", async () => {
    const { child, port } = await start("pooled");
    const before = (await ask(child)).live;
    await exchange(port, [command("SET", "a", "x".repeat(100_000)), command("DEL", "a")], 9);
    const refused = await exchange(port, [Buffer.from("*1\r\n$x\r\n")], 1);
    expect(refused.toString()).toMatch(/^-ERR/);
    const huge = await exchange(port, [Buffer.from("*1\r\n$99999999999\r\n")], 1);
    expect(huge.toString()).toMatch(/^-ERR/);
    // Half a command, and the connection ends.
    await exchange(port, [command("PING"), Buffer.from("*2\r\n$3\r\nGET\r\n$100")], 7);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await ask(child)).live).toBe(before);
    child.disconnect();
  });
});
