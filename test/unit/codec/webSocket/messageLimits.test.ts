import { describe, expect, it } from "vitest";
import {
  encodeFrame,
  OPCODE,
  type WebSocketMessage,
  WebSocketMessageFramer,
  type WebSocketMessageOptions,
} from "../../../../src/codec/index.js";
import { framesOf } from "../../../../src/node/index.js";
import { expectNothingLeft, newBench, refusal } from "../framing/help.js";
import { FIN, framer, frames, type Piece, see } from "./help.js";

const { TEXT, BINARY, CLOSE, PING } = OPCODE;

describe("headers", () => {
  it("count no control frames, and begin anew with each message", () => {
    const bench = newBench();
    const to = framer(bench, { maximum: 125 });
    const zeros = (count: number): number[] => new Array(count).fill(0);
    const lengths: number[] = [];
    const message: Piece[] = [
      [BINARY, zeros(100)],
      [FIN | PING, zeros(125)],
      [FIN, zeros(25)],
    ];
    to.push(frames(...message, ...message, [FIN | BINARY, zeros(125)]), (each) => {
      lengths.push(each.payload.length);
      each.release();
    });
    expect(lengths).toEqual([125, 125, 125, 125, 125]);
    expectNothingLeft(bench);
  });

  it("have the reserved bits that were agreed on, and no others", () => {
    for (const [rsv, first] of [
      [4, 0xa2],
      [4, 0xe2],
      [3, 0xc2],
      [4, 0xc9],
    ] as const) {
      const bench = newBench();
      const to = framer(bench, { rsv });
      to.push(frames([0x82 | (rsv << 4), "a"]), (each) => {
        expect(each.rsv).toBe(rsv);
        each.release();
      });
      const { details } = refusal(() => to.push(frames([first, ""]), () => {}), "ERR_MALFORMED");
      expect(details).toMatchObject({ closeCode: 1002 });
      expectNothingLeft(bench);
    }
  });
});

describe("limits", () => {
  it("of bytes hold for all fragments together, and are said by the header", () => {
    for (const role of ["client", "server"] as const) {
      const bench = newBench();
      const to = framer(bench, { maximum: 125, role });
      const mask = role === "server" ? 0x80 : 0;
      const zeros = new Uint8Array(100 + mask / 32);
      to.push(Uint8Array.of(2, mask | 100, ...zeros), () => {});
      to.push(Uint8Array.of(0x89, mask | 0, ...zeros.subarray(100)), (ping) => ping.release());
      const position = to.position;
      const action = (): void => to.push(Uint8Array.of(0x80, mask | 26), () => {});
      const { details, message } = refusal(action, "ERR_TOO_LARGE");
      expect(details).toMatchObject({ position, got: 126, maximum: 125, closeCode: 1009 });
      expect(message).toContain("with the fragments before it");
      expectNothingLeft(bench);
    }
  });

  it("of fragments", () => {
    const bench = newBench();
    const to = framer(bench, { maximumFragments: 3 });
    const got: string[] = [];
    to.push(frames([TEXT, "a"], [0, "b"], [FIN, "c"], [TEXT, ""], [0, ""], [0, ""]), see(got));
    expect(got).toEqual(["1 abc"]);
    const action = (): void => to.push(frames([FIN, ""]), see(got));
    const { details, message } = refusal(action, "ERR_TOO_LARGE");
    expect(details).toMatchObject({ position: 9, got: 4, maximum: 3, closeCode: 1008 });
    expect(message).toContain("at most 3 frames");
    expectNothingLeft(bench);
  });

  it("of an endless message of empty fragments, without memory", () => {
    const bench = newBench();
    const to = framer(bench);
    const many = frames(...new Array<Piece>(1000).fill([0, ""]));
    to.push(frames([TEXT, ""]), () => {});
    const endless = (): never => {
      for (;;) to.push(many, () => {});
    };
    expect(refusal(endless, "ERR_TOO_LARGE").details).toMatchObject({ got: 65537 });
    expectNothingLeft(bench);
  });

  it("of the heap's largest block", () => {
    const bench = newBench();
    const to = framer(bench, { maximum: 2 ** 30 });
    const header = Uint8Array.of(2, 127, 0, 0, 0, 0, 32, 0, 0, 0, 1);
    const { details } = refusal(() => to.push(header, () => {}), "ERR_TOO_LARGE");
    expect(details).toMatchObject({ position: 0, closeCode: 1009 });
    expectNothingLeft(bench);
  });

  it("are options that are checked", () => {
    const bench = newBench();
    const bad: Partial<Record<keyof WebSocketMessageOptions, unknown>>[] = [
      { maximumFragments: 0 },
      { maximumFragments: 1.5 },
      { maximumFragments: "9" },
      { maximum: 124 },
      { role: "peer" },
      { rsv: 8 },
      { copyBelow: -1 },
    ];
    for (const option of bad) {
      const make = (): unknown => framer(bench, option as Partial<WebSocketMessageOptions>);
      const { details } = refusal(make, "ERR_INVALID_ARGUMENT");
      expect(details.name).toBe(Object.keys(option)[0]);
    }
    const none = undefined as unknown as WebSocketMessageOptions;
    refusal(() => new WebSocketMessageFramer(bench.pool, none), "ERR_INVALID_ARGUMENT");
  });
});

describe("memory", () => {
  it("of a message in one frame of a chunk is the chunk's, unless it is short", () => {
    const bench = newBench();
    const to = framer(bench, { copyBelow: 4 });
    const chunk = bench.pool.from(frames([FIN | BINARY, "abc"], [FIN | BINARY, "abcd"]));
    const kept: WebSocketMessage[] = [];
    to.push(chunk, (message) => kept.push(message));
    expect(bench.heap.stats().live.blocks).toBe(2);
    kept[1]?.release();
    expect(bench.heap.stats().live.blocks).toBe(1);
    expect(kept[0]?.text).toBe("abc");
    kept[0]?.release();
    expectNothingLeft(bench);
  });

  it("of thousands of fragments is one block, of twice the bytes at most", () => {
    const bench = newBench();
    const to = framer(bench, { maximum: 100_000 });
    let message: WebSocketMessage | undefined;
    const push = (bytes: Uint8Array): void => {
      to.push(bench.pool.from(bytes), (got) => {
        message = got;
      });
    };
    push(frames([BINARY, [0]]));
    for (let at = 1; at < 20_000; at++) push(frames([0, [at & 255]]));
    const { live } = bench.heap.stats();
    expect([live.blocks, to.keptBytes]).toEqual([1, 20_000]);
    expect(live.bytes).toBeLessThan(2.5 * 20_000);
    push(frames([FIN, [1]]));
    expect(message?.payload.view().every((byte, at) => at === 20_000 || byte === (at & 255))).toBe(
      true,
    );
    message?.release();
    expectNothingLeft(bench);
  });

  it("that the heap does not have closes the framer", () => {
    const bench = newBench();
    const to = framer(bench, { maximum: 2 ** 22 });
    const hoard = [];
    for (const size of [65536, 1024, 64]) {
      try {
        for (;;) hoard.push(bench.pool.alloc(size));
      } catch {}
    }
    const push = (): void => to.push(frames([BINARY, new Array<number>(900).fill(1)]), () => {});
    expect(push).toThrow(expect.objectContaining({ code: "ERR_HEAP_EXHAUSTED" }));
    refusal(push, "ERR_CLOSED");
    for (const bytes of hoard) bytes.release();
    expectNothingLeft(bench);
  });
});

describe("the end", () => {
  it.each<[string, Uint8Array, number, string]>([
    ["within a header", Uint8Array.of(0x81), 0, "a header of 2 bytes"],
    ["within a payload", Uint8Array.of(0x81, 9, 97), 0, "8 more bytes"],
    ["between fragments", frames([FIN | PING, "p"], [TEXT, ""]), 3, "a continuation"],
    ["within a ping in a message", Uint8Array.of(1, 1, 97, 0x89, 2, 97), 3, "1 more bytes"],
  ])("%s is an error", (_name, bytes, position, expected) => {
    const bench = newBench();
    const to = framer(bench);
    to.push(bytes, (message) => message.release());
    const { details } = refusal(() => to.end(), "ERR_TRUNCATED");
    expect(details).toMatchObject({ position, expected });
    refusal(() => to.end(), "ERR_CLOSED");
    to.reset();
    to.push(frames([FIN | TEXT, "x"]), (message) => message.release());
    expect([to.position, to.keptBytes]).toEqual([3, 0]);
    to.end();
    expectNothingLeft(bench);
  });

  it("within a message may be left by a reset, a dispose and rest", () => {
    const bench = newBench();
    const to = framer(bench);
    const stream = frames([FIN | PING, ""], [FIN | TEXT, "a"]);
    for (const leave of [() => to.reset(), () => to[Symbol.dispose](), () => to.rest().release()]) {
      to.reset();
      to.push(Uint8Array.of(1, 2, 0xe2, 0x82, 0x89, 3, 1), () => {});
      leave();
      expectNothingLeft(bench);
      to.reset();
      const got: string[] = [];
      for (const chunk of [stream, bench.pool.from(stream)]) {
        to.push(chunk, (message) => {
          see(got)(message);
          if (message.opcode === PING) leave();
        });
        if (leave.name !== "reset") to.reset();
      }
      expect(got).toEqual(["9 ", "9 "]);
    }
    expectNothingLeft(bench);
  });

  it("of this framer's work leaves the rest of the chunk to another", () => {
    const bench = newBench();
    const to = framer(bench);
    to.push(bench.pool.from([0x89, 0, 1, 2, 3]), (ping) => {
      ping.release();
      using rest = to.rest();
      expect([...rest.view()]).toEqual([1, 2, 3]);
    });
    expectNothingLeft(bench);
  });
});

describe("streams", () => {
  const chunks = (): Uint8Array[] => {
    const text = frames([TEXT, [0xe2]], [FIN | PING, ""], [FIN, [0x82, 0xac]], [FIN | 2, "x"]);
    return [...text, ...frames([FIN | CLOSE, [3, 0xe8]], [0xff, "lost"])].map((byte) =>
      Uint8Array.of(byte),
    );
  };
  const EXPECTED = ["9 ", "1 €", "2 x", "8 1000 "];

  it("of the web and of Node give messages", async () => {
    const bench = newBench();
    for (const parts of [chunks(), [Buffer.concat(chunks())]]) {
      const { readable, writable } = framer(bench).toTransformStream();
      const writer = writable.getWriter();
      const written = (async () => {
        for (const part of parts) await writer.write(bench.pool.from(part));
        await writer.close();
      })();
      const got: string[] = [];
      for await (const message of readable) see(got)(message as WebSocketMessage);
      await written;
      expect(got).toEqual(EXPECTED);
      const transform = framesOf(framer(bench));
      for (const part of parts) transform.write(part);
      transform.end();
      const seen: string[] = [];
      for await (const message of transform) see(seen)(message as WebSocketMessage);
      expect(seen).toEqual(EXPECTED);
    }
    expectNothingLeft(bench);
  });

  it("fail after the messages before the error, and leave nothing", async () => {
    const bench = newBench();
    const { readable, writable } = framer(bench).toTransformStream();
    const writer = writable.getWriter();
    const bad = frames([FIN | TEXT, "a"], [TEXT, "b"], [FIN, [0xff]]);
    const written = writer.write(bad).catch((error: unknown) => error);
    const reader = readable.getReader();
    const { value } = await reader.read();
    const got: string[] = [];
    see(got)(value as WebSocketMessage);
    expect(got).toEqual(["1 a"]);
    await expect(reader.read()).rejects.toMatchObject({ details: { closeCode: 1007 } });
    expect(await written).toMatchObject({ code: "ERR_MALFORMED" });
    expectNothingLeft(bench);
  });

  it("that end within a message fail", async () => {
    const bench = newBench();
    for (const bytes of [frames([TEXT, ""]), frames([TEXT, "b"]), Uint8Array.of(0x81)]) {
      const { readable, writable } = framer(bench).toTransformStream();
      const writer = writable.getWriter();
      writer.write(bytes).catch(() => {});
      writer.close().catch(() => {});
      await expect(readable.getReader().read()).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
      const transform = framesOf(framer(bench));
      transform.end(bytes);
      const reading = (async () => {
        for await (const _message of transform);
      })();
      await expect(reading).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
    }
    expectNothingLeft(bench);
  });

  it("that are cancelled release what is whole and what is not", async () => {
    const bench = newBench();
    const { readable, writable } = framer(bench).toTransformStream();
    const writer = writable.getWriter();
    const written = writer.write(frames([TEXT, "b"], [FIN, "c"], [TEXT, "d"])).catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    await readable.cancel();
    await written;
    expectNothingLeft(bench);
  });
});

it("a message's payload is unmasked whatever the alignment and the cuts", () => {
  const bench = newBench();
  const bytes = Uint8Array.from({ length: 300 }, (_, at) => (at * 7) & 255);
  using frame = encodeFrame(bench.pool, { opcode: BINARY, mask: true }, bytes);
  const stream = frame.toUnshared();
  for (let step = 1; step < stream.length; step += 3) {
    const to = framer(bench, { role: "server" });
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) {
      to.push(bench.pool.from(stream.subarray(at, at + step)), (message) => {
        got.push(message.payload.toUnshared());
        message.release();
      });
    }
    expect(got).toEqual([bytes]);
  }
  frame.release();
  expectNothingLeft(bench);
});
