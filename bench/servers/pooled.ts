/**
 * The same server as plain.ts with hakmem: sockets read into one block, commands are parsed where
 * they lie, keys and values are blocks, and the replies to one read are written as one.
 */
import { createServer, type Socket } from "node:net";
import { Heap, type Ptr } from "hakmem";
import { NodeBufferPool, readInto, writeAndFree, writeThen } from "hakmem/node";
import { report } from "./report.js";
import { BytesTable } from "./table.js";

const READ_BYTES = 262144;
const MAX_ARGS = 8;
const MAX_COMMAND_BYTES = 64 << 20;
const REPLY_BYTES = 65536;
const COPY_BYTES = 4096;
const CR = 13;
const ZERO = 48;

const heap = Heap.create({ capacity: 256 * 2 ** 20 });
const { u8 } = heap;
const store = new BytesTable(heap);
const pool = new NodeBufferPool(heap);

/** Every connection reads into this block. The start of an incomplete command is copied from it. */
const readBlock = heap.malloc(READ_BYTES);
const readView = Buffer.from(heap.buffer, readBlock, READ_BYTES);

function constant(text: string): { readonly ptr: Ptr; readonly length: number } {
  const ptr = heap.malloc(text.length);
  Buffer.from(heap.buffer, ptr, text.length).write(text, "latin1");
  return { ptr, length: text.length };
}
const OK = constant("+OK\r\n");
const NIL = constant("$-1\r\n");
const PONG = constant("+PONG\r\n");
const NOTHING = constant("*0\r\n");

/** Where the arguments of the last parsed command are. */
const starts = new Int32Array(MAX_ARGS);
const lengths = new Int32Array(MAX_ARGS);
let argCount = 0;
/** Bytes that the last incomplete command needs; 0 if that is not known. */
let needed = 0;
/** Where the last number's line ends; 0 if the line is incomplete, -1 if it is malformed. */
let numberEnd = 0;

function readNumber(at: number, end: number): number {
  let value = 0;
  for (let index = at; index < end; index++) {
    const byte = u8[index] as number;
    if (byte === CR) {
      numberEnd = index + 1 < end ? index + 2 : 0;
      return value;
    }
    value = value * 10 + byte - ZERO;
    if (byte < ZERO || byte > ZERO + 9 || value > MAX_COMMAND_BYTES) {
      numberEnd = -1;
      return 0;
    }
  }
  numberEnd = 0;
  return 0;
}

/** Returns the end of the command at `start`; 0 while bytes are missing, -1 if it is malformed. */
function parse(start: number, end: number): number {
  needed = 0;
  if (start === end) return 0;
  if (u8[start] !== 42) return -1;
  argCount = readNumber(start + 1, end);
  let at = numberEnd;
  if (at <= 0) return at;
  for (let index = 0; index < argCount; index++) {
    if (at === end) return 0;
    if (u8[at] !== 36) return -1;
    const length = readNumber(at + 1, end);
    if (numberEnd <= 0) return numberEnd;
    if (index < MAX_ARGS) {
      starts[index] = numberEnd;
      lengths[index] = length;
    }
    at = numberEnd + length + 2;
    if (at > end) {
      needed = at - start;
      return 0;
    }
  }
  return at;
}

/** The block that collects the replies to one read. */
let replyCapacity = REPLY_BYTES;
let reply = heap.malloc(replyCapacity);
let replyLength = 0;

function makeRoom(bytes: number): void {
  while (replyLength + bytes > replyCapacity) replyCapacity *= 2;
  reply = heap.realloc(reply, replyCapacity);
}

function append(from: number, length: number): void {
  if (replyLength + length > replyCapacity) makeRoom(length);
  const to = reply + replyLength;
  if (length > 32) u8.copyWithin(to, from, from + length);
  else for (let index = 0; index < length; index++) u8[to + index] = u8[from + index] as number;
  replyLength += length;
}

function appendText(text: string): void {
  if (replyLength + text.length > replyCapacity) makeRoom(text.length);
  for (let index = 0; index < text.length; index++) {
    u8[reply + replyLength + index] = text.charCodeAt(index);
  }
  replyLength += text.length;
}

/** Returns a number that tells the command: its first four letters in upper case and its length. */
function nameOf(): number {
  const at = starts[0] as number;
  const length = lengths[0] as number;
  let name = length;
  for (let index = 0; index < 4; index++) {
    name = (name << 7) | (index < length ? (u8[at + index] as number) & 0xdf & 0x7f : 0);
  }
  return name;
}

function nameAs(text: string): number {
  let name = text.length;
  for (let index = 0; index < 4; index++) {
    name = (name << 7) | (index < text.length ? text.charCodeAt(index) & 0x5f : 0);
  }
  return name;
}
const SET = nameAs("SET");
const GET = nameAs("GET");
const DEL = nameAs("DEL");
const PING = nameAs("PING");
const DBSIZE = nameAs("DBSIZE");
const FLUSHALL = nameAs("FLUSHALL");
const CONFIG = nameAs("CONFIG");
const COMMAND = nameAs("COMMAND");

function execute(): void {
  const name = nameOf();
  const key = starts[1] as number;
  const keyLength = lengths[1] as number;
  if (name === GET && argCount === 2) {
    const value = store.get(key, keyLength);
    if (value === 0) {
      append(NIL.ptr, NIL.length);
      return;
    }
    const length = store.lengthFound;
    appendText(`$${length}\r\n`);
    append(value, length);
    appendText("\r\n");
  } else if (name === SET && argCount >= 3) {
    store.set(key, keyLength, starts[2] as number, lengths[2] as number);
    append(OK.ptr, OK.length);
  } else if (name === DEL && argCount === 2) {
    appendText(store.delete(key, keyLength) ? ":1\r\n" : ":0\r\n");
  } else if (name === PING) {
    append(PONG.ptr, PONG.length);
  } else if (name === DBSIZE) {
    appendText(`:${store.size}\r\n`);
  } else if (name === FLUSHALL) {
    store.clear();
    append(OK.ptr, OK.length);
  } else if (name === CONFIG || name === COMMAND) {
    append(NOTHING.ptr, NOTHING.length);
  } else {
    appendText("-ERR unknown command\r\n");
  }
}

/** A connection, with the start of a command whose end has not come. */
class Connection {
  private readonly socket: Socket;
  private rest = 0 as Ptr;
  private restLength = 0;
  private restCapacity = 0;

  constructor(accepted: Socket) {
    this.socket = readInto(accepted, { buffer: readView, onRead: this.read });
    this.socket.setNoDelay(true);
    this.socket.on("error", () => this.socket.destroy());
    this.socket.on("close", () => heap.free(this.rest));
  }

  private readonly read = (length: number): boolean => {
    replyLength = 0;
    let at: number = readBlock;
    if (this.restLength > 0) {
      this.extend(length);
      at = this.rest;
    }
    const end = this.restLength > 0 ? at + this.restLength : at + length;
    let next = parse(at, end);
    while (next > 0) {
      execute();
      at = next;
      next = parse(at, end);
    }
    if (next < 0) appendText("-ERR Protocol error\r\n");
    this.keep(at, next < 0 ? at : end);
    this.send();
    if (next < 0) this.socket.end();
    return true;
  };

  /** Appends what was read to the rest. */
  private extend(length: number): void {
    const total = this.restLength + length;
    if (total > this.restCapacity) {
      this.restCapacity = Math.max(total, needed);
      this.rest = heap.realloc(this.rest, this.restCapacity);
    }
    u8.copyWithin(this.rest + this.restLength, readBlock, readBlock + length);
    this.restLength = total;
  }

  /** Keeps the bytes from `at` to `end` for the next read. */
  private keep(at: number, end: number): void {
    this.restLength = end - at;
    if (at === this.rest) return;
    if (this.restLength > 0) {
      if (this.restLength > this.restCapacity || needed > this.restCapacity) {
        this.restCapacity = Math.max(this.restLength, needed);
        const block = heap.malloc(this.restCapacity);
        u8.copyWithin(block, at, end);
        heap.free(this.rest);
        this.rest = block;
      } else {
        u8.copyWithin(this.rest, at, end);
      }
    } else if (this.rest !== 0) {
      heap.free(this.rest);
      this.rest = 0 as Ptr;
      this.restCapacity = 0;
    }
  }

  /** Copies a short reply to a pooled buffer, which has its view already; gives a long one away. */
  private send(): void {
    if (replyLength === 0) return;
    if (replyLength <= COPY_BYTES) {
      const buffer = pool.allocUnsafe(replyLength);
      u8.copyWithin(buffer.byteOffset, reply, reply + replyLength);
      writeAndFree(this.socket, pool, buffer);
      return;
    }
    const block = reply;
    const view = Buffer.from(heap.buffer, block, replyLength);
    reply = heap.malloc(replyCapacity);
    writeThen(this.socket, view, () => heap.free(block));
  }
}

const server = createServer({ pauseOnConnect: true }, (socket) => new Connection(socket));
report(server, () => {
  heap.verify();
  const { committedBytes, live } = heap.stats();
  return { committed: committedBytes, live: live.blocks };
});
