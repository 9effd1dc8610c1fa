import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readInto } from "../accept.js";
import type { Member, PoolUse } from "./poolUse.js";
import { READ_BYTES, ReadBlock } from "./readBlock.js";

/** A connection that gave so many bytes at once reads into a block of its own next. */
const BUSY_BYTES = READ_BYTES / 2;
/** With fewer it goes back to the shared block. */
const QUIET_BYTES = READ_BYTES / 8;
/** Own blocks are taken while the connections hold less than this part of the quota. */
const OWN_SHARE = 4;

/**
 * The blocks that a connection reads into: the one that its pool shares, or its own while much
 * comes. What is read must be dealt with before the next read, unless it holds the own block.
 */
export class Incoming {
  readonly stream: Duplex;
  /** Where the bytes are that came last. */
  block: ReadBlock;
  private readonly use: PoolUse;
  private readonly shared: ReadBlock;
  private readonly quota: number;
  private length: number;

  /** @param arrive is told how many bytes have come; returns false to pause */
  constructor(
    socket: Duplex,
    use: PoolUse,
    member: Member,
    quota: number,
    arrive: (length: number) => boolean,
  ) {
    this.use = use;
    this.quota = quota;
    this.shared = use.join(member);
    this.block = this.shared;
    this.length = 0;
    try {
      this.stream = readInto(socket as Socket, {
        buffer: () => this.nextView(),
        onRead: (length) => {
          this.length = length;
          return arrive(length);
        },
      });
    } catch (error) {
      use.leave(member);
      throw error;
    }
  }

  /** How many bytes of the pool its own block takes. */
  get ownBytes(): number {
    return this.block === this.shared ? 0 : READ_BYTES;
  }

  /** Gives up its own block, when the socket is closed. */
  release(): void {
    if (this.block !== this.shared) this.block.release();
    this.block = this.shared;
  }

  /** Chooses the block for the next read. */
  private nextView(): Uint8Array {
    const { block, length, shared } = this;
    const isBusy = length >= (block === shared ? BUSY_BYTES : QUIET_BYTES);
    if (block !== shared && (!isBusy || block.isHeld)) this.release();
    if (isBusy && this.block === shared) this.block = this.ownBlock();
    return this.block.view;
  }

  private ownBlock(): ReadBlock {
    if (!this.use.hasRoom(this.quota / OWN_SHARE)) return this.shared;
    try {
      return new ReadBlock(this.use.heap, false);
    } catch {
      // The heap is full: what comes is copied out of the shared block instead.
      return this.shared;
    }
  }
}
