import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import type { ByteHeap, Bytes } from "../../buffers/index.js";
import { heapOf, startOf } from "../../buffers/internal.js";
import { NULL, type Ptr } from "../../index.js";
import { usesMemory } from "../write.js";
import type { ReadBlock } from "./readBlock.js";

/** The most bytes that are collected in one block. */
const COLLECTED_BYTES = 65536;
const LEAST_BYTES = 512;
/** Shorter runs of the read block, and `Bytes`, are copied: a write of their own takes longer. */
const COPIED_BYTES = 4096;

/** Up to this many bytes, a loop is faster than the functions of the engine. */
const SHORT_BYTES = 32;

const NOTHING = new Uint8Array(0);

/** What holds the memory of a segment. */
interface Owner {
  release(): void;
}

/** What a handle of Node says of its writes. It is not public. */
interface Queueing {
  readonly writeQueueSize?: number;
}

/** The owner of nothing. */
const NOBODY: Owner = { release(): void {} };

/** A block of collected bytes, which a flush frees. */
class Collected implements Owner {
  private readonly heap: ByteHeap;
  private readonly ptr: Ptr;

  constructor(heap: ByteHeap, ptr: Ptr) {
    this.heap = heap;
    this.ptr = ptr;
  }

  release(): void {
    this.heap.free(this.ptr);
  }
}

/**
 * What a connection writes in a turn. Small pieces are copied into one block. Successive pieces of
 * the block that is being read are one run, which is written from there. At the end of the turn all
 * is given to the socket at once, and its memory is released when the socket has called back.
 */
export class Outgoing {
  /** Bytes that were not given to the socket yet. */
  pending: number;
  /** Bytes that the socket was given, and that are not flushed. */
  waiting: number;
  private readonly socket: Duplex;
  private readonly heap: ByteHeap;
  private readonly u8: Uint8Array;
  private readonly onFlushed: () => void;
  /** The block that collects small pieces: its bytes, and how many of them are used. */
  private ptr: number;
  private room: number;
  private used: number;
  private run: ReadBlock | undefined;
  private runStart: number;
  private runEnd: number;
  private readonly views: Uint8Array[];
  private readonly owners: Owner[];
  /** The owners of what the socket has, in order, from `first` on. */
  private readonly sent: Owner[];
  private readonly sentBytes: number[];
  private first: number;
  /** Calls of the socket that are about what was released before. */
  private lateCalls: number;
  /** What the system had not taken of a write when it was asked last. */
  private queued: number;
  private readonly onWritten: (error?: Error | null) => void;

  /** @param onFlushed called when the socket has taken a piece that it could not take at once */
  constructor(socket: Duplex, heap: ByteHeap, onFlushed: () => void) {
    this.pending = 0;
    this.waiting = 0;
    this.socket = socket;
    this.heap = heap;
    this.u8 = heap.u8;
    this.onFlushed = onFlushed;
    this.ptr = 0;
    this.room = 0;
    this.used = 0;
    this.run = undefined;
    this.runStart = 0;
    this.runEnd = 0;
    this.views = [];
    this.owners = [];
    this.sent = [];
    this.sentBytes = [];
    this.first = 0;
    this.lateCalls = 0;
    this.queued = 0;
    this.onWritten = (error) => this.written(error);
  }

  /** Adds bytes of the block that is being read. @throws {HeapError} ERR_HEAP_EXHAUSTED */
  addRead(block: ReadBlock, start: number, length: number): void {
    this.pending += length;
    if (this.runEnd === start && this.run === block) {
      this.runEnd = start + length;
      return;
    }
    this.sealRun();
    this.run = block;
    this.runStart = start;
    this.runEnd = start + length;
  }

  /** Adds a copy of bytes. @throws {HeapError} ERR_HEAP_EXHAUSTED */
  addCopy(source: Uint8Array, offset: number, length: number): void {
    this.sealRun();
    for (let at = offset, end = offset + length; at < end; ) {
      const piece = Math.min(end - at, COLLECTED_BYTES);
      this.append(source, at, piece);
      this.pending += piece;
      at += piece;
    }
  }

  /** Takes bytes over: long ones are written from where they are. */
  addBytes(bytes: Bytes): void {
    const { length } = bytes;
    let isShared = false;
    try {
      const start = startOf(bytes);
      if (length >= COPIED_BYTES) {
        this.addShared([...bytes.chunks()], bytes);
        isShared = true;
      } else if (start >= 0 && heapOf(bytes).u8 === this.u8) {
        this.addCopy(this.u8, start, length);
      } else {
        for (const chunk of bytes.chunks()) this.addCopy(chunk, 0, chunk.length);
      }
    } finally {
      if (!isShared) bytes.release();
    }
  }

  /**
   * Adds memory that `owner` holds until all of it is written.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED; then `owner` stays the caller's
   */
  addShared(views: readonly Uint8Array[], owner: Owner): void {
    this.sealRun();
    this.sealCollected();
    for (const [index, view] of views.entries()) {
      this.views.push(view);
      this.owners.push(index === views.length - 1 ? owner : NOBODY);
      this.pending += view.length;
    }
  }

  /**
   * Gives all to the socket, or, while it has not taken what it was given before, keeps it until
   * then: many small pieces would hold a block each.
   * @throws {HeapError} ERR_HEAP_EXHAUSTED
   */
  flush(): void {
    this.sealRun();
    if (this.socket.writableLength === 0) this.write();
  }

  /** Gives all to the socket. */
  write(): void {
    this.sealCollected();
    const { owners, sent, sentBytes, socket, views } = this;
    const count = views.length;
    if (count === 0) return;
    const use = usesMemory(socket);
    if (count === 1 && use === "taken" && socket.writableLength === 0) {
      this.writeOne();
      return;
    }
    this.waiting += this.pending;
    this.pending = 0;
    for (let index = 0; index < count; index++) {
      const view = views[index] as Uint8Array;
      const owner = owners[index] as Owner;
      sent.push(use === "copied" ? NOBODY : owner);
      sentBytes.push(view.length);
      if (use !== "copied") continue;
      views[index] = new Uint8Array(view);
      owner.release();
    }
    owners.length = 0;
    // The stream may call what writes more.
    if (count === 1) {
      socket.write(views.pop(), this.onWritten);
    } else {
      socket.cork();
      for (const view of views.splice(0)) socket.write(view, this.onWritten);
      socket.uncork();
    }
    // The usual case: the system took all. The socket calls back only later.
    if (use === "taken" && socket.writableLength === 0) {
      this.lateCalls += sent.length - this.first;
      this.releaseSent();
    }
  }

  /**
   * Gives all and some last bytes to the socket, and ends it; what still comes is dropped. Returns
   * false if that failed, or if more than `most` bytes wait: then the socket is to be destroyed.
   */
  finish(last: Uint8Array, most: number): boolean {
    const { socket } = this;
    try {
      this.addCopy(last, 0, last.length);
      this.write();
    } catch {
      return false;
    }
    socket.end();
    socket.resume();
    return socket.writableLength <= most;
  }

  /** Gives one piece to the system, which mostly takes it at once: no callback is needed then. */
  private writeOne(): void {
    const { socket } = this;
    const view = this.views.pop() as Uint8Array;
    const owner = this.owners.pop() as Owner;
    this.waiting += view.length;
    this.pending -= view.length;
    socket.write(view);
    if (socket.writableLength === 0) {
      this.waiting -= view.length;
      owner.release();
      return;
    }
    this.sent.push(owner);
    this.sentBytes.push(view.length);
    socket.write(NOTHING, this.onWritten);
  }

  /** Returns whether the system has taken some of a write since it was asked last. */
  hasProgressed(): boolean {
    const { _handle: handle } = this.socket as { readonly _handle?: Queueing | null };
    const queued = handle?.writeQueueSize ?? 0;
    const isLess = queued < this.queued;
    this.queued = queued;
    return isLess;
  }

  /** Releases everything, when the socket is closed. */
  clear(): void {
    this.run = undefined;
    this.runEnd = 0;
    if (this.ptr !== 0) this.heap.free(this.ptr as Ptr);
    this.ptr = 0;
    this.room = 0;
    this.used = 0;
    for (const owner of this.owners.splice(0)) owner.release();
    this.views.length = 0;
    this.lateCalls += this.sent.length - this.first;
    this.releaseSent();
    this.pending = 0;
  }

  private written(error: Error | null | undefined): void {
    if (this.lateCalls > 0) {
      this.lateCalls--;
      return;
    }
    this.releaseFirst();
    // The stream will be destroyed. If it is written to within this call, it calls back twice.
    if (error) return;
    if (this.pending > 0 && this.socket.writableLength === 0) this.write();
    this.onFlushed();
  }

  private releaseSent(): void {
    while (this.first < this.sent.length) this.releaseFirst();
  }

  private releaseFirst(): void {
    const { first, sent, sentBytes } = this;
    const owner = sent[first] as Owner;
    this.waiting -= sentBytes[first] as number;
    this.first++;
    if (sent.length === 1) {
      sent.pop();
      sentBytes.pop();
      this.first = 0;
    } else if (this.first === sent.length) {
      sent.length = 0;
      sentBytes.length = 0;
      this.first = 0;
    }
    owner.release();
  }

  /** Ends the run: it is copied if it is short, or if its block is read into by others. */
  private sealRun(): void {
    const { run } = this;
    if (run === undefined) return;
    const { runStart: start, runEnd: end } = this;
    this.run = undefined;
    this.runEnd = 0;
    if (run.isShared || end - start < COPIED_BYTES) {
      this.append(this.u8, start, end - start);
      return;
    }
    this.sealCollected();
    run.hold();
    this.views.push(run.view.subarray(start - run.ptr, end - run.ptr));
    this.owners.push(run);
  }

  private sealCollected(): void {
    const { ptr, used } = this;
    if (used === 0) return;
    this.ptr = 0;
    this.used = 0;
    this.room = 0;
    this.views.push(Buffer.from(this.heap.buffer, ptr, used));
    this.owners.push(new Collected(this.heap, ptr as Ptr));
  }

  private append(source: Uint8Array, offset: number, length: number): void {
    if (this.used + length > this.room) this.makeRoom(length);
    const to = this.ptr + this.used;
    this.used += length;
    if (length <= SHORT_BYTES) {
      for (let index = 0; index < length; index++)
        this.u8[to + index] = source[offset + index] as number;
    } else if (source === this.u8) this.u8.copyWithin(to, offset, offset + length);
    else this.u8.set(source.subarray(offset, offset + length), to);
  }

  private makeRoom(length: number): void {
    const { heap, used } = this;
    const needed = used + length;
    if (needed > COLLECTED_BYTES && used > 0) {
      this.sealCollected();
      this.makeRoom(length);
      return;
    }
    const room = Math.min(COLLECTED_BYTES, Math.max(needed, LEAST_BYTES, 4 * this.room));
    if (this.ptr === NULL) this.ptr = heap.malloc(room);
    else this.ptr = heap.realloc(this.ptr as Ptr, room);
    this.room = room;
  }
}
