import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ReadableStream, type WritableStream } from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../../src/buffers/index.js";
import { DelimiterFramer } from "../../../../src/codec/index.js";
import { framesOf } from "../../../../src/node/framing.js";
import { ascii, type Bench, expectNothingLeft, newBench } from "./help.js";

interface Pair {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Bytes | Uint8Array>;
}

function pairOf({ pool }: Bench, maximum = 100): Pair {
  const framer = new DelimiterFramer(pool, { delimiter: "\n", maximum });
  return framer.toTransformStream() as Pair;
}

function transformOf({ pool }: Bench, maximum = 100): Transform {
  return framesOf(new DelimiterFramer(pool, { delimiter: "\n", maximum }));
}

function sourceOf({ pool }: Bench, texts: readonly string[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      texts.forEach((text, index) => {
        controller.enqueue(index % 2 === 0 ? pool.from(text) : ascii(text));
      });
      controller.close();
    },
  });
}

function textOf(frame: Bytes): string {
  const text = frame.toString();
  frame.release();
  return text;
}

describe("toTransformStream", () => {
  it("gives frames of any chunks", async () => {
    const bench = newBench();
    const texts: string[] = [];
    const source = sourceOf(bench, ["one\ntw", "o\n", "\nth", "re", "e\n"]);
    for await (const frame of source.pipeThrough(pairOf(bench))) texts.push(textOf(frame as Bytes));
    expect(texts).toEqual(["one", "two", "", "three"]);
    expectNothingLeft(bench);
  });

  it("takes no chunk before the frames of the last one are read", async () => {
    const bench = newBench();
    const { readable, writable } = pairOf(bench);
    const writer = writable.getWriter();
    let written = 0;
    const count = (): number => written++;
    void writer.write(bench.pool.from("a\nb\n")).then(count);
    await sleep(5);
    expect(written).toBe(0);
    expect(writer.desiredSize).toBe(0);
    const reader = readable.getReader();
    expect(textOf((await reader.read()).value as Bytes)).toBe("a");
    await sleep(5);
    expect(written).toBe(0);
    expect(textOf((await reader.read()).value as Bytes)).toBe("b");
    await sleep(5);
    expect(written).toBe(1);
    const ended = writer.close();
    expect((await reader.read()).done).toBe(true);
    await ended;
    expectNothingLeft(bench);
  });

  it("an error comes after the frames before it, on both sides", async () => {
    const bench = newBench();
    const { readable, writable } = pairOf(bench, 4);
    const writer = writable.getWriter();
    const refusedWrite = expect(writer.write(ascii("a\nb\nlong line"))).rejects.toMatchObject({
      code: "ERR_TOO_LARGE",
    });
    const reader = readable.getReader();
    expect(textOf((await reader.read()).value as Bytes)).toBe("a");
    expect(textOf((await reader.read()).value as Bytes)).toBe("b");
    await expect(reader.read()).rejects.toMatchObject({ code: "ERR_TOO_LARGE" });
    await refusedWrite;
    await expect(writer.closed).rejects.toMatchObject({ code: "ERR_TOO_LARGE" });
    expectNothingLeft(bench);
  });

  it("an incomplete frame at the end is an error", async () => {
    const bench = newBench();
    const texts: string[] = [];
    const read = async (): Promise<void> => {
      const source = sourceOf(bench, ["a\nb"]);
      for await (const frame of source.pipeThrough(pairOf(bench))) texts.push(textOf(frame));
    };
    await expect(read()).rejects.toMatchObject({ code: "ERR_TRUNCATED" });
    expect(texts).toEqual(["a"]);
    expectNothingLeft(bench);
  });
});

describe("toTransformStream, cancelled or aborted", () => {
  it("a reader that cancels leaves nothing behind", async () => {
    const bench = newBench();
    for await (const frame of sourceOf(bench, ["a\nb\nc\nd"]).pipeThrough(pairOf(bench))) {
      expect(textOf(frame as Bytes)).toBe("a");
      break;
    }
    expectNothingLeft(bench);
  });

  it("a writer that aborts while frames wait leaves nothing behind", async () => {
    const bench = newBench();
    const { readable, writable } = pairOf(bench);
    const writer = writable.getWriter();
    const written = writer.write(bench.pool.from("a\nb\nc")).catch(() => {});
    const reader = readable.getReader();
    expect(textOf((await reader.read()).value as Bytes)).toBe("a");
    await writer.abort(new Error("enough"));
    await expect(reader.read()).rejects.toThrow("enough");
    await written;
    expectNothingLeft(bench);
  });
});

describe("framesOf", () => {
  it("gives frames of any chunks, in a pipeline", async () => {
    const bench = newBench();
    const texts: string[] = [];
    const chunks = [bench.pool.from("one\ntw"), Buffer.from("o\n\nth"), bench.pool.from("ree\n")];
    await pipeline(Readable.from(chunks), transformOf(bench), async (frames) => {
      for await (const frame of frames) texts.push(textOf(frame as Bytes));
    });
    expect(texts).toEqual(["one", "two", "", "three"]);
    expectNothingLeft(bench);
  });

  it("takes no chunk before the frames of the last one are asked for", async () => {
    const bench = newBench();
    const stream = transformOf(bench);
    let written = 0;
    const count = (): number => written++;
    expect(stream.write(bench.pool.from("a\nb\nc\n"), count)).toBe(false);
    await sleep(5);
    expect(written).toBe(0);
    expect(stream.readableLength).toBe(1);
    const texts: string[] = [];
    stream.on("data", (frame: Bytes) => texts.push(textOf(frame)));
    stream.end();
    await new Promise((resolve) => stream.once("end", resolve));
    expect(written).toBe(1);
    expect(texts).toEqual(["a", "b", "c"]);
    expectNothingLeft(bench);
  });

  it.each([
    ["ERR_TOO_LARGE", "a\nb\nlong line"],
    ["ERR_TRUNCATED", "a\nb\nc"],
  ])("%s comes after the frames before it", async (code, text) => {
    const bench = newBench();
    const texts: string[] = [];
    const run = pipeline(
      Readable.from([bench.pool.from(text)]),
      transformOf(bench, 4),
      async (frames) => {
        for await (const frame of frames) {
          texts.push(textOf(frame as Bytes));
          await sleep(1);
        }
      },
    );
    await expect(run).rejects.toMatchObject({ code });
    expect(texts).toEqual(["a", "b"]);
    expectNothingLeft(bench);
  });

  it("destroyed while frames and chunks wait, it leaves nothing behind", async () => {
    const bench = newBench();
    const stream = transformOf(bench);
    stream.on("error", () => {});
    stream.write(bench.pool.from("a\nb\nc"));
    stream.write(bench.pool.from("d\ne"));
    stream.write(Buffer.from("f\n"));
    await sleep(2);
    expect(textOf(stream.read() as Bytes)).toBe("a");
    stream.destroy();
    await new Promise((resolve) => stream.once("close", resolve));
    expectNothingLeft(bench);
  });
});

describe("framesOf a stream that fails", () => {
  it.each(["ends inside a frame", "is malformed"])(
    "fails when it %s, also if its reader is slow",
    async (how) => {
      const bench = newBench();
      const texts: string[] = [];
      const text = how === "is malformed" ? "a\nb\nmuch too long for it" : "a\nb\nc";
      const framer = new DelimiterFramer(bench.pool, { delimiter: "\n", maximum: 4 });
      const reading = pipeline(
        Readable.from([Buffer.from(text)]),
        framesOf(framer),
        async (frames) => {
          for await (const frame of frames) {
            await new Promise((resolve) => setTimeout(resolve, 2));
            texts.push(textOf(frame as Bytes));
          }
        },
      );
      const code = how === "is malformed" ? "ERR_TOO_LARGE" : "ERR_TRUNCATED";
      await expect(reading).rejects.toMatchObject({ code });
      expect(texts).toEqual(["a", "b"]);
      expectNothingLeft(bench);
    },
  );
});

describe.each(["web", "node"])("the last frames of a stream (%s)", (kind) => {
  const open = ({ pool }: Bench, delimiter: string | readonly string[]): DelimiterFramer =>
    new DelimiterFramer(pool, { delimiter, maximum: 9, unended: "frame" });

  async function read(bench: Bench, framer: DelimiterFramer, texts: string[]): Promise<string[]> {
    const got: string[] = [];
    const source = sourceOf(bench, texts);
    const frames =
      kind === "web"
        ? source.pipeThrough(framer.toTransformStream() as Pair)
        : Readable.from(source).pipe(framesOf(framer));
    for await (const frame of frames) got.push(textOf(frame as Bytes));
    return got;
  }

  it("are those without a delimiter, or with one that could have been longer", async () => {
    const bench = newBench();
    expect(await read(bench, open(bench, "\n"), ["one\ntw", "o"])).toEqual(["one", "two"]);
    expect(await read(bench, open(bench, "\n"), ["one\n"])).toEqual(["one"]);
    const lines = ["\r\n", "\r", "\n"];
    expect(await read(bench, open(bench, lines), ["a\r", "\nb\r", "c\r"])).toEqual(["a", "b", "c"]);
    const shy = await read(bench, open(bench, ["a", "aaaaa"]), ["1aa", "a2a", "aa"]);
    expect(shy).toEqual(["1", "", "", "2", "", ""]);
    expectNothingLeft(bench);
  });

  it("are released if nobody reads them", async () => {
    const bench = newBench();
    const framer = open(bench, ["a", "aaaaa"]);
    if (kind === "web") {
      const { readable, writable } = framer.toTransformStream() as Pair;
      const writer = writable.getWriter();
      await writer.write(ascii("1aaa"));
      const closed = writer.close().catch(() => {});
      const reader = readable.getReader();
      expect(textOf((await reader.read()).value as Bytes)).toBe("1");
      await reader.cancel();
      await closed;
    } else {
      const stream = framesOf(framer);
      stream.write(bench.pool.from("1aaa"));
      stream.end();
      await sleep(1);
      expect(textOf(stream.read())).toBe("1");
      stream.destroy();
      await sleep(1);
    }
    expectNothingLeft(bench);
  });
});

it("the rest of a stream that has ended follows the frame that was read last", async () => {
  const bench = newBench();
  const framer = new DelimiterFramer(bench.pool, { delimiter: ["a", "aaaaa"], maximum: 9 });
  const { readable, writable } = framer.toTransformStream() as Pair;
  const writer = writable.getWriter();
  await writer.write(bench.pool.from("1aaa"));
  const closed = writer.close().catch(() => {});
  const reader = readable.getReader();
  textOf((await reader.read()).value as Bytes);
  using rest = framer.rest();
  expect(rest.toString()).toBe("aa");
  await closed;
  rest.release();
  expectNothingLeft(bench);
});
