import { expect, it } from "vitest";
import { BytesPool } from "../../../src/buffers/index.js";
import {
  DelimiterFramer,
  FixedFramer,
  framerOf,
  LengthFieldFramer,
  Reader,
  repeated,
  struct,
  u8,
  utf8Prefixed,
  WebSocketFramer,
  WebSocketMessageFramer,
  Writer,
} from "../../../src/codec/index.js";
import { smallHeap } from "../help.js";
import { refusal } from "./support.js";

const pool = new BytesPool(smallHeap());
const maximum = 200;
const odd = { maximun: 1 };

it.each<readonly [string, (more: object) => unknown]>([
  ["LengthFieldFramer", (more) => new LengthFieldFramer(pool, { width: 2, maximum, ...more })],
  ["DelimiterFramer", (more) => new DelimiterFramer(pool, { delimiter: "x", maximum, ...more })],
  ["FixedFramer", (more) => new FixedFramer(pool, 3, { ...more })],
  ["framerOf", (more) => framerOf(pool, () => 1, { maximum, ...more })],
  ["WebSocketFramer", (more) => new WebSocketFramer(pool, { role: "client", maximum, ...more })],
  [
    "WebSocketMessageFramer",
    (more) => new WebSocketMessageFramer(pool, { role: "client", maximum, ...more }),
  ],
  ["Reader", (more) => new Reader(new Uint8Array(1), { maximum, ...more })],
  ["Writer", (more) => new Writer(pool, { maximum, ...more })],
  ["a struct", (more) => struct({ a: u8 }, { ...more })],
  ["a text of a struct", (more) => utf8Prefixed("u8", { maximum, ...more })],
  ["a list of a struct", (more) => repeated("u8", u8, { maximum, ...more })],
])("%s refuses options that it does not have", (_name, make) => {
  refusal(() => make(odd), "ERR_INVALID_ARGUMENT");
  expect(() => make(odd)).toThrow(/"maximun"; it takes one of .*/);
  make({});
});
