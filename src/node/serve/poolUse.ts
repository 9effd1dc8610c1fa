import { invalid } from "../../buffers/errors.js";
import type { ByteHeap, BytesPool } from "../../buffers/index.js";
import { Framer, type Releasable } from "../../codec/index.js";
import { ReadBlock } from "./readBlock.js";
import type { Waits } from "./waits.js";

/** A connection, as the others of its pool see it. */
export interface Member {
  /** How many bytes of the pool it holds. */
  readonly heldBytes: number;
  readonly waits: Waits;
  /** Gives what was written in this turn to its socket. */
  flush(): void;
  /** Hands out no more frames until another one has flushed. */
  hold(other: Waits): void;
  /** Ends it, because all connections together hold more than they may. */
  shed(quota: number): void;
}

const uses = new WeakMap<BytesPool, PoolUse>();

/**
 * What the connections of a pool share: the block that they read into, how many bytes they hold,
 * and which of them have written in this turn.
 */
export class PoolUse {
  readonly heap: ByteHeap;
  /** The connection whose bytes are being handled, and the block where they are. */
  reader: Member | undefined;
  readBlock: ReadBlock | undefined;
  /** The connection whose handler is running. */
  handling: Member | undefined;
  private heldBytes: number;
  private shared: ReadBlock | undefined;
  private readonly members: Set<Member>;
  private readonly framers: WeakSet<object>;
  private written: Member[];
  private isFlushDue: boolean;
  private isFlushing: boolean;
  private readonly flushLater: () => void;

  constructor(heap: ByteHeap) {
    this.heap = heap;
    this.reader = undefined;
    this.readBlock = undefined;
    this.handling = undefined;
    this.heldBytes = 0;
    this.shared = undefined;
    this.members = new Set();
    this.framers = new WeakSet();
    this.written = [];
    this.isFlushDue = false;
    this.isFlushing = false;
    this.flushLater = () => {
      this.isFlushDue = false;
      this.flush();
    };
  }

  static of(pool: BytesPool): PoolUse {
    const known = uses.get(pool);
    if (known !== undefined) return known;
    const use = new PoolUse(pool.heap);
    uses.set(pool, use);
    return use;
  }

  /** Returns the block that a new member reads into. @throws {HeapError} ERR_HEAP_EXHAUSTED */
  join(member: Member): ReadBlock {
    this.shared ??= new ReadBlock(this.heap, true);
    this.members.add(member);
    return this.shared;
  }

  /** Called when the socket of a member is closed, and reads into the shared block no more. */
  leave(member: Member): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.shared?.release();
    this.shared = undefined;
  }

  /** Returns whether the members would hold no more than `most` bytes with so many more. */
  hasRoom(bytes: number, most: number): boolean {
    return this.heldBytes + bytes <= most;
  }

  /**
   * Returns what a program gave as the framer of a member.
   * @throws {BufferError} ERR_INVALID_ARGUMENT if it is none, or another member's
   */
  takeFramer<F extends Releasable>(
    framer: Framer<F>,
    name: string = "what framer() returns",
  ): Framer<F> {
    if (!(framer instanceof Framer)) throw invalid(name, framer, "a framer");
    if (this.framers.has(framer)) {
      throw invalid(name, framer, "a new framer for each connection");
    }
    this.framers.add(framer);
    return framer;
  }

  /** Begins to handle bytes of a member, which were read into a block, or have waited. */
  begin(reader: Member, block: ReadBlock | undefined): void {
    this.reader = reader;
    this.readBlock = block;
  }

  /** Flushes what was written meanwhile. The reader waits for those who do not take it. */
  end(): void {
    this.flush();
    this.reader = undefined;
    this.readBlock = undefined;
  }

  /** Hands out frames of a member that have waited since they were read. */
  handOut(reader: Member, go: () => void): void {
    this.begin(reader, undefined);
    go();
    this.end();
  }

  /**
   * Lets the connection whose frames are being handled wait for another one, to which they make it
   * write, or itself. If that one is full, what was read and not handed out yet waits, too.
   */
  waitFor(other: Waits, isFull: boolean): void {
    const { handling, reader } = this;
    handling?.waits.waitFor(other);
    if (isFull) (reader ?? handling)?.hold(other);
  }

  /** Calls the handler of a member, whose frame may have waited since it was read. */
  handle<F, C extends Member>(
    frame: F,
    member: C,
    handler: ((frame: F, member: C) => unknown) | undefined,
  ): unknown {
    this.handling = member;
    try {
      return handler?.(frame, member);
    } finally {
      this.handling = undefined;
    }
  }

  /** Notes that a member has something to flush at the end of the turn. */
  noteWritten(member: Member): void {
    this.written.push(member);
    if (this.reader !== undefined || this.isFlushDue) return;
    this.isFlushDue = true;
    process.nextTick(this.flushLater);
  }

  /** Gives what was written in this turn to the sockets. */
  flush(): void {
    const { written } = this;
    this.isFlushing = true;
    for (let index = 0; index < written.length; index++) (written[index] as Member).flush();
    if (written.length === 1) written.pop();
    else written.length = 0;
    this.isFlushing = false;
  }

  /** Whether the blocks that are read into, or the sockets, are in use. */
  get isBusy(): boolean {
    return this.reader !== undefined || this.isFlushing;
  }

  /**
   * Counts bytes that a member holds, or with a negative number holds no more. Beyond the quota the
   * members that hold the most are ended, which gives back what they count.
   */
  count(bytes: number, quota: number): void {
    this.heldBytes += bytes;
    while (this.heldBytes > quota) {
      const most = this.largest();
      if (most === undefined) return;
      most.shed(quota);
    }
  }

  /** Returns the member that holds the most bytes, if one holds any. */
  private largest(): Member | undefined {
    let largest: Member | undefined;
    let most = 0;
    for (const member of this.members) {
      if (member.heldBytes <= most) continue;
      most = member.heldBytes;
      largest = member;
    }
    return largest;
  }
}
