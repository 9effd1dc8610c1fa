import { describe, expect, it } from "vitest";
import type { Bytes, BytesPool } from "../../../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  type Framer,
  LengthFieldFramer,
  type WebSocketFrame,
  WebSocketFramer,
} from "../../../../src/codec/index.js";
import { wrong } from "../../help.js";
import { expectNothingLeft, newBench, refusal } from "./help.js";

type Any = Framer<Bytes | WebSocketFrame>;

const PAYLOAD = "x".repeat(50);

/** Each framer, and a frame of it with a payload of 50 bytes. */
const KINDS: [string, (pool: BytesPool, copyBelow: number) => Any, string][] = [
  [
    "length field",
    (pool, copyBelow) =>
      new LengthFieldFramer(pool, { width: 2, strip: 2, maximum: 1000, copyBelow }),
    `\0${String.fromCharCode(50)}${PAYLOAD}`,
  ],
  [
    "delimiter",
    (pool, copyBelow) => new DelimiterFramer(pool, { delimiter: "\r\n", maximum: 1000, copyBelow }),
    `${PAYLOAD}\r\n`,
  ],
  ["fixed", (pool, copyBelow) => new FixedFramer(pool, 50, { copyBelow }), PAYLOAD],
  [
    "WebSocket",
    (pool, copyBelow) => new WebSocketFramer(pool, { role: "client", maximum: 1000, copyBelow }),
    `\x02${String.fromCharCode(50)}${PAYLOAD}`.replace("\x02", "\x82"),
  ],
];

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

describe.each(KINDS)("copyBelow of a %s framer", (name, make, frame) => {
  const chunk = bytesOf(frame.repeat(300));

  function keepOneOfEach(copyBelow: number, isFrozen: boolean): number {
    const bench = newBench();
    const framer = make(bench.pool, copyBelow);
    const kept: (Bytes | WebSocketFrame)[] = [];
    for (let count = 0; count < 20; count++) {
      let index = 0;
      const bytes = bench.pool.from(chunk);
      framer.push(isFrozen ? bytes.freeze() : bytes, (got) => {
        if (index++ === 7) kept.push(got);
        else got.release();
      });
    }
    const live = bench.heap.stats().live.bytes;
    for (const got of kept) {
      const payload = name === "WebSocket" ? (got as WebSocketFrame).payload : (got as Bytes);
      expect(payload.toString()).toBe(PAYLOAD);
      got.release();
    }
    expectNothingLeft(bench);
    return live / kept.length;
  }

  it("gives shorter frames a block of their own", () => {
    for (const isFrozen of [false, true]) {
      expect(keepOneOfEach(1024, isFrozen)).toBeLessThanOrEqual(64);
      expect(keepOneOfEach(51, isFrozen)).toBeLessThanOrEqual(64);
    }
  });

  it("lets others share the chunk: from that length on, and by default", () => {
    expect(keepOneOfEach(50, false)).toBeGreaterThanOrEqual(chunk.length);
    expect(keepOneOfEach(0, false)).toBeGreaterThanOrEqual(chunk.length);
  });

  it("holds for frames that begin in one chunk and end in another", () => {
    const bench = newBench();
    const framer = make(bench.pool, 1024);
    const kept: (Bytes | WebSocketFrame)[] = [];
    for (const byte of bytesOf(frame.repeat(20))) {
      framer.push(Uint8Array.of(byte), (got) => kept.push(got));
    }
    expect(bench.heap.stats().live.bytes / kept.length).toBeLessThanOrEqual(64);
    for (const got of kept) got.release();
    expect(kept).toHaveLength(20);
    expectNothingLeft(bench);
  });

  it("takes an integer from 0", () => {
    const { pool } = newBench();
    for (const value of [-1, 1.5, Number.NaN, 2 ** 31, "1", null, true]) {
      refusal(() => make(pool, wrong(value)), "ERR_INVALID_ARGUMENT");
    }
    make(pool, wrong(undefined)).end();
  });
});
