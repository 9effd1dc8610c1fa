import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answersTo, attack, bytewise } from "../support/attacks.js";
import { deepIt } from "../support/deep.js";
import { missing } from "../support/missing.js";
import { ServerProcess } from "../support/serverProcess.js";

/* The example that is a cache, with memccapable, and peers that behave badly. */

const FORMAT = "CLIENT_ERROR bad command line format";
const NON_NUMERIC = "CLIENT_ERROR cannot increment or decrement non-numeric value";

/** Each row: a request of text and its answer, in order on one connection. `|` is CR LF. */
const ROWS: readonly (readonly [string, string])[] = [
  ["flush_all|", "OK|"],
  ["get a|", "END|"],
  ["set a 5 0 3|abc|", "STORED|"],
  ["get a|", "VALUE a 5 3|abc|END|"],
  ["get a none a|", "VALUE a 5 3|abc|VALUE a 5 3|abc|END|"],
  ["add a 0 0 1|x|", "NOT_STORED|"],
  ["add b 0 0 0||", "STORED|"],
  ["replace b 4294967295 0 2|||", "STORED|"],
  ["get b|", "VALUE b 4294967295 2|||END|"],
  ["replace none 0 0 1|x|", "NOT_STORED|"],
  ["append a 9 0 2|de|", "STORED|"],
  ["prepend a 9 0 2|01|", "STORED|"],
  ["get a|", "VALUE a 5 7|01abcde|END|"],
  ["append none 0 0 1|x|", "NOT_STORED|"],
  ["cas a 0 0 1 18446744073709551615|x|", "EXISTS|"],
  ["cas none 0 0 1 1|x|", "NOT_FOUND|"],
  ["cas a 0 0 1 18446744073709551616|x|", `${FORMAT}|`],
  ["set n 0 0 2|10|", "STORED|"],
  ["incr n 5|", "15|"],
  ["decr n 20|", "0|"],
  ["incr n 18446744073709551615|", "18446744073709551615|"],
  ["incr n 2|", "1|"],
  ["incr n -1|", "CLIENT_ERROR invalid numeric delta argument|"],
  ["incr a 1|", `${NON_NUMERIC}|`],
  ["incr none 1|", "NOT_FOUND|"],
  ["touch n 100|", "TOUCHED|"],
  ["touch none 100|", "NOT_FOUND|"],
  ["gat 100 n none|", "VALUE n 0 1|1|END|"],
  ["set gone 0 -1 1|x|", "STORED|"],
  ["get gone|", "END|"],
  ["delete n|", "DELETED|"],
  ["delete n 0|", "NOT_FOUND|"],
  ["set q 0 0 1 noreply|x|", ""],
  ["delete q noreply|", ""],
  ["get q|", "END|"],
  ["version|", "VERSION 1.6.0|"],
  ["verbosity 1|", "OK|"],
  ["nonsense|", "ERROR|"],
  ["|", "ERROR|"],
  ["get|", "ERROR|"],
  ["constructor a|", "ERROR|"],
  ["delete a b c|", `${FORMAT}|`],
  ["set a 0 0 -1|", `${FORMAT}|`],
  ["set a 0 0 x|", `${FORMAT}|`],
  ["set a -1 0 1|x|", `${FORMAT}|`],
  ["set a 0 0 1|xy|", "CLIENT_ERROR bad data chunk|ERROR|"],
  [`get ${"k".repeat(251)}|`, `${FORMAT}|`],
  ["flush_all 0|", "OK|"],
  ["get a|", "END|"],
];

const lines = (text: string): Buffer => Buffer.from(text.replaceAll("|", "\r\n"), "latin1");
const TEXT = Buffer.concat(ROWS.map(([request]) => lines(request)));
const TEXT_ANSWERS = ROWS.map(([, answer]) => lines(answer).toString("latin1")).join("");

interface Request {
  readonly opcode: number;
  readonly extras?: Buffer;
  readonly key?: string;
  readonly value?: string;
  readonly cas?: bigint;
  readonly opaque?: number;
}

function binary({
  opcode,
  extras = Buffer.alloc(0),
  key = "",
  value = "",
  ...rest
}: Request): Buffer {
  const head = Buffer.alloc(24);
  head[0] = 0x80;
  head[1] = opcode;
  head.writeUInt16BE(key.length, 2);
  head[4] = extras.length;
  head.writeUInt32BE(extras.length + key.length + value.length, 8);
  head.writeUInt32BE(rest.opaque ?? 7, 12);
  head.writeBigUInt64BE(rest.cas ?? 0n, 16);
  return Buffer.concat([head, extras, Buffer.from(key, "latin1"), Buffer.from(value, "latin1")]);
}

function words(...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index);
  return bytes;
}

interface Answer {
  readonly opcode: number;
  readonly status: number;
  readonly opaque: number;
  readonly cas: bigint;
  readonly extras: Buffer;
  readonly key: string;
  readonly value: string;
}

function parse(bytes: Buffer): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; at < bytes.length; ) {
    expect(bytes[at]).toBe(0x81);
    const body = bytes.readUInt32BE(at + 8);
    const keyAt = at + 24 + (bytes[at + 4] as number);
    const valueAt = keyAt + bytes.readUInt16BE(at + 2);
    answers.push({
      opcode: bytes[at + 1] as number,
      status: bytes.readUInt16BE(at + 6),
      opaque: bytes.readUInt32BE(at + 12),
      cas: bytes.readBigUInt64BE(at + 16),
      extras: bytes.subarray(at + 24, keyAt),
      key: bytes.toString("latin1", keyAt, valueAt),
      value: bytes.toString("latin1", valueAt, at + 24 + body),
    });
    at += 24 + body;
  }
  return answers;
}

const SET = { opcode: 0x01, extras: words(9, 0) };
/** Each row: a request, and the status and the value of its answer, if there is one. */
const BINARY_ROWS: readonly (readonly [Request, (readonly [number, string])?])[] = [
  [{ opcode: 0x08 }, [0, ""]],
  [{ ...SET, key: "a", value: "abc" }, [0, ""]],
  [{ opcode: 0x00, key: "a" }, [0, "abc"]],
  [{ opcode: 0x0c, key: "a" }, [0, "abc"]],
  [{ opcode: 0x00, key: "none" }, [1, "Not found"]],
  [{ opcode: 0x09, key: "none" }],
  [{ opcode: 0x09, key: "a" }, [0, "abc"]],
  [{ opcode: 0x02, extras: words(0, 0), key: "a", value: "x" }, [2, "Data exists for key."]],
  [{ opcode: 0x03, extras: words(0, 0), key: "none", value: "x" }, [1, "Not found"]],
  [{ opcode: 0x13, extras: words(0, 0), key: "a", value: "bcd" }],
  [{ opcode: 0x0e, key: "a", value: "e" }, [0, ""]],
  [{ opcode: 0x1a, key: "a", value: "a" }],
  [{ opcode: 0x0f, key: "none", value: "a" }, [5, "Not stored."]],
  [{ opcode: 0x00, key: "a" }, [0, "abcde"]],
  [{ ...SET, key: "a", value: "x", cas: 1n << 63n }, [2, "Data exists for key."]],
  [{ ...SET, key: "none", value: "x", cas: 1n << 63n }, [1, "Not found"]],
  [{ opcode: 0x05, extras: words(0, 1, 0, 7, 0), key: "n" }, [0, "\0\0\0\0\0\0\0\x07"]],
  [{ opcode: 0x05, extras: words(0, 2, 0, 7, 0), key: "n" }, [0, "\0\0\0\0\0\0\0\x09"]],
  [{ opcode: 0x16, extras: words(0, 9, 0, 7, 0), key: "n" }],
  [{ opcode: 0x00, key: "n" }, [0, "0"]],
  [{ opcode: 0x05, extras: words(0, 1, 0, 7, 0xffffffff), key: "none" }, [1, "Not found"]],
  [
    { opcode: 0x05, extras: words(0, 1, 0, 7, 0), key: "a" },
    [6, "Non-numeric server-side value for incr or decr"],
  ],
  [{ opcode: 0x1c, extras: words(100), key: "a" }, [0, ""]],
  [{ opcode: 0x1d, extras: words(100), key: "n" }, [0, "0"]],
  [{ opcode: 0x04, key: "a", cas: 1n << 63n }, [2, "Data exists for key."]],
  [{ opcode: 0x04, key: "a" }, [0, ""]],
  [{ opcode: 0x14, key: "a" }, [1, "Not found"]],
  [{ opcode: 0x0b }, [0, "1.6.0"]],
  [{ opcode: 0x0a }, [0, ""]],
  [{ opcode: 0x77 }, [0x81, "Unknown command"]],
  [{ opcode: 0x00 }, [4, "Invalid arguments"]],
  [{ opcode: 0x00, key: "a", value: "x" }, [4, "Invalid arguments"]],
  [{ opcode: 0x01, key: "a", value: "x" }, [4, "Invalid arguments"]],
  [{ opcode: 0x00, key: "k".repeat(251) }, [4, "Invalid arguments"]],
  [{ opcode: 0x18 }],
  [{ opcode: 0x00, key: "n" }, [1, "Not found"]],
  [{ opcode: 0x0a, opaque: 0xffffffff }, [0, ""]],
];
const BINARY = Buffer.concat(BINARY_ROWS.map(([request]) => binary(request)));

/** Sets the changing numbers of binary answers behind those of text to 0. */
function comparable(answers: Buffer): Buffer {
  const same = Buffer.from(answers);
  for (let at = same.indexOf(0x81); at >= 0 && at < same.length; ) {
    same.fill(0, at + 16, at + 24);
    at += 24 + same.readUInt32BE(at + 8);
  }
  return same;
}

async function servesText(port: number): Promise<void> {
  const answers = await answersTo(port, [TEXT]);
  expect(answers.toString("latin1")).toBe(TEXT_ANSWERS);
}

async function servesBinary(port: number): Promise<void> {
  const answers = parse(await answersTo(port, [BINARY]));
  const expected = BINARY_ROWS.flatMap(([request, answer]) =>
    answer === undefined
      ? []
      : [
          {
            opcode: request.opcode,
            status: answer[0],
            value: answer[1],
            opaque: request.opaque ?? 7,
          },
        ],
  );
  expect(answers).toMatchObject(expected);
  expect(answers).toHaveLength(expected.length);
}

let server: ServerProcess;
beforeAll(async () => {
  server = await ServerProcess.example("memcached", { itemBytes: 10_000 });
});
afterAll(() => server.stop());

async function answer(...requests: string[]): Promise<string> {
  return (await answersTo(server.port, requests.map(lines))).toString("latin1");
}

describe("requests", () => {
  it("of text are answered", () => servesText(server.port));
  it("in binary are answered", () => servesBinary(server.port));

  it("of both kinds on one connection", async () => {
    const both = [lines("set a 3 0 2|xy|"), binary({ opcode: 0x0c, key: "a" }), lines("get a|")];
    const answers = await answersTo(server.port, bytewise(Buffer.concat(both)));
    const [found] = parse(answers.subarray(8, 8 + 24 + 7));
    expect(found).toMatchObject({ status: 0, extras: words(3), key: "a", value: "xy" });
    expect(answers.toString("latin1", 8 + 24 + 7)).toBe("VALUE a 3 2\r\nxy\r\nEND\r\n");
  });

  it("of text have the number that cas takes", async () => {
    const [, cas] = /VALUE a 0 1 (\d+)/.exec(await answer("set a 0 0 1|x|", "gets a|")) ?? [];
    expect(await answer(`cas a 0 0 1 ${cas}|y|`, `cas a 0 0 1 ${cas}|z|`, "get a|")).toBe(
      lines("STORED|EXISTS|VALUE a 0 1|y|END|").toString(),
    );
    const set = parse(await answersTo(server.port, [binary({ ...SET, key: "a", value: "z" })]));
    const own = set[0]?.cas as bigint;
    expect(own).toBeGreaterThan(BigInt(cas as string));
    const again = binary({ ...SET, key: "a", value: "w", cas: own });
    const statuses = parse(await answersTo(server.port, [again, again])).map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([0, 2]);
  });

  it("with a value that is too long are refused, and the value is dropped", async () => {
    const text = Buffer.concat([
      lines("set long 0 0 10001|"),
      Buffer.alloc(10_001, "get a\r\n"),
      lines("|set long 0 0 4294967295 noreply|"),
      Buffer.alloc(100_000, "x"),
    ]);
    expect((await answersTo(server.port, [text])).toString()).toBe(
      "SERVER_ERROR object too large for cache\r\n",
    );
    const long = binary({ ...SET, key: "long", value: "\x80".repeat(200_000) });
    const [first, second] = parse(
      await answersTo(server.port, [long, binary({ opcode: 0x0a, opaque: 1 })]),
    );
    expect(first).toMatchObject({ status: 3, opaque: 7 });
    expect(second).toMatchObject({ status: 0, opaque: 1 });
    expect(await answer("set a 0 0 10000|", `${"x".repeat(10_000)}|`, "append a 0 0 1|x|")).toBe(
      "STORED\r\nSERVER_ERROR object too large for cache\r\n",
    );
    expect(await answer("get long|")).toBe("END\r\n");
  });
});

describe("items", () => {
  it("have keys of any bytes but spaces and controls", async () => {
    const key = String.fromCharCode(...Array.from({ length: 128 }, (_, index) => 128 + index));
    expect(await answer(`set ${key} 0 0 1|x|`, `get ${key}|`)).toBe(
      `STORED\r\nVALUE ${key} 0 1\r\nx\r\nEND\r\n`,
    );
    expect(await answer("get a\tb|", "get a\0|")).toBe(`${FORMAT}\r\n${FORMAT}\r\n`);
  });

  it("expire, looked for or not", async () => {
    await answer("flush_all|");
    const { blocks } = await server.state();
    await answer("set a 0 1 1|x|", "set b 0 0 1|x|", "flush_all 1|", "set c 0 4294967295 1|x|");
    const poll = { timeout: 30_000 };
    await expect.poll(async () => (await server.state()).blocks, poll).toBeLessThan(blocks + 2);
    expect(await answer("get a b c|", "flush_all|")).toBe("END\r\nOK\r\n");
  });

  it("are counted", async () => {
    const text = await answer("flush_all|", "set a 0 0 1|x|", "get a b|", "stats|");
    expect(text).toMatch(
      /STAT curr_items 1\r\n(.*\r\n)*STAT get_hits [1-9]\d*\r\n(.*\r\n)*END\r\n$/,
    );
    const stats = parse(await answersTo(server.port, [binary({ opcode: 0x10 })]));
    expect(stats.find(({ key }) => key === "curr_items")?.value).toBe("1");
    expect(stats.at(-1)).toMatchObject({ key: "", value: "" });
  });
});

describe("a full cache", () => {
  it("answers with an error, and serves on", async () => {
    const own = await ServerProcess.example("memcached", { capacity: 2 ** 24, limit: 2 ** 20 });
    const value = "v".repeat(50_000);
    const sets = Array.from({ length: 40 }, (_, index) =>
      lines(`set k${index} 0 0 50000|${value}|`),
    );
    const answers = (await answersTo(own.port, sets)).toString();
    expect(answers).toMatch(
      /^(STORED\r\n){20}(SERVER_ERROR out of memory storing object\r\n){20}$/,
    );
    expect((await own.state()).bytes).toBeLessThan(2 ** 21);
    const more = ["incr k0 1|", "set k0 0 0 1|5|", "incr k0 1|", "flush_all|", "get k1|"];
    expect((await answersTo(own.port, more.map(lines))).toString()).toBe(
      `${NON_NUMERIC}\r\nSTORED\r\n6\r\nOK\r\nEND\r\n`,
    );
    expect(await own.close()).toMatchObject({ blocks: 0, bytes: 0 });
    await own.stop();
  });

  it("sends more than memory has to a client that reads", async () => {
    const own = await ServerProcess.example("memcached", { capacity: 2 ** 24 });
    const value = "v".repeat(1_000_000);
    await answersTo(own.port, [lines(`set k 0 0 1000000|${value}|`)]);
    const get = lines(`get${" k".repeat(20)}|`.repeat(2));
    const { length } = await answersTo(own.port, [get]);
    expect(length).toBe(2 * (20 * (1_000_000 + 21) + 5));
    expect((await own.state()).bytes).toBeLessThan(2 ** 21);
    await own.stop();
  });
});

deepIt("memccapable", async (context) => {
  try {
    execFileSync("memccapable", ["-V"], { stdio: "ignore" });
  } catch {
    missing(context, "memccapable is not installed: apt-get install libmemcached-tools");
  }
  const own = await ServerProcess.example("memcached");
  const args = ["-h", "127.0.0.1", "-p", String(own.port)];
  const output = execFileSync("memccapable", args, { encoding: "utf8", timeout: 60_000 });
  expect(output.match(/\[pass\]/g)).toHaveLength(54);
  expect(output).toMatch(/All tests passed/);
  expect(await own.close()).toMatchObject({ blocks: 0, bytes: 0 });
  await own.stop();
});

const endless = (text: string): Buffer => Buffer.alloc(1000, text);

attack(() => ServerProcess.example("memcached", { capacity: 2 ** 25, itemBytes: 2 ** 18 }), {
  async serves(port) {
    await servesText(port);
    await servesBinary(port);
  },
  messages: Buffer.concat([TEXT, BINARY]),
  comparable,
  flood: lines(`get ${"k".repeat(200)}|set a 0 0 800|${"v".repeat(800)}|get a|flush_all|`),
  refused: [
    ["a line that is too long", Buffer.alloc(65_537, "get a ")],
    ["a quit of text", lines("quit|")],
    ["a form of a browser", lines("POST / HTTP/1.1|Host: a||set a 0 0 1|x|")],
    ["a binary quit", binary({ opcode: 0x07 })],
  ],
  endless: [
    ["spaces without an end", Buffer.alloc(0), endless(" ")],
    ["empty lines without an end", Buffer.alloc(0), endless("\r\n")],
    ["a value without an end", lines("set a 0 0 200000|"), endless("x")],
    ["a value that is too long, without an end", lines("set a 0 0 9999999999|"), endless("x")],
    ["a binary body that is too long", binary({ opcode: 1 }).fill(255, 8, 12), endless("\x80")],
    ["gets without an end", Buffer.alloc(0), endless("get a\r\n")],
  ],
});
