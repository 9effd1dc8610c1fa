import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bytes } from "../../../../src/buffers/index.js";
import { BytesPool } from "../../../../src/buffers/index.js";
import {
  DelimiterFramer,
  LengthFieldFramer,
  WebSocketFramer,
} from "../../../../src/codec/index.js";
import { Heap } from "../../../../src/index.js";
import { ascii, type Bench, collect, expectNothingLeft, newBench, refusal } from "./help.js";

function lines({ pool }: Bench): DelimiterFramer {
  return new DelimiterFramer(pool, { delimiter: "\r\n", maximum: 1000 });
}

function frames({ pool }: Bench): LengthFieldFramer {
  return new LengthFieldFramer(pool, { width: 1, strip: 1, maximum: 100 });
}

const GREETING = "HELLO 2\r\n\x03abc\x02de";
const WANTED = ["HELLO 2", "abc", "de"];

/** A connection that changes its protocol after a line with HELLO. */
class Connection {
  readonly texts: string[] = [];
  private readonly lines: DelimiterFramer;
  private readonly frames: LengthFieldFramer;
  private isSwitched = false;

  constructor(bench: Bench) {
    this.lines = lines(bench);
    this.frames = frames(bench);
  }

  push(chunk: Bytes | Uint8Array): void {
    if (this.isSwitched) this.frames.push(chunk, collect(this.texts));
    else this.lines.push(chunk, (line) => this.line(line.toString(), line));
  }

  scan(view: Uint8Array, offset: number, length: number): void {
    let taken = 0;
    if (!this.isSwitched) {
      taken = this.lines.scan(view, offset, length, (from, at, size) => {
        const text = textOf(from, at, size);
        if (!text.startsWith("HELLO")) return void this.texts.push(text);
        this.texts.push(text);
        this.isSwitched = true;
        this.lines.reset();
      });
    }
    if (!this.isSwitched) return;
    this.frames.scan(view, offset + taken, length - taken, (from, at, size) => {
      this.texts.push(textOf(from, at, size));
    });
  }

  end(): void {
    this.frames.end();
  }

  private line(text: string, line: Bytes): void {
    line.release();
    this.texts.push(text);
    if (!text.startsWith("HELLO")) return;
    this.isSwitched = true;
    this.frames.push(this.lines.rest(), collect(this.texts));
  }
}

function textOf(view: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...view.subarray(offset, offset + length));
}

const alien = new BytesPool(Heap.create({ capacity: 2 ** 20 }));

const CHUNKS: [string, (bench: Bench, text: string) => Bytes | Uint8Array][] = [
  ["of the heap", ({ pool }, text) => pool.from(text)],
  ["that is frozen", ({ pool }, text) => pool.from(text).freeze()],
  [
    "of two parts",
    ({ pool }, text) => {
      using head = pool.from(text.slice(0, text.length >> 1));
      using tail = pool.from(text.slice(text.length >> 1));
      return head.concat(tail);
    },
  ],
  ["of another heap", (_bench, text) => alien.from(text) as Bytes],
  ["that is an array", (_bench, text) => ascii(text)],
];

describe.each(CHUNKS)("the rest of a chunk %s", (name, make) => {
  it("goes to another framer, wherever the chunks end", () => {
    const bench = newBench();
    for (let first = 0; first <= GREETING.length; first++) {
      for (let second = first; second <= GREETING.length; second++) {
        const connection = new Connection(bench);
        const cuts = [0, first, second, GREETING.length];
        for (let cut = 0; cut < 3; cut++) {
          connection.push(make(bench, GREETING.slice(cuts[cut], cuts[cut + 1])));
        }
        connection.end();
        expect(connection.texts).toEqual(WANTED);
      }
    }
    expectNothingLeft(bench);
    expectNothingLeft({ heap: alien.heap as Heap, pool: alien });
  });

  it("is shared if it lies in the heap", () => {
    const bench = newBench();
    const framer = lines(bench);
    const chunk = make(bench, "a\r\nrest of it");
    let isShared = false;
    framer.push(chunk, (line) => {
      line.release();
      const before = bench.heap.stats().live.bytes;
      using rest = framer.rest();
      isShared = bench.heap.stats().live.bytes === before;
      expect(rest.toString()).toBe("rest of it");
      expect(rest.isFrozen).toBe(name.includes("frozen"));
    });
    expect(isShared).toBe(!/another|array/.test(name));
    expectNothingLeft(bench);
  });
});

describe("rest", () => {
  it("has none of the bytes after the scanned ones", () => {
    const bench = newBench();
    const framer = lines(bench);
    const view = ascii("xxa\r\nrestyy");
    let rest: Bytes | undefined;
    const taken = framer.scan(view, 2, 7, () => (rest = framer.rest()));
    expect([taken, rest?.toString()]).toEqual([3, "rest"]);
    rest?.release();
    expectNothingLeft(bench);
  });

  it("between chunks gives what is kept", () => {
    const bench = newBench();
    const framer = lines(bench);
    framer.push(ascii("a\r\nbeg"), collect([]));
    framer.push(ascii("un"), collect([]));
    expect(framer.position).toBe(8);
    using rest = framer.rest();
    expect(rest.toString()).toBe("begun");
    expect(framer.keptBytes).toBe(0);
    refusal(() => framer.rest(), "ERR_CLOSED");
    refusal(() => framer.push(ascii("x"), () => {}), "ERR_CLOSED");
    framer.reset();
    using empty = framer.rest();
    expect(empty.length).toBe(0);
  });

  it("gives nothing if onFrame has dropped it, and all after a WebSocket's close frame", () => {
    const bench = newBench();
    const framer = lines(bench);
    framer.push(bench.pool.from("a\r\nrest"), (line) => {
      line.release();
      framer.reset();
      using rest = framer.rest();
      expect(rest.length).toBe(0);
    });
    const socket = new WebSocketFramer(bench.pool, { role: "client", maximum: 1000 });
    socket.push(bench.pool.from([0x88, 0, 1, 2]), (frame) => {
      frame.release();
      using rest = socket.rest();
      expect([...rest.toUnshared()]).toEqual([1, 2]);
    });
    expectNothingLeft(bench);
  });

  it("closes the framer and leaks nothing if the heap has no room for it", () => {
    const bench = newBench();
    const framer = lines(bench);
    const all = new Uint8Array(2 ** 23);
    all.set(ascii("a\r\n"));
    const take = (): unknown => framer.scan(all, 0, all.length, () => framer.rest());
    expect(refusal(take, "ERR_TOO_LARGE").details.got).toBe(2 ** 23 - 3);
    framer.reset();
    const pinned = bench.pool.allocUnsafe(2 ** 21);
    const push = (): void => framer.push(all.subarray(0, 2 ** 21), () => framer.rest());
    expect(push).toThrow(expect.objectContaining({ code: "ERR_HEAP_EXHAUSTED" }));
    pinned.release();
    refusal(() => framer.rest(), "ERR_CLOSED");
  });

  it("loses no byte of a scanned stream, wherever the chunks end", () => {
    const property = fc.property(fc.array(fc.nat(GREETING.length), { maxLength: 6 }), (cuts) => {
      const bench = newBench();
      const connection = new Connection(bench);
      const view = ascii(GREETING);
      let from = 0;
      for (const end of [...cuts.sort((a, b) => a - b), view.length]) {
        connection.scan(view, from, end - from);
        from = end;
      }
      connection.end();
      expect(connection.texts).toEqual(WANTED);
      expectNothingLeft(bench);
    });
    fc.assert(property, { numRuns: 30 });
  });
});
