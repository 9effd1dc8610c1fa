import { Duplex } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Bytes, type BytesPool } from "../../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  type Framer,
  framerOf,
  LengthFieldFramer,
  type WebSocketFrame,
  WebSocketFramer,
} from "../../../src/codec/index.js";
import type { Heap } from "../../../src/index.js";
import { type Connection, type ServeOptions, serve } from "../../../src/node/index.js";
import { wrong } from "../help.js";
import { expectNothingLeft, newPool, turns } from "./help.js";

type Frame = Bytes | WebSocketFrame;
type Link = Connection<Frame>;

interface Run {
  readonly pool: BytesPool;
  readonly heap: Heap;
  readonly got: string[];
  readonly errors: unknown[];
  readonly stream: Duplex;
}

function line(pool: BytesPool, more: object = {}): Framer<Frame> {
  return new DelimiterFramer(pool, { delimiter: "\n", maximum: 100, ...more });
}

function sized(pool: BytesPool): Framer<Frame> {
  return new LengthFieldFramer(pool, { width: 1, strip: "header", maximum: 100 });
}

/** Serves a stream in memory, and notes the text of each frame. */
function run(
  options: Partial<ServeOptions<Frame>>,
  framer: (pool: BytesPool) => Framer<Frame> = line,
  { heap, pool } = newPool(2 ** 20),
): Run {
  const [got, errors]: [string[], unknown[]] = [[], []];
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const onError = (error: unknown): unknown => errors.push((error as { code?: unknown }).code);
  serve(stream, { pool, framer: () => framer(pool), onError, ...options } as ServeOptions<Frame>);
  return { pool, heap, got, errors, stream };
}

function textOf(frame: Frame): string {
  const text = (frame instanceof Bytes ? frame : frame.payload).toString();
  frame.release();
  return text;
}

/** The ways to take frames: where they lie, at once, and with promises. */
const WAYS = ["onFrame", "handler", "switches, then waits", "waits, then switches"] as const;

/** Returns options that hand each text to `act`. */
function taking(way: (typeof WAYS)[number], act: (text: string, link: Link) => void): object {
  if (way === "onFrame") {
    return {
      onFrame: (view: Uint8Array, offset: number, length: number, link: Link): void =>
        act(Buffer.from(view.subarray(offset, offset + length)).toString(), link),
    };
  }
  return {
    handler: (frame: Frame, link: Link): unknown => {
      const text = textOf(frame);
      if (way !== "waits, then switches") act(text, link);
      if (way === "handler") return;
      return turn().then(() => way === "waits, then switches" && act(text, link));
    },
  };
}

/** Lets bytes come in pieces of so many bytes, and then the end. */
async function feed({ stream, heap }: Run, bytes: Uint8Array, step: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += step) {
    stream.push(bytes.subarray(at, at + step));
    if (step < 4) await turns(1);
  }
  stream.push(null);
  await new Promise((resolve) => stream.once("close", resolve));
  await expectNothingLeft(heap);
}

const STEPS = [1, 2, 3, 5, 7, 1000];

describe.each(WAYS)("switchTo, %s", (way) => {
  it("lets another framer go on after a line, and back", async () => {
    for (const step of STEPS) {
      const options = taking(way, (text, link) => {
        world.got.push(text);
        if (text === "SIZED") link.switchTo(sized(world.pool));
        if (text === "LINES") link.switchTo(line(world.pool));
      });
      const world: Run = run(options);
      const stream = "a\nb\nSIZED\n\x03c\nd\0\x05LINESe\nSIZED\n\x05LINESf\n";
      await feed(world, Buffer.from(stream), step);
      const expected = ["a", "b", "SIZED", "c\nd", "", "LINES", "e", "SIZED", "LINES", "f"];
      expect(world.got).toEqual(expected);
      expect(world.errors).toEqual([]);
    }
  });

  it("lets the messages of PostgreSQL follow its start packet, which has no type", async () => {
    const start = (pool: BytesPool): Framer<Frame> =>
      new LengthFieldFramer(pool, { width: 4, adjustment: -4, strip: "header", maximum: 100 });
    for (const step of STEPS) {
      const options = taking(way, (text, link) => {
        world.got.push(text);
        if (world.got.length > 1) return;
        const next = { offset: 1, width: 4, adjustment: -4, maximum: 100 };
        link.switchTo(new LengthFieldFramer(world.pool, next));
      });
      const world: Run = run(options, start);
      await feed(world, Buffer.from("\0\0\0\x08userQ\0\0\0\x06abX\0\0\0\x04"), step);
      expect(world.got).toEqual(["user", "Q\0\0\0\x06ab", "X\0\0\0\x04"]);
      expect(world.errors).toEqual([]);
    }
  });

  it("lets WebSocket frames follow a head of HTTP", async () => {
    const masked = [0x81, 0x82, 0, 0, 0, 0, 72, 105, 0x89, 0x80, 0, 0, 0, 0];
    const bytes = Buffer.concat([
      Buffer.from("GET / HTTP/1.1\r\nA: b\r\n\r\n"),
      Buffer.from(masked),
    ]);
    for (const step of STEPS) {
      const options = taking(way, (text, link) => {
        world.got.push(text);
        if (!text.startsWith("GET")) return;
        link.switchTo(new WebSocketFramer(world.pool, { role: "server", maximum: 125 }));
      });
      const world: Run = run(options, (pool) => line(pool, { delimiter: "\r\n\r\n" }));
      await feed(world, bytes, step);
      expect(world.got).toEqual(["GET / HTTP/1.1\r\nA: b", "Hi", ""]);
      expect(world.errors).toEqual([]);
    }
  });

  it("gives what a framer has looked at beyond its frame to the next one", async () => {
    const shy = (pool: BytesPool): Framer<Frame> =>
      framerOf(pool, (reader) => (reader.remaining < 5 ? undefined : 1), { maximum: 9 });
    for (const step of STEPS) {
      const options = taking(way, (text, link) => {
        world.got.push(text);
        if (text === "c") link.switchTo(sized(world.pool));
      });
      const world: Run = run(options, shy);
      await feed(world, Buffer.from("abc\x02de\x01f\x03ghi"), step);
      expect(world.got).toEqual(["a", "b", "c", "de", "f", "ghi"]);
      expect(world.errors).toEqual([]);
    }
  });
});

describe.each(WAYS)("switchTo where the stream or its bytes end, %s", (way) => {
  it("hands out what ends with the stream, and may switch there, too", async () => {
    for (const step of STEPS) {
      const options = taking(way, (text, link) => {
        world.got.push(text);
        if (text === "last") link.switchTo(line(world.pool));
        if (text === "") link.switchTo(line(world.pool, { unended: "frame" }));
      });
      const unended = { unended: "frame", delimiter: ["\n", "a", "aaaaa"] };
      const world: Run = run(options, (pool) => line(pool, unended));
      await feed(world, Buffer.from("1\nlast"), step);
      expect(world.got).toEqual(["1", "l", "st"]);
      const shy: Run = run({ ...options, ...taking(way, note) }, (pool) => line(pool, unended));
      function note(text: string, link: Link): void {
        shy.got.push(text);
        if (text === "x") link.switchTo(line(shy.pool, { unended: "frame" }));
      }
      await feed(shy, Buffer.from("xaaa"), step);
      expect(shy.got).toEqual(["x", "aa"]);
      expect([...world.errors, ...shy.errors]).toEqual([]);
    }
  });

  it("tells errors of the new framer with their place in its own bytes", async () => {
    const errors: { code: string; details: object }[] = [];
    const options = taking(way, (text, link) => {
      if (text === "SIZED") link.switchTo(sized(world.pool));
    });
    const onError = (error: unknown): unknown => errors.push(wrong(error));
    const world: Run = run({ ...options, onError });
    await feed(world, Buffer.from("a\nSIZED\n\x01b\xff"), 1000);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "ERR_TOO_LARGE", details: { position: 2 } });
  });
});

describe("switchTo", () => {
  it("refuses what is no new framer, and changes nothing", async () => {
    const codes: unknown[] = [];
    const memory = newPool();
    const used = line(memory.pool);
    const handler = (frame: Frame, link: Link): void => {
      world.got.push(textOf(frame));
      for (const framer of [undefined, null, {}, "framer", used]) {
        try {
          link.switchTo(wrong(framer));
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
    };
    const world: Run = run({ handler }, () => used, memory);
    await turns(1);
    await feed(world, Buffer.from("a\nb\n"), 1000);
    expect(world.got).toEqual(["a", "b"]);
    expect(codes).toEqual(new Array(10).fill("ERR_INVALID_ARGUMENT"));
  });

  it("may be called when nothing is handled: what was kept is the new framer's", async () => {
    let link: Link | undefined;
    const world: Run = run({
      onOpen: (opened) => {
        link = opened;
      },
      handler: (frame) => world.got.push(textOf(frame)),
    });
    world.stream.push("a\n\x01b\x02c");
    await turns(2);
    link?.switchTo(sized(world.pool));
    world.stream.push("d\x01e");
    await feed(world, Buffer.from("\x01f"), 1);
    expect(world.got).toEqual(["a", "b", "cd", "e", "f"]);
    link?.switchTo(sized(world.pool));
    expect(world.errors).toEqual([]);
  });

  it("may be called before the first frame, and many times", async () => {
    const memory = newPool();
    const options: Partial<ServeOptions<Frame>> = {
      onOpen: (link) => {
        for (let time = 0; time < 3; time++) link.switchTo(new FixedFramer(memory.pool, 2));
      },
      onFrame: (view, offset, length, link) => {
        world.got.push(Buffer.from(view.subarray(offset, offset + length)).toString());
        link.switchTo(new FixedFramer(memory.pool, 1 + (world.got.length % 2)));
      },
    };
    const world = run(options, line, memory);
    await feed(world, Buffer.from("aabbcddef"), 1000);
    expect(world.got).toEqual(["aa", "bb", "c", "dd", "e"]);
    expect(world.errors).toEqual(["ERR_TRUNCATED"]);
  });

  it("and then an end or an error drop what waits", async () => {
    for (const act of ["end", "destroy", "throw"]) {
      const world: Run = run({
        handler: async (frame, link) => {
          world.got.push(textOf(frame));
          await turn();
          link.switchTo(sized(world.pool));
          if (act === "end") void link.end();
          if (act === "destroy") link.destroy();
          if (act === "throw") throw Object.assign(new Error("mine"), { code: "mine" });
        },
      });
      await feed(world, Buffer.from("a\n\x01b\x01c"), 1000);
      expect(world.got).toEqual(["a"]);
      expect(world.errors).toEqual(act === "throw" ? ["mine"] : []);
    }
  });
});
