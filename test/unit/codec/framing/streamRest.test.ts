import {
  ReadableStream,
  type ReadableStreamDefaultReader,
  type WritableStream,
} from "node:stream/web";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  type Framer,
  LengthFieldFramer,
} from "../../../../src/codec/index.js";
import { ascii, type Bench, collect, expectNothingLeft, newBench, refusal } from "./help.js";

interface Pair {
  readonly readable: ReadableStream<Bytes>;
  readonly writable: WritableStream<Bytes | Uint8Array>;
}

function lines({ pool }: Bench): DelimiterFramer {
  return new DelimiterFramer(pool, { delimiter: "\r\n", maximum: 100 });
}

function frames({ pool }: Bench): LengthFieldFramer {
  return new LengthFieldFramer(pool, { width: 1, strip: 1, maximum: 100 });
}

function chunk(bench: Bench, text: string, isArray: boolean): Bytes | Uint8Array {
  return isArray ? ascii(text) : bench.pool.from(text);
}

async function lineOf(reader: ReadableStreamDefaultReader<Bytes>): Promise<string> {
  const { value } = await reader.read();
  const text = String(value);
  value?.release();
  return text;
}

describe.each([true, false])("rest of a stream (arrays: %s)", (isArray) => {
  it("gives what came after the line that was read, and ends the streams", async () => {
    const bench = newBench();
    const framer = lines(bench);
    const { readable, writable } = framer.toTransformStream() as Pair;
    const writer = writable.getWriter();
    const written = writer.write(chunk(bench, "a\r\nHELLO 2\r\n\x03a\r\n\x02de", isArray));
    const closed = writer.closed.catch((error: unknown) => error);
    const reader = readable.getReader();
    expect([await lineOf(reader), await lineOf(reader)]).toEqual(["a", "HELLO 2"]);
    await sleep(2);
    const texts: string[] = [];
    frames(bench).push(framer.rest(), collect(texts));
    expect(texts).toEqual(["a\r\n", "de"]);
    await written;
    expect((await reader.read()).done).toBe(true);
    expect(await closed).toMatchObject({ code: "ERR_CLOSED" });
    expectNothingLeft(bench);
  });

  it("includes what was begun, and a chunk that came before the program decided", async () => {
    const text = "HELLO\r\n\x06a\r\nb\r\n\x01c";
    for (let first = 7; first < text.length; first++) {
      const bench = newBench();
      const framer = lines(bench);
      const { readable, writable } = framer.toTransformStream() as Pair;
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      const reader = readable.getReader();
      const writes = [writer.write(chunk(bench, text.slice(0, first), isArray))];
      expect(await lineOf(reader)).toBe("HELLO");
      // The first chunk may hold a line, as the old protocol sees it; then the second one waits.
      const isDone = await Promise.race([writes[0]?.then(() => true), sleep(2, false)]);
      if (isDone) writes.push(writer.write(chunk(bench, text.slice(first), isArray)));
      await sleep(2);
      const texts: string[] = [];
      const next = frames(bench);
      next.push(framer.rest(), collect(texts));
      if (!isDone) next.push(ascii(text.slice(first)), collect(texts));
      next.end();
      expect(texts).toEqual(["a\r\nb\r\n", "c"]);
      await Promise.all(writes);
      expectNothingLeft(bench);
    }
  });

  it("leaves the source to the program, if it is piped with preventCancel", async () => {
    const bench = newBench();
    const framer = lines(bench);
    const { readable, writable } = framer.toTransformStream() as Pair;
    let isCancelled = false;
    const source = new ReadableStream<Bytes | Uint8Array>(
      {
        start(controller) {
          controller.enqueue(chunk(bench, "HELLO\r\n\x02a", isArray));
        },
        cancel() {
          isCancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const piped = source.pipeTo(writable, { preventCancel: true }).catch((error: unknown) => error);
    const reader = readable.getReader();
    expect(await lineOf(reader)).toBe("HELLO");
    const rest = framer.rest();
    expect(rest.toString()).toBe("\x02a");
    rest.release();
    expect(await piped).toMatchObject({ code: "ERR_CLOSED" });
    expect([isCancelled, source.locked]).toEqual([false, false]);
    expectNothingLeft(bench);
  });
});

it("a stream gives the frames of push, however chunks come and whoever waits", async () => {
  const kinds: ((bench: Bench) => Framer<Bytes>)[] = [
    lines,
    frames,
    ({ pool }) => new LengthFieldFramer(pool, { width: 2, adjustment: -2, maximum: 99 }),
    ({ pool }) => new FixedFramer(pool, 3),
  ];
  const stream = ascii("\0\x02\r\n\0\x03\r\0\x02\0\x05\r\r\n\r\n\0\x02\0\x02");
  const property = fc.asyncProperty(
    fc.constantFrom(...kinds),
    fc.array(fc.nat(stream.length), { maxLength: 8 }),
    fc.array(fc.constantFrom("bytes", "array", "chain"), { minLength: 1, maxLength: 3 }),
    async (make, cuts, forms) => {
      const bench = newBench();
      const ends = [...cuts.sort((a, b) => a - b), stream.length];
      const pieces = ends.map((end, index) => stream.slice(ends[index - 1] ?? 0, end));
      const expected: string[] = [];
      const outcome = { code: "" };
      const note = (error: unknown): void => {
        outcome.code = (error as { code: string }).code;
      };
      try {
        const framer = make(bench);
        for (const piece of pieces) framer.push(piece, collect(expected));
        framer.end();
      } catch (error) {
        note(error);
      }
      const wanted = outcome.code;
      const { readable, writable } = make(bench).toTransformStream() as Pair;
      const writer = writable.getWriter();
      const write = async (): Promise<void> => {
        for (const [index, piece] of pieces.entries()) {
          await writer.write(form(bench, piece, forms[index % forms.length] as string));
        }
        await writer.close();
      };
      outcome.code = "";
      const done = write().catch(() => {});
      writer.closed.catch(() => {});
      const got: string[] = [];
      try {
        for await (const frame of readable) collect(got)(frame);
      } catch (error) {
        note(error);
      }
      await done;
      expect([got, outcome.code]).toEqual([expected, wanted]);
      expectNothingLeft(bench);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

function form({ pool }: Bench, piece: Uint8Array, kind: string): Bytes | Uint8Array {
  if (kind === "array") return piece;
  if (kind === "bytes") return pool.from(piece);
  using head = pool.from(piece.subarray(0, piece.length >> 1));
  using tail = pool.from(piece.subarray(piece.length >> 1));
  return head.concat(tail);
}

it("what is malformed for the old framer is not lost, unless the reader asks for it", async () => {
  for (const text of ["a\nlong line", "a\nlong\nline"]) {
    const bench = newBench();
    const framer = new DelimiterFramer(bench.pool, { delimiter: "\n", maximum: 4 });
    const { readable, writable } = framer.toTransformStream() as Pair;
    const writer = writable.getWriter();
    const reader = readable.getReader();
    for (const { closed } of [writer, reader]) closed.catch(() => {});
    const written = writer.write(ascii(text));
    expect(await lineOf(reader)).toBe("a");
    await sleep(2);
    using rest = framer.rest();
    expect(rest.toString()).toBe(text.slice(2));
    await written;
  }
});

it("rest of a framer whose stream has failed is closed", async () => {
  const bench = newBench();
  const framer = new LengthFieldFramer(bench.pool, { width: 2, maximum: 4 });
  const { readable, writable } = framer.toTransformStream() as Pair;
  const writer = writable.getWriter();
  const reader = readable.getReader();
  for (const { closed } of [writer, reader]) closed.catch(() => {});
  const writes = [0, 9].map((byte) => writer.write(Uint8Array.of(byte)));
  const refused = { code: "ERR_TOO_LARGE" };
  await expect(reader.read()).rejects.toMatchObject(refused);
  await expect(Promise.all(writes)).rejects.toMatchObject(refused);
  refusal(() => framer.rest(), "ERR_CLOSED");
  expectNothingLeft(bench);
});
