import {
  OPCODE,
  type WebSocketMessage,
  WebSocketMessageFramer,
  type WebSocketMessageOptions,
} from "../../../../src/codec/index.js";
import { type Bench, expectNothingLeft, newBench } from "../framing/help.js";

const { CLOSE } = OPCODE;

export type Piece = readonly [first: number, payload: string | readonly number[]];

export function framer({ pool }: Bench, more: Partial<WebSocketMessageOptions> = {}) {
  return new WebSocketMessageFramer(pool, { role: "client", maximum: 1000, ...more });
}

/** Frames as a server sends them: the first byte, and the payload. */
export function frames(...pieces: readonly Piece[]): Uint8Array {
  const parts = pieces.map(([first, payload]) => {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : Uint8Array.from(payload);
    const { length } = bytes;
    const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 255];
    return Buffer.concat([Uint8Array.from(head), bytes]);
  });
  return Buffer.concat(parts);
}

export const FIN = 0x80;

export function see(list: string[]): (message: WebSocketMessage) => void {
  return (message) => {
    const { opcode, closeCode, text } = message;
    list.push(`${opcode}${opcode === CLOSE ? ` ${closeCode}` : ""} ${text}`);
    message[Symbol.dispose]();
  };
}

/** Hands a stream over in one piece, byte by byte, and to `scan`; each in a framer of its own. */
export function everyWay(
  stream: Uint8Array,
  test: (push: (to: string[]) => void, bench: Bench) => void,
) {
  for (const way of ["array", "block", "frozen", "bytes", "scan", "scan bytes"] as const) {
    const bench = newBench();
    const to = framer(bench);
    const scan = (bytes: Uint8Array, list: string[]): void => {
      const copy = new Uint8Array(bytes);
      to.scan(copy, 0, copy.length, (view, offset, length, first) => {
        const isClose = (first & 15) === CLOSE;
        const from = offset + (isClose ? 2 : 0);
        const text = Buffer.from(view.subarray(from, offset + length)).toString();
        const code = view[offset] * 256 + view[offset + 1];
        list.push(`${first & 15}${isClose ? ` ${length < 2 ? 1005 : code}` : ""} ${text}`);
      });
    };
    test((list) => {
      if (way === "array") to.push(stream, see(list));
      if (way === "block") to.push(bench.pool.from(stream), see(list));
      if (way === "frozen") to.push(bench.pool.from(stream).freeze(), see(list));
      if (way === "bytes") for (const byte of stream) to.push(Uint8Array.of(byte), see(list));
      if (way === "scan") scan(stream, list);
      if (way === "scan bytes") for (const byte of stream) scan(Uint8Array.of(byte), list);
      to.end();
    }, bench);
    expectNothingLeft(bench);
  }
}
