/** The subjects that write and read the message, each as its documentation says to. */
import { Reader as JsonjoyReader } from "@jsonjoy.com/buffers/lib/Reader.js";
import { Writer as JsonjoyWriter } from "@jsonjoy.com/buffers/lib/Writer.js";
import { Heap } from "hakmem";
import { Reader, Writer } from "hakmem/codec";
import { SmartBuffer } from "smart-buffer";
import { MESSAGE_BYTES, type Message, PAYLOAD_BYTES } from "./messages.js";

export interface MessageWriter {
  readonly name: string;
  /** Writes a message over the last one. Returns its length. */
  write(message: Message): number;
  /** Returns a copy of what was written last. */
  written(): Uint8Array;
}

export interface Codec extends MessageWriter {
  /** Begins to read an input. */
  open(bytes: Uint8Array): void;
  /** Reads the next message of the input, and returns its digest. */
  read(): number;
}

/** `DataView` code written by hand for this message. It checks nothing, and its array is fixed. */
function byHand(): Codec {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const view = new DataView(bytes.buffer);
  let length = 0;
  let from: DataView = view;
  let source: Uint8Array = bytes;
  let next = 0;
  return {
    name: "DataView",
    write(message) {
      view.setUint8(0, message.kind);
      view.setUint16(1, message.flags);
      view.setUint32(3, message.sequence);
      view.setBigUint64(7, message.id);
      view.setFloat64(15, message.value);
      let at = 23;
      let { count } = message;
      while (count > 127) {
        view.setUint8(at++, (count & 127) | 128);
        count >>>= 7;
      }
      view.setUint8(at++, count);
      const { name } = message;
      view.setUint8(at++, name.length);
      for (let index = 0; index < name.length; index++) {
        view.setUint8(at++, name.charCodeAt(index));
      }
      bytes.set(message.payload, at);
      length = at + PAYLOAD_BYTES;
      return length;
    },
    written: () => bytes.slice(0, length),
    open(input) {
      source = input;
      from = new DataView(input.buffer, input.byteOffset, input.length);
      next = 0;
    },
    read() {
      let at = next;
      const kind = from.getUint8(at);
      const flags = from.getUint16(at + 1);
      const sequence = from.getUint32(at + 3);
      const id = from.getBigUint64(at + 7);
      const value = from.getFloat64(at + 15);
      at += 23;
      let count = 0;
      let byte = 128;
      for (let shift = 0; byte > 127; shift += 7) {
        byte = from.getUint8(at++);
        count |= (byte & 127) << shift;
      }
      const size = from.getUint8(at++);
      let name = "";
      for (let end = at + size; at < end; at++) name += String.fromCharCode(from.getUint8(at));
      const payload = source.subarray(at, at + PAYLOAD_BYTES);
      next = at + PAYLOAD_BYTES;
      const numbers = kind + flags + sequence + Number(id & 0xffffn) + value + count;
      return numbers + name.length + name.charCodeAt(0) + payload.length + (payload[0] as number);
    },
  };
}

/**
 * The same with what a writer takes care of: it refuses a value that its field cannot hold before
 * it writes any of it, and its array grows.
 */
function byHandChecked(): MessageWriter {
  let bytes = new Uint8Array(MESSAGE_BYTES);
  let view = new DataView(bytes.buffer);
  let length = 0;
  function grow(least: number): void {
    const larger = new Uint8Array(Math.max(least, 2 * bytes.length));
    larger.set(bytes);
    bytes = larger;
    view = new DataView(bytes.buffer);
  }
  function refuse(field: string): never {
    throw new RangeError(`${field} is out of range`);
  }
  return {
    name: "DataView, checked",
    write(message) {
      const { kind, flags, sequence, id, value, count, name, payload } = message;
      if ((kind & 0xff) !== kind) refuse("kind");
      if (bytes.length < 1) grow(1);
      view.setUint8(0, kind);
      if ((flags & 0xffff) !== flags) refuse("flags");
      if (bytes.length < 3) grow(3);
      view.setUint16(1, flags);
      if (sequence >>> 0 !== sequence) refuse("sequence");
      if (bytes.length < 7) grow(7);
      view.setUint32(3, sequence);
      if (typeof id !== "bigint" || BigInt.asUintN(64, id) !== id) refuse("id");
      if (bytes.length < 15) grow(15);
      view.setBigUint64(7, id);
      if (typeof value !== "number") refuse("value");
      if (bytes.length < 23) grow(23);
      view.setFloat64(15, value);
      if (count >>> 0 !== count) refuse("count");
      if (bytes.length < 28) grow(28);
      let at = 23;
      let left = count;
      while (left > 127) {
        view.setUint8(at++, (left & 127) | 128);
        left >>>= 7;
      }
      view.setUint8(at++, left);
      if (typeof name !== "string" || name.length > 255) refuse("name");
      if (bytes.length < at + 1 + name.length) grow(at + 1 + name.length);
      view.setUint8(at++, name.length);
      for (let index = 0; index < name.length; index++) {
        const unit = name.charCodeAt(index);
        if (unit > 127) refuse("name");
        view.setUint8(at++, unit);
      }
      if (!(payload instanceof Uint8Array)) refuse("payload");
      if (bytes.length < at + payload.length) grow(at + payload.length);
      bytes.set(payload, at);
      length = at + payload.length;
      return length;
    },
    written: () => bytes.slice(0, length),
  };
}

function ours(): Codec {
  const heap = Heap.create({ capacity: 2 ** 24 });
  const writer = new Writer(heap, { initial: MESSAGE_BYTES });
  const reader = new Reader<Uint8Array>(new Uint8Array(0));
  return {
    name: "hakmem",
    write(message) {
      writer.reset();
      writer.u8(message.kind);
      writer.u16be(message.flags);
      writer.u32be(message.sequence);
      writer.u64be(message.id);
      writer.f64be(message.value);
      writer.varint32(message.count);
      writer.utf8Prefixed("u8", message.name);
      writer.bytes(message.payload);
      return writer.length;
    },
    written: () => writer.view().slice(),
    open: (input) => reader.reset(input),
    read() {
      const kind = reader.u8();
      const flags = reader.u16be();
      const sequence = reader.u32be();
      const id = reader.u64be();
      const value = reader.f64be();
      const count = reader.varint32();
      const name = reader.utf8Prefixed("u8");
      const payload = reader.bytes(PAYLOAD_BYTES);
      if (reader.missing > 0) return Number.NaN;
      const numbers = kind + flags + sequence + Number(id & 0xffffn) + value + count;
      return numbers + name.length + name.charCodeAt(0) + payload.length + (payload[0] as number);
    },
  };
}

/** The package has no varint, so that is written byte by byte. */
function jsonjoy(): Codec {
  const writer = new JsonjoyWriter(MESSAGE_BYTES);
  const reader = new JsonjoyReader();
  return {
    name: "@jsonjoy.com/buffers",
    write(message) {
      writer.x = 0;
      writer.x0 = 0;
      writer.u8(message.kind);
      writer.u16(message.flags);
      writer.u32(message.sequence);
      writer.u64(message.id);
      writer.f64(message.value);
      let { count } = message;
      while (count > 127) {
        writer.u8((count & 127) | 128);
        count >>>= 7;
      }
      writer.u8(count);
      const { name } = message;
      const front = writer.x;
      writer.u8(0);
      writer.ensureCapacity(name.length * 4);
      writer.uint8[front] = writer.utf8(name);
      writer.buf(message.payload, PAYLOAD_BYTES);
      return writer.x;
    },
    written: () => writer.uint8.slice(0, writer.x),
    open: (input) => reader.reset(input),
    read() {
      const kind = reader.u8();
      const flags = reader.u16();
      const sequence = reader.u32();
      const id = reader.u64();
      const value = reader.f64();
      let count = 0;
      let byte = 128;
      for (let shift = 0; byte > 127; shift += 7) {
        byte = reader.u8();
        count |= (byte & 127) << shift;
      }
      const name = reader.utf8(reader.u8());
      const payload = reader.buf(PAYLOAD_BYTES);
      const numbers = kind + flags + sequence + Number(id & 0xffffn) + value + count;
      return numbers + name.length + name.charCodeAt(0) + payload.length + (payload[0] as number);
    },
  };
}

function smartBuffer(): Codec {
  const writer = SmartBuffer.fromSize(MESSAGE_BYTES);
  let reader = writer;
  return {
    name: "smart-buffer",
    write(message) {
      writer.clear();
      writer.writeUInt8(message.kind);
      writer.writeUInt16BE(message.flags);
      writer.writeUInt32BE(message.sequence);
      writer.writeBigUInt64BE(message.id);
      writer.writeDoubleBE(message.value);
      let { count } = message;
      while (count > 127) {
        writer.writeUInt8((count & 127) | 128);
        count >>>= 7;
      }
      writer.writeUInt8(count);
      writer.writeUInt8(message.name.length);
      writer.writeString(message.name);
      writer.writeBuffer(message.payloadBuffer);
      return writer.length;
    },
    written: () => new Uint8Array(writer.toBuffer()),
    open(input) {
      const { buffer, byteOffset, length } = input;
      reader = SmartBuffer.fromBuffer(Buffer.from(buffer, byteOffset, length));
    },
    read() {
      const kind = reader.readUInt8();
      const flags = reader.readUInt16BE();
      const sequence = reader.readUInt32BE();
      const id = reader.readBigUInt64BE();
      const value = reader.readDoubleBE();
      let count = 0;
      let byte = 128;
      for (let shift = 0; byte > 127; shift += 7) {
        byte = reader.readUInt8();
        count |= (byte & 127) << shift;
      }
      const name = reader.readString(reader.readUInt8());
      const payload = reader.readBuffer(PAYLOAD_BYTES);
      const numbers = kind + flags + sequence + Number(id & 0xffffn) + value + count;
      return numbers + name.length + name.charCodeAt(0) + payload.length + (payload[0] as number);
    },
  };
}

export const READERS: readonly (() => Codec)[] = [ours, byHand, jsonjoy, smartBuffer];
export const WRITERS: readonly (() => MessageWriter)[] = [
  ours,
  byHand,
  byHandChecked,
  jsonjoy,
  smartBuffer,
];
