import type { Duplex } from "node:stream";
import type { Bytes } from "../../buffers/index.js";
import type { Framer, Releasable } from "../../codec/index.js";
import { holdsMost, notOpen, tooMuchWaits } from "./errors.js";
import { Feed } from "./feed.js";
import { Incoming } from "./incoming.js";
import { Outgoing } from "./outgoing.js";
import type { PoolUse } from "./poolUse.js";
import { frameCallback, guard } from "./program.js";
import type { Bounds, Watcher } from "./protocol.js";
import { utf8Of } from "./text.js";
import { Waits } from "./waits.js";
import { addWrite, checkWrite } from "./writes.js";

/**
 * A connection whose frames `serve` or `connect` hands out. Everything that is written in a turn of
 * the event loop is given to the socket at once, at its end.
 */
export class Connection<F extends Releasable = Bytes> {
  /** Whatever the program keeps with the connection. */
  data: unknown;
  /** @internal How many bytes of the pool it holds. */
  heldBytes: number = 0;
  /** @internal */
  readonly waits: Waits;
  /** @internal Whether bytes came or went since the last look at its time limits. */
  isActive: boolean = true;
  /** @internal When that was so last. */
  quietSince: number = 0;
  private readonly watcher: Watcher<F, Connection<F>>;
  private readonly bounds: Bounds;
  private readonly use: PoolUse;
  private readonly incoming: Incoming;
  private readonly outgoing: Outgoing;
  private readonly feed: Feed<F>;
  private readonly stream: Duplex;
  private readonly u8: Uint8Array;
  private readonly wasHalfOpen: boolean;
  private readonly isHalfOpen: boolean;
  private readonly listeners: Readonly<Record<string, (error?: unknown) => void>>;
  private isNoted = false;
  /** Whether its socket is paused. */
  private isStopped = false;
  private isFailed = false;
  private isEnding = false;
  private hasEnded = false;
  private isClosed = false;
  /** Who awaits the close. */
  private readonly enders: (() => void)[];
  private readonly failOfProgram: (error: unknown) => void;

  /** @internal @throws what `readInto` throws; {HeapError} ERR_HEAP_EXHAUSTED */
  constructor(socket: Duplex, use: PoolUse, watcher: Watcher<F, Connection<F>>) {
    const { framer, handler, onFrame } = watcher.protocol;
    this.data = undefined;
    this.watcher = watcher;
    this.bounds = watcher.bounds;
    this.use = use;
    this.u8 = use.heap.u8;
    // Without `onEnd` the program could not know when to end it.
    this.wasHalfOpen = socket.allowHalfOpen;
    this.isHalfOpen = socket.allowHalfOpen && watcher.protocol.onEnd !== undefined;
    this.waits = new Waits(() => this.readOn());
    this.enders = [];
    this.failOfProgram = (error) => this.fail(error, true);
    this.feed = new Feed(use.takeFramer(framer()), watcher.protocol.pool, {
      handler: (frame) => use.handle<F, Connection<F>>(frame, this, handler),
      onFrame: onFrame && frameCallback(onFrame, this, this.failOfProgram),
      onError: (error, isOfProgram) => this.fail(error, isOfProgram),
      onIdle: () => {
        this.recount();
        this.readOn();
      },
      onFinished: () => this.finished(),
    });
    const arrive = (length: number): boolean => this.arrive(length);
    const isBusy = (): boolean => this.isBusy();
    this.incoming = new Incoming(socket, use, this, this.bounds.quota, arrive, isBusy);
    this.stream = this.incoming.stream;
    this.stream.allowHalfOpen = true;
    this.outgoing = new Outgoing(this.stream, use.heap, () => this.flushed());
    this.listeners = {
      error: (error) => this.fail(error),
      end: () => this.peerEnded(),
      close: () => this.close(),
    };
    for (const name of Object.keys(this.listeners)) this.stream.on(name, this.listeners[name]);
  }

  /** @internal Lets the first frames come, after `onOpen`. */
  begin(): void {
    this.call("onOpen");
    // A socket that was given may have ended before.
    if (this.stream.readableEnded) process.nextTick(() => this.peerEnded());
  }

  /** Whether it takes what is written. */
  get isOpen(): boolean {
    return !(this.isFailed || this.isEnding || this.isClosed);
  }

  /** The stream that has the connection now, for its addresses; it is read and written here. */
  get socket(): Duplex {
    return this.stream;
  }

  /** How many bytes wait for the peer to take them. */
  get waitingBytes(): number {
    return this.outgoing.pending + this.stream.writableLength;
  }

  /**
   * Writes bytes at the end of this turn, after those written before. `Bytes` are taken over, and
   * released when they are flushed. Of anything else a copy is written, or, within `onFrame`, the
   * bytes of the frame from where they are: do not change them. Returns whether there is room for
   * more: if not, the connection whose frame is being handled is no longer read until there is;
   * other code awaits `drained()`. A connection that is not open drops the bytes.
   * @param length by default all that follows; the array that `onFrame` gets needs one
   * @throws {BufferError} ERR_INVALID_ARGUMENT, ERR_OUT_OF_RANGE, ERR_RELEASED
   */
  write(data: Bytes | Uint8Array | string, offset: number = 0, length?: number): boolean {
    const { outgoing, u8, use } = this;
    const source = typeof data === "string" ? utf8Of(data) : data;
    const count = checkWrite(source, u8, offset, length);
    const isTaken = this.noteWritten();
    try {
      addWrite(outgoing, isTaken, source, u8, offset, count, use.readBlock);
    } catch (error) {
      this.fail(error);
    }
    const bytes = outgoing.pending + outgoing.waiting;
    if (bytes <= this.bounds.highWater) return true;
    const { fullBytes, maximum } = this.bounds;
    if (bytes > maximum) this.fail(tooMuchWaits(bytes, maximum));
    const isFull = bytes > fullBytes;
    this.use.waitFor(this.waits, isFull);
    if (isFull) this.hold(this.waits);
    return false;
  }

  /** Resolves when there is room for more, or when the connection is closed. */
  drained(): Promise<void> {
    if (this.isClosed || this.waitingBytes <= this.bounds.highWater) return Promise.resolve();
    return this.waits.sleep();
  }

  /**
   * Ends the connection when everything is written. Frames that were not handed out yet, and what
   * still comes, are dropped. Resolves when it is closed. A handler may await that.
   */
  end(): Promise<void> {
    if (!this.isClosed) {
      this.isEnding = true;
      this.feed.close();
      this.endNow();
    }
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      this.enders.push(resolve);
    });
  }

  /** @internal Ends it after what was received has been handled. */
  endGently(): void {
    if (!this.isOpen) return;
    this.isEnding = true;
    this.endWhenIdle();
  }

  /**
   * Lets another framer go on with what has come after the frame that was handed out last, as after
   * a line that changes the protocol. A handler may call it until its promise settles, because
   * nothing more is cut until then; `onFrame` before it returns. Nothing happens if it is not open.
   * @throws {BufferError} ERR_INVALID_ARGUMENT unless it is a framer that is new
   */
  switchTo(framer: Framer<F>): void {
    this.feed.switchTo(this.use.takeFramer(framer, "framer"));
  }

  /**
   * Gives the socket back, as for `new TLSSocket(socket, { isServer: true })` after STARTTLS. Its
   * next bytes are those after the frame that was handed out last, and it was given all that was
   * written. Here the connection is closed then, and `onClose` is called.
   * @throws {BufferError} ERR_CLOSED if it is not open, or the program has closed its framer;
   * ERR_INVALID_ARGUMENT after `switchTo` in the same call; {HeapError} ERR_HEAP_EXHAUSTED
   */
  detach(): Duplex {
    const { outgoing, stream } = this;
    if (this.isOpen) this.flush();
    if (!this.isOpen) throw notOpen();
    const rest = this.feed.detach();
    if (outgoing.pending > 0) outgoing.write();
    for (const name of Object.keys(this.listeners)) stream.off(name, this.listeners[name]);
    stream.once("close", () => outgoing.clear());
    this.incoming.detach(rest);
    stream.allowHalfOpen = this.wasHalfOpen;
    this.leave();
    // The frame that is being handled may lie in the block that the members share.
    process.nextTick(() => this.use.leave(this));
    return stream;
  }

  /** Closes the connection at once. With an error, it is told like one of the connection. */
  destroy(error?: unknown): void {
    if (error !== undefined) {
      this.fail(error);
      return;
    }
    this.feed.close();
    this.stream.destroy();
  }

  /** @internal */
  flush(): void {
    this.isNoted = false;
    if (this.isFailed || this.isClosed) return;
    try {
      this.outgoing.flush();
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.waitingBytes === 0) this.isActive = true;
    if (this.waitingBytes > this.bounds.highWater) {
      this.stop();
      this.use.reader?.waits.waitFor(this.waits);
    } else if (this.waitingBytes <= this.bounds.lowWater) {
      this.waits.wakeAll();
    }
    this.recount();
  }

  /** @internal */
  hold(other: Waits): void {
    this.waits.waitFor(other);
    this.feed.hold();
  }

  /** @internal */
  shed(quota: number): void {
    this.fail(holdsMost(this.heldBytes, quota));
  }

  /** @internal Notes what the system took of a write that it has not taken whole. */
  noteProgress(): void {
    if (this.outgoing.hasProgressed()) this.isActive = true;
  }

  /** @internal Whether the peer owes something: the rest of a frame, or to take what is written. */
  get isOwed(): boolean {
    if (this.stream.writableLength > 0 || this.hasEnded) return true;
    return this.feed.keptBytes > 0 && !this.isPaused;
  }

  /** @internal Whether it is not read, for a reason that is not its peer's. */
  get isPaused(): boolean {
    return this.waits.isWaiting || this.feed.isBusy;
  }

  /** @internal Ends it with an error, which is told once. */
  fail(error: unknown, isOfProgram: boolean = false): void {
    if (this.isFailed || this.isClosed) return;
    this.isFailed = true;
    this.feed.close();
    const last = this.hasEnded ? undefined : this.watcher.lastBytes(error, isOfProgram);
    const isLeft = last !== undefined && this.outgoing.finish(last, this.bounds.lowWater);
    if (!isLeft) this.stream.destroy();
    this.recount();
    this.watcher.failed(error, this, isOfProgram);
  }

  /** Called with `length` bytes in the block. Returns false to pause. */
  private arrive(length: number): boolean {
    if (!this.isOpen) return true;
    this.isActive = true;
    const { block } = this.incoming;
    this.use.begin(this, block);
    this.feed.receive(block.ptr, length);
    this.use.end();
    this.recount();
    if (!this.isOpen) return true;
    this.isStopped = !this.isReadable;
    return !this.isStopped;
  }

  /** Returns whether the read block is in use, by whoever writes here in memory. Waits for it. */
  private isBusy(): boolean {
    if (!this.use.isBusy) return false;
    this.isStopped = true;
    process.nextTick(() => this.readOn());
    return true;
  }

  /** Whether nothing forbids to read on: other connections, the handler, or its own peer. */
  private get isReadable(): boolean {
    return !this.isPaused && this.waitingBytes <= this.bounds.highWater;
  }

  /** Returns whether bytes are taken, and has them flushed at the end of the turn. */
  private noteWritten(): boolean {
    if (this.isNoted) return true;
    if (this.isFailed || this.isClosed || this.hasEnded) return false;
    this.isNoted = true;
    this.use.noteWritten(this);
    return true;
  }

  /** Called when the socket has taken something that it could not take at once. */
  private flushed(): void {
    this.isActive = true;
    this.recount();
    if (this.waitingBytes > this.bounds.lowWater) return;
    this.waits.wakeAll();
    this.readOn();
  }

  /** Reads on after a pause, unless there is another reason for it. */
  private readOn(): void {
    if (this.feed.isHeld) {
      if (this.waits.isWaiting || this.isBusy()) return;
      this.use.handOut(this, () => this.feed.release());
      this.recount();
    }
    if (this.isEnding) {
      this.endWhenIdle();
    } else if (this.isStopped && !this.isClosed && this.isReadable) {
      this.isStopped = false;
      this.isActive = true;
      this.stream.resume();
    }
  }

  private stop(): void {
    if (this.isEnding) return;
    this.isStopped = true;
    this.stream.pause();
  }

  private endWhenIdle(): void {
    if (!this.feed.isBusy) void this.end();
  }

  private endNow(): void {
    if (this.isFailed) return;
    if (!this.hasEnded) {
      this.flush();
      if (this.outgoing.pending > 0) this.outgoing.write();
      this.hasEnded = true;
      this.stream.end();
    }
    // What still comes is dropped, up to the peer's end.
    this.stream.resume();
  }

  private peerEnded(): void {
    if (this.isOpen) this.feed.end();
  }

  /** Called when the peer has ended its side and the last frame was dealt with. */
  private finished(): void {
    this.call("onEnd");
    if (!this.isHalfOpen) void this.end();
  }

  /** Called when the socket is closed: nothing reads or writes its memory any more. */
  private close(): void {
    if (this.isClosed) return;
    this.outgoing.clear();
    this.use.leave(this);
    this.leave();
  }

  private leave(): void {
    this.isClosed = true;
    this.feed.close();
    this.incoming.release();
    this.recount();
    this.waits.close();
    this.watcher.closed(this);
    for (const resolve of this.enders) resolve();
  }

  private recount(): void {
    const { feed, incoming, outgoing } = this;
    const isOver = this.isFailed || this.isClosed;
    const written = outgoing.pending + outgoing.waiting;
    const read = feed.heldBytes + incoming.ownBytes;
    const added = (isOver ? 0 : written + read) - this.heldBytes;
    if (added === 0) return;
    this.heldBytes += added;
    this.use.count(added, this.bounds.quota);
  }

  private call(name: "onOpen" | "onEnd"): void {
    guard(() => this.watcher.protocol[name]?.(this), this.failOfProgram);
  }
}
