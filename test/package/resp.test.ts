import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { answersTo, attack, bytewise, dial, send } from "../support/attacks.js";
import { missing } from "../support/missing.js";
import { ServerProcess } from "../support/serverProcess.js";
import { runs } from "../support/tier.js";

/* The example that speaks RESP, with redis-cli, redis-benchmark, and peers that behave badly. */

function command(...args: (string | Buffer)[]): Buffer {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    parts.push(
      Buffer.from(`$${Buffer.byteLength(arg)}\r\n`),
      Buffer.from(arg),
      Buffer.from("\r\n"),
    );
  }
  return Buffer.concat(parts);
}

/** Each row: a command and its answer, in order on one connection. */
const ROWS: readonly (readonly [string, string])[] = [
  ["FLUSHALL", "+OK"],
  ["PING", "+PONG"],
  ["ping hello", "$5|hello"],
  ["ECHO a", "$1|a"],
  ["SET a 1", "+OK"],
  ["GET a", "$1|1"],
  ["get none", "$-1"],
  ["SET a 22", "+OK"],
  ["SET a 333 NX", "$-1"],
  ["SET a 333 xx get", "$2|22"],
  ["SET b 1 XX", "$-1"],
  ["SET b 1 nx", "+OK"],
  ["SET b 1 NX XX", "-ERR syntax error"],
  ["SET b 1 EX", "-ERR syntax error"],
  ["SET b 1 EX 10 PX 10", "-ERR syntax error"],
  ["SET b 1 NOPE", "-ERR syntax error"],
  ["SET b 1 EX 0", "-ERR invalid expire time in 'set' command"],
  ["SET b 1 EX -1", "-ERR invalid expire time in 'set' command"],
  ["SET b 1 PX 9223372036854775807", "-ERR invalid expire time in 'set' command"],
  ["SET b 1 EX x", "-ERR value is not an integer or out of range"],
  ["MGET a none b", "*3|$3|333|$-1|$1|1"],
  ["MSET c 5 d 6", "+OK"],
  ["MSET c 5 d", "-ERR wrong number of arguments for 'mset' command"],
  ["EXISTS a a none c", ":3"],
  ["STRLEN a", ":3"],
  ["DEL a a c none", ":2"],
  ["DBSIZE", ":2"],
  ["INCR d", ":7"],
  ["DECR d", ":6"],
  ["INCRBY d -10", ":-4"],
  ["GET d", "$2|-4"],
  ["SET big 9223372036854775807", "+OK"],
  ["INCR big", "-ERR increment or decrement would overflow"],
  ["INCRBY d 9223372036854775808", "-ERR value is not an integer or out of range"],
  ["SET text 01", "+OK"],
  ["INCR text", "-ERR value is not an integer or out of range"],
  ["INCR new", ":1"],
  ["TTL d", ":-1"],
  ["TTL none", ":-2"],
  ["EXPIRE d 100", ":1"],
  ["TTL d", ":100"],
  ["INCR d", ":-3"],
  ["TTL d", ":100"],
  ["SET d 5 KEEPTTL", "+OK"],
  ["TTL d", ":100"],
  ["PERSIST d", ":1"],
  ["PERSIST d", ":0"],
  ["PEXPIRE d 0", ":1"],
  ["EXISTS d", ":0"],
  ["EXPIRE none 1", ":0"],
  ["SELECT 0", "+OK"],
  ["SELECT 1", "-ERR DB index is out of range"],
  ["COMMAND DOCS", "*0"],
  ["CONFIG GET save", "*2|$4|save|$0|"],
  ["CONFIG GET nothing", "*0"],
  ["CLIENT SETNAME me", "+OK"],
  ["CLIENT GETNAME", "$2|me"],
  ["GET", "-ERR wrong number of arguments for 'get' command"],
  ["NOPE a b", "-ERR unknown command 'NOPE', with args beginning with: 'a' 'b' "],
  ["HELLO 4", "-NOPROTO unsupported protocol version"],
  ["HELLO 3 AUTH a b", "-ERR this server has no passwords"],
  ["FLUSHALL", "+OK"],
  ["QUIT", "+OK"],
];

const answered = (answer: string): string => `${answer.replaceAll("|", "\r\n")}\r\n`;
const ALL_ROWS = Buffer.concat(ROWS.map(([line]) => command(...line.split(" "))));
const ALL_ANSWERS = ROWS.map(([, answer]) => answered(answer)).join("");

async function serves(port: number): Promise<void> {
  const answers = await answersTo(port, [ALL_ROWS]);
  expect(answers.toString("latin1")).toBe(ALL_ANSWERS);
}

describe("commands", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.example("resp");
  });
  afterAll(() => server.stop());

  async function answer(...pieces: Buffer[]): Promise<string> {
    return (await answersTo(server.port, pieces)).toString("latin1");
  }

  it("are answered as redis does", () => serves(server.port));

  it("may be lines, as people type them", async () => {
    const lines = ROWS.map(([line]) => `  ${line.replaceAll(" ", "  ")} \r\n\r\n`).join("");
    expect(await answer(Buffer.from(lines))).toBe(ALL_ANSWERS);
    expect(await answer(...bytewise(Buffer.from(lines.replaceAll("\r\n", "\n"))))).toBe(
      ALL_ANSWERS,
    );
  });

  it("take keys and values of any bytes", async () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index));
    const sent = [command("SET", bytes, bytes), command("GET", bytes), command("DEL", bytes)];
    const expected = `+OK\r\n$512\r\n${bytes.toString("latin1")}\r\n:1\r\n`;
    expect(await answer(Buffer.concat(sent))).toBe(expected);
    const empty = [command("SET", "", ""), command("GET", ""), command("DEL", "")];
    expect(await answer(Buffer.concat(empty))).toBe("+OK\r\n$0\r\n\r\n:1\r\n");
  });

  it("with RESP3 have its maps and nulls", async () => {
    const sent = Buffer.concat([
      command("HELLO", "3", "SETNAME", "me"),
      command("GET", "none"),
      command("MGET", "none"),
      command("CONFIG", "GET", "save"),
      command("HELLO", "2"),
      command("GET", "none"),
    ]);
    const answers = await answer(sent);
    expect(answers).toMatch(/^%6\r\n\$6\r\nserver\r\n/);
    expect(answers).toContain("$5\r\nproto\r\n:3\r\n");
    expect(answers).toContain("_\r\n*1\r\n_\r\n%1\r\n$4\r\nsave\r\n$0\r\n\r\n*12\r\n");
    expect(answers).toMatch(/\$-1\r\n$/);
  });

  it("let keys expire, found or not", async () => {
    const before = await server.state();
    const set = Array.from({ length: 500 }, (_, index) =>
      command("SET", `k${index}`, "v", "PX", "1"),
    );
    expect(await answer(...set)).toBe("+OK\r\n".repeat(500));
    await expect
      .poll(async () => (await server.state()).blocks, { timeout: 30_000 })
      .toBe(before.blocks);
    expect(await answer(command("MGET", "k0", "k1"), command("DBSIZE"))).toBe(
      "*2\r\n$-1\r\n$-1\r\n:0\r\n",
    );
  });

  it("have errors without bytes that could be taken for answers", async () => {
    const answers = await answer(command("a\r\nb", "\r\n+OK\r\n"), command("x".repeat(300)));
    expect(answers).toBe(
      `-ERR unknown command 'a??b', with args beginning with: '??+OK??' \r\n` +
        `-ERR unknown command '${"x".repeat(128)}', with args beginning with: \r\n`,
    );
  });
});

describe("a full server", () => {
  it("answers with an error, and serves on", async () => {
    const server = await ServerProcess.example("resp", { capacity: 2 ** 23, maxmemory: 2 ** 20 });
    const value = "v".repeat(10_000);
    const sets = Array.from({ length: 200 }, (_, index) => command("SET", `k${index}`, value));
    const full = [...sets, command("GET", "k0"), command("INCR", "new"), command("SET", "k0", "1")];
    const answers = (await answersTo(server.port, full)).toString("latin1");
    expect(answers).toMatch(/^(\+OK\r\n)+(-OOM [^\r]*\r\n)+\$10000\r\nv+\r\n/);
    expect(answers).toMatch(/(:1|-OOM [^\r]*)\r\n\+OK\r\n$/);
    const state = await server.state();
    expect(state.bytes).toBeLessThan(2 ** 21);
    expect((await answersTo(server.port, [command("FLUSHALL")])).toString()).toBe("+OK\r\n");
    expect(await server.close()).toMatchObject({ blocks: 0, bytes: 0 });
    await server.stop();
  });
});

it("a client that asks for more than it takes waits, and others are served", async () => {
  const server = await ServerProcess.example("resp", { capacity: 2 ** 23, maximum: 2 ** 18 });
  const base = await server.state();
  const value = "v".repeat(200_000);
  expect((await answersTo(server.port, [command("SET", "k", value)])).toString()).toBe("+OK\r\n");
  const socket = (await dial(server.port)).pause();
  await send(socket, Buffer.concat(Array(100).fill(command("GET", "k"))));
  expect((await answersTo(server.port, [command("PING")])).toString()).toBe("+PONG\r\n");
  expect((await server.state()).bytes).toBeLessThan(base.bytes + 2 ** 21);
  let taken = 0;
  socket.on("data", (chunk: Buffer) => {
    taken += chunk.length;
  });
  socket.resume();
  await expect.poll(() => taken, { timeout: 30_000 }).toBe(100 * (value.length + 11));
  socket.destroy();
  await serves(server.port);
  expect(await server.close()).toMatchObject({ blocks: 0, bytes: 0 });
  await server.stop();
});

/** Answers as the server must, from a Map. */
function oracle(requests: readonly Buffer[][]): Buffer {
  const store = new Map<string, Buffer>();
  const bulk = (value: Buffer | undefined): Buffer[] =>
    value === undefined
      ? [Buffer.from("$-1\r\n")]
      : [Buffer.from(`$${value.length}\r\n`), value, Buffer.from("\r\n")];
  const answers = requests.flatMap(([name, ...args]) => {
    const [key = "", value] = [args[0]?.toString("latin1"), args[1]];
    if (String(name) === "GET") return bulk(store.get(key));
    if (String(name) === "DEL") return [Buffer.from(`:${store.delete(key) ? 1 : 0}\r\n`)];
    if (String(name) === "MGET") {
      const found = args.map((own) => bulk(store.get(own.toString("latin1"))));
      return [Buffer.from(`*${args.length}\r\n`), ...found.flat()];
    }
    if (value === undefined) return [Buffer.from(`:${store.size}\r\n`)];
    store.set(key, value);
    return [Buffer.from("+OK\r\n")];
  });
  return Buffer.concat(answers);
}

describe("pipelines", () => {
  const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
  const key = fc.oneof(
    fc.nat(30).map((index) => Buffer.from(`k${index}`)),
    bytes(3),
  );
  const value = fc.oneof(
    bytes(40),
    fc.nat(70_000).map((length) => Buffer.alloc(length, 97)),
  );
  const named = (name: string, ...args: fc.Arbitrary<Buffer>[]): fc.Arbitrary<Buffer[]> =>
    fc.tuple(fc.constant(Buffer.from(name)), ...args);
  const request = fc.oneof(
    named("SET", key, value),
    named("GET", key),
    named("DEL", key),
    named("DBSIZE"),
    fc.array(key, { minLength: 1, maxLength: 9 }).map((keys) => [Buffer.from("MGET"), ...keys]),
  );

  it("are answered as from a Map, however they are cut", async () => {
    const server = await ServerProcess.example("resp");
    const property = fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 120 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      async (requests, cuts) => {
        const sent = Buffer.concat(requests.map((args) => command(...args)));
        const all = Buffer.concat([command("FLUSHALL"), sent]);
        const places = [...new Set(cuts.map((at) => at % all.length))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, index) => all.subarray(from, places[index]));
        const answers = await answersTo(server.port, pieces);
        expect(answers.subarray(5).equals(oracle(requests))).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: runs(30, 300) });
    expect(await server.close()).toMatchObject({ blocks: 0, bytes: 0 });
    await server.stop();
  });
});

describe("tools of redis", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.example("resp");
  });
  afterAll(() => server.stop());

  function run(context: TestContext, tool: string, ...args: string[]): string {
    try {
      execFileSync(tool, ["--version"], { stdio: "ignore" });
    } catch {
      missing(context, `${tool} is not installed: apt-get install redis-tools`);
    }
    const options = { encoding: "utf8", timeout: 60_000 } as const;
    return execFileSync(tool, ["-p", String(server.port), ...args], options).trim();
  }

  it("redis-cli", (context) => {
    const cli = (...args: string[]): string => run(context, "redis-cli", ...args);
    expect(cli("SET", "city", "Zürich")).toBe("OK");
    expect(cli("--raw", "GET", "city")).toBe("Zürich");
    expect(cli("-3", "GET", "none")).toBe("");
    expect(cli("-3", "HELLO")).toContain("proto 3");
    expect(cli("INFO")).toContain("redis_version:");
    expect(cli("MGET", "city", "none")).toMatch(/^Z.*rich$/);
    expect(cli("NONSENSE")).toMatch(/ERR unknown command/);
    expect(cli("DEL", "city")).toBe("1");
  });

  it("redis-benchmark", (context) => {
    const tests = "ping,set,get,incr,mset";
    const load = ["-t", tests, "-n", "2000", "-c", "10", "-P", "16", "-r", "100", "-d", "500"];
    const output = run(context, "redis-benchmark", ...load, "--csv");
    for (const name of ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET"]) {
      expect(output).toMatch(new RegExp(`^"${name}[^"]*","[1-9]`, "m"));
    }
    expect(run(context, "redis-benchmark", "-n", "500", "-q", "MGET", "key:1", "key:2")).toMatch(
      /requests per second/,
    );
  });
});

attack(() => ServerProcess.example("resp", { capacity: 2 ** 25, maximum: 2 ** 18 }), {
  serves,
  messages: ALL_ROWS.subarray(0, -command("QUIT").length),
  flood: command("ECHO", "x".repeat(1000)),
  refused: [
    ["a count that is none", Buffer.from("*x\r\n")],
    ["a count of too many", Buffer.from("*65537\r\n")],
    ["a count with endless digits", Buffer.from(`*${"1".repeat(40)}`)],
    ["a count with endless zeros", Buffer.from(`*${"0".repeat(40)}`)],
    ["no string in an array", Buffer.from("*1\r\n:1\r\n")],
    ["a length that is none", Buffer.from("*1\r\n$x\r\n")],
    ["a length below 0", Buffer.from("*1\r\n$-1\r\n")],
    ["a length that is too long", Buffer.from("*1\r\n$262145\r\n")],
    ["a length that is no safe integer", Buffer.from("*1\r\n$99999999999999999999\r\n")],
    ["a string that is longer than its length", Buffer.from("*1\r\n$1\r\nabc\r\n")],
    ["a header without CR", Buffer.from("*1\n$4\nPING\n")],
    ["a QUIT", command("QUIT")],
    ["a form of a browser", Buffer.from("POST / HTTP/1.1\r\nHost: a\r\n\r\nSET a 1\r\n")],
  ],
  endless: [
    ["a line without an end", Buffer.alloc(0), Buffer.from("x")],
    ["spaces without an end", Buffer.alloc(0), Buffer.from(" ")],
    ["empty lines without an end", Buffer.alloc(0), Buffer.from("\r\n")],
    ["empty arrays without an end", Buffer.alloc(0), Buffer.from("*0\r\n")],
    ["empty arguments without an end", Buffer.from("*65536\r\n"), Buffer.from("$0\r\n\r\n")],
    ["a value without an end", Buffer.from("*2\r\n$4\r\nECHO\r\n$200000\r\n"), Buffer.from("x")],
    ["commands without an end", Buffer.alloc(0), command("GET", "a")],
  ],
});
