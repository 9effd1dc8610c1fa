/**
 * One mixed message by description and by hand: what a protocol of records sends, with bits, text,
 * bytes and a list of smaller records.
 *
 *     u32 id | 3 bits flags | 5 bits kind | u16 sequence | f64 value | u8 + name | u16 + payload
 *     | u8 count, of: u16 key | i32 amount | u8 + label
 */
import { createRequire } from "node:module";
import { Heap } from "hakmem";
import {
  bits,
  bytesPrefixed,
  f64be,
  i32be,
  Reader,
  repeated,
  type Struct,
  type StructOptions,
  struct,
  u16be,
  u32be,
  utf8Prefixed,
  Writer,
} from "hakmem/codec";
import type { Timed } from "../../measure/inProcess.js";

interface Item {
  readonly key: number;
  readonly amount: number;
  readonly label: string;
}

interface Message {
  readonly id: number;
  readonly flags: number;
  readonly kind: number;
  readonly sequence: number;
  readonly value: number;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly items: readonly Item[];
}

const MESSAGES = 64;
const PAYLOAD_BYTES = 32;

/** How a subject reads or writes a message. */
interface Codec {
  readonly name: string;
  read(bytes: Uint8Array): Message;
  /** Returns how many bytes it wrote. */
  write?(message: Message): number;
  /** Returns a copy of what was written last. */
  written?(): Uint8Array;
}

function makeMessages(): Message[] {
  let state = 0x2545f491;
  const next = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const word = (most: number): string =>
    Array.from({ length: 3 + next(most) }, () => String.fromCharCode(97 + next(26))).join("");
  return Array.from({ length: MESSAGES }, () => ({
    id: next(2 ** 32),
    flags: next(8),
    kind: next(32),
    sequence: next(65536),
    value: next(2 ** 32) / 1024,
    name: word(12),
    payload: Uint8Array.from({ length: PAYLOAD_BYTES }, () => next(256)),
    items: Array.from({ length: 1 + next(6) }, () => ({
      key: next(65536),
      amount: next(2 ** 31) - 2 ** 30,
      label: word(8),
    })),
  }));
}

/** Returns the bytes of a message, written by none of the subjects. */
function encode(message: Message): Uint8Array {
  const { id, flags, kind, sequence, value, name, payload, items } = message;
  const head = Buffer.alloc(15);
  head.writeUInt32BE(id, 0);
  head.writeUInt8(flags * 32 + kind, 4);
  head.writeUInt16BE(sequence, 5);
  head.writeDoubleBE(value, 7);
  const parts = [head, Buffer.of(name.length), Buffer.from(name), Buffer.of(0, payload.length)];
  parts.push(Buffer.from(payload), Buffer.of(items.length));
  for (const { key, amount, label } of items) {
    const item = Buffer.alloc(7);
    item.writeUInt16BE(key, 0);
    item.writeInt32BE(amount, 2);
    item.writeUInt8(label.length, 6);
    parts.push(item, Buffer.from(label));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function describeMessage(options: StructOptions): Struct<Message> {
  const item = struct({ key: u16be, amount: i32be, label: utf8Prefixed("u8") }, options);
  const message = struct(
    {
      id: u32be,
      flags: bits(3),
      kind: bits(5),
      sequence: u16be,
      value: f64be,
      name: utf8Prefixed("u8"),
      payload: bytesPrefixed("u16be"),
      items: repeated("u8", item),
    },
    options,
  );
  return message as Struct<Message>;
}

function described(name: string, options: StructOptions): Codec {
  const message = describeMessage(options);
  const writer = new Writer(Heap.create({ capacity: 2 ** 20 }));
  const reader = new Reader<Uint8Array>(new Uint8Array(0));
  return {
    name,
    read(bytes) {
      reader.reset(bytes);
      const value = message.read(reader);
      if (value === undefined) throw new Error("bytes are missing");
      return value;
    },
    write(value) {
      writer.reset();
      message.write(writer, value);
      return writer.length;
    },
    written: () => writer.view().slice(),
  };
}

/** What a program writes that has no description. */
function byHand(): Codec {
  const writer = new Writer(Heap.create({ capacity: 2 ** 20 }));
  const reader = new Reader<Uint8Array>(new Uint8Array(0));
  return {
    name: "by hand",
    read(bytes) {
      reader.reset(bytes);
      const id = reader.u32be();
      const flags = reader.bits(3);
      const kind = reader.bits(5);
      const sequence = reader.u16be();
      const value = reader.f64be();
      const name = reader.utf8Prefixed("u8");
      const payload = reader.copy(reader.u16be());
      const items: Item[] = [];
      const count = reader.counted(reader.u8(), 7);
      for (let index = 0; index < count && reader.missing === 0; index++) {
        const key = reader.u16be();
        const amount = reader.i32be();
        const label = reader.utf8Prefixed("u8");
        items.push({ key, amount, label });
      }
      if (reader.missing > 0) throw new Error("bytes are missing");
      return { id, flags, kind, sequence, value, name, payload, items };
    },
    write(message) {
      const { items } = message;
      writer.reset();
      writer.u32be(message.id);
      writer.bits(message.flags, 3);
      writer.bits(message.kind, 5);
      writer.u16be(message.sequence);
      writer.f64be(message.value);
      writer.utf8Prefixed("u8", message.name);
      writer.bytesPrefixed("u16be", message.payload);
      writer.u8(items.length);
      for (let index = 0; index < items.length; index++) {
        const item = items[index] as Item;
        writer.u16be(item.key);
        writer.i32be(item.amount);
        writer.utf8Prefixed("u8", item.label);
      }
      return writer.length;
    },
    written: () => writer.view().slice(),
  };
}

/** The part of the package's interface that is used; it has no types. */
interface Restructure {
  readonly uint8: unknown;
  readonly uint16be: unknown;
  readonly uint32be: unknown;
  readonly int32be: unknown;
  readonly doublebe: unknown;
  readonly String: new (length: unknown, encoding: string) => unknown;
  readonly Buffer: new (length: unknown) => unknown;
  readonly Array: new (type: unknown, length: unknown) => unknown;
  readonly Struct: new (
    fields: object,
  ) => { fromBuffer(bytes: Uint8Array): unknown; toBuffer(value: unknown): Uint8Array };
}

/** It has no fields of bits with numbers: both are one byte, which the caller takes apart. */
function restructure(): Codec {
  const r = createRequire(import.meta.url)("restructure") as Restructure;
  const item = new r.Struct({
    key: r.uint16be,
    amount: r.int32be,
    label: new r.String(r.uint8, "utf8"),
  });
  const message = new r.Struct({
    id: r.uint32be,
    bits: r.uint8,
    sequence: r.uint16be,
    value: r.doublebe,
    name: new r.String(r.uint8, "utf8"),
    payload: new r.Buffer(r.uint16be),
    items: new r.Array(item, r.uint8),
  });
  type Values = Omit<Message, "flags" | "kind"> & { bits: number };
  let last: Uint8Array = new Uint8Array(0);
  return {
    name: "restructure",
    read(bytes) {
      const {
        id,
        bits: both,
        sequence,
        value,
        name,
        payload,
        items,
      } = message.fromBuffer(bytes) as Values;
      const [flags, kind] = [both >> 5, both & 31];
      return { id, flags, kind, sequence, value, name, payload, items };
    },
    write({ id, flags, kind, sequence, value, name, payload, items }) {
      const values = { id, bits: (flags << 5) | kind, sequence, value, name, payload, items };
      last = message.toBuffer(values);
      return last.length;
    },
    written: () => new Uint8Array(last),
  };
}

/** The part of the package's interface that is used; its types are not found by this resolution. */
interface Parser {
  uint8(name: string): Parser;
  bit3(name: string): Parser;
  bit5(name: string): Parser;
  uint16be(name: string): Parser;
  uint32be(name: string): Parser;
  int32be(name: string): Parser;
  doublebe(name: string): Parser;
  string(name: string, options: object): Parser;
  buffer(name: string, options: object): Parser;
  array(name: string, options: object): Parser;
  compile(): void;
  parse(bytes: Uint8Array): unknown;
}

function binaryParser(): Codec {
  const require = createRequire(import.meta.url);
  const { Parser } = require("binary-parser") as { readonly Parser: new () => Parser };
  const item = new Parser()
    .uint16be("key")
    .int32be("amount")
    .uint8("size")
    .string("label", { length: "size", encoding: "utf8" });
  const message = new Parser()
    .uint32be("id")
    .bit3("flags")
    .bit5("kind")
    .uint16be("sequence")
    .doublebe("value")
    .uint8("nameLength")
    .string("name", { length: "nameLength", encoding: "utf8" })
    .uint16be("payloadLength")
    .buffer("payload", { length: "payloadLength" })
    .uint8("count")
    .array("items", { type: item, length: "count" });
  message.compile();
  return {
    name: "binary-parser",
    read: (bytes) => message.parse(bytes) as Message,
  };
}

const CODECS: readonly (() => Codec)[] = [
  () => described("struct", {}),
  () => described("struct, no code", { generate: false }),
  byHand,
  restructure,
  binaryParser,
];

/** Returns one number from all that was read, so that no read can be left out. */
function digest({ id, flags, kind, sequence, value, name, payload, items }: Message): number {
  let sum = id + flags + kind + sequence + value + name.length + (payload[0] as number);
  for (const { key, amount, label } of items) sum += key + amount + label.length;
  return sum;
}

/** @throws Error unless a subject reads and writes the messages. */
function check(codec: Codec, messages: readonly Message[]): void {
  for (const message of messages) {
    const bytes = encode(message);
    if (digest(codec.read(bytes)) !== digest(message)) throw new Error(`${codec.name} misreads`);
    if (codec.write === undefined || codec.written === undefined) continue;
    codec.write(message);
    if (Buffer.compare(codec.written(), bytes) !== 0) throw new Error(`${codec.name} miswrites`);
  }
}

/** Takes a result of every operation. */
export let structSink = 0;

/** All that read, or that write, the message. */
export function structs(what: string): Timed[] {
  const messages = makeMessages();
  const inputs = messages.map((message) => new Uint8Array(encode(message)));
  const codecs = CODECS.map((make) => make());
  for (const codec of codecs) check(codec, messages);
  if (what === "read") {
    return codecs.map((codec) => ({
      name: codec.name,
      run(times) {
        let sum = 0;
        for (let index = 0; index < times; index++) {
          sum += digest(codec.read(inputs[index % MESSAGES] as Uint8Array));
        }
        structSink += sum;
      },
    }));
  }
  return codecs.flatMap(({ name, write }) =>
    write === undefined
      ? []
      : {
          name,
          run(times: number) {
            let sum = 0;
            for (let index = 0; index < times; index++) {
              sum += write(messages[index % MESSAGES] as Message);
            }
            structSink += sum;
          },
        },
  );
}
