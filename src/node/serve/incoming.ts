import type { Duplex } from "node:stream";
import { takeOver } from "../accept.js";
import type { Member, PoolUse } from "./poolUse.js";
import { OWN_BYTES, ReadBlock, SHARED_BYTES } from "./readBlock.js";

/** A connection that gave so many bytes at once reads into a block of its own next. */
const BUSY_BYTES = SHARED_BYTES / 2;
/** With fewer it goes back to the shared block. */
const QUIET_BYTES = SHARED_BYTES / 8;
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
  /** Lets the socket read by itself again. */
  private readonly giveUp: () => void;
  private readonly use: PoolUse;
  private readonly shared: ReadBlock;
  private own: ReadBlock | undefined;
  private readonly quota: number;
  private length: number;

  /**
   * @param arrive is told how many bytes have come; returns false to pause
   * @param isBusy returns whether others use the blocks; the socket is paused then
   */
  constructor(
    socket: Duplex,
    use: PoolUse,
    member: Member,
    quota: number,
    arrive: (length: number) => boolean,
    isBusy: () => boolean,
  ) {
    this.use = use;
    this.quota = quota;
    this.shared = use.join(member);
    this.block = this.shared;
    this.own = undefined;
    this.length = 0;
    try {
      this.stream = socket;
      this.giveUp = takeOver(socket, {
        buffer: () => this.nextView(),
        spare: this.shared.view,
        isBusy,
        onRead: (length, view) => {
          this.block = view === this.shared.view ? this.shared : (this.own as ReadBlock);
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
    return this.own === undefined ? 0 : OWN_BYTES;
  }

  /** Lets the socket read by itself again, from bytes that came before its own next ones. */
  detach(rest: Uint8Array): void {
    this.giveUp();
    if (rest.length > 0) this.stream.unshift(rest);
    this.release();
  }

  /** Gives up its own block, when the socket is closed. */
  release(): void {
    this.own?.release();
    this.own = undefined;
  }

  /** Chooses the block for the next read. */
  private nextView(): Uint8Array {
    const { length, own, shared } = this;
    const isBusy = length >= (own === undefined ? BUSY_BYTES : QUIET_BYTES);
    if (own !== undefined && (!isBusy || own.isHeld)) this.release();
    if (isBusy) this.own ??= this.takeBlock();
    return (this.own ?? shared).view;
  }

  private takeBlock(): ReadBlock | undefined {
    if (!this.use.hasRoom(OWN_BYTES, this.quota / OWN_SHARE)) return undefined;
    try {
      return new ReadBlock(this.use.heap, false);
    } catch {
      // The heap is full: what comes is copied out of the shared block instead.
      return undefined;
    }
  }
}
