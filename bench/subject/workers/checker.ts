import { OP_FREE, OP_MALLOC, OP_REALLOC, OP_SHIFT } from "../../../src/trace/format.js";
import { byteOf, verifyBytes } from "../check.js";
import { type Desk, enter, lengthOf } from "./loop.js";
import { IN_CELL, PLACE_MASK } from "./split.js";

/** The checking pass of one worker: all bytes are written, and read back when a block is freed. */
export class WorkerChecker {
  #desk: Desk;
  readonly #succeed: () => Desk;
  readonly #bytes: Uint8Array;
  #index = 0;
  #at = 0;
  #lives = 0;

  /** `succeed` ends the worker, and returns the desk of its successor. */
  constructor(desk: Desk, succeed: () => Desk) {
    this.#desk = desk;
    this.#succeed = succeed;
    this.#bytes = new Uint8Array(desk.setup.bytes);
  }

  restart(desk: Desk): void {
    this.#desk = desk;
    this.#index = 0;
    this.#at = 0;
    this.#lives = 0;
    this.#desk.progress.restart();
  }

  /** Does this worker's events that come before an event of the script. */
  runTo(end: number): void {
    const { ends, events } = this.#desk.setup.stream;
    for (; this.#index < events.length && (events[this.#index] as number) < end; this.#index++) {
      if (ends[this.#lives] === this.#at) {
        this.#desk = this.#succeed();
        this.#lives++;
      }
      enter(this.#desk, this.#at);
      this.#step();
      this.#at += lengthOf(this.#desk.setup.stream.words[this.#at] as number);
      this.#desk.progress.tell(this.#at);
      this.#desk.progress.wake();
    }
  }

  #step(): void {
    const { setup, cells, slots, subject } = this.#desk;
    const { words, events, written } = setup.stream;
    const word = words[this.#at] as number;
    const size = words[this.#at + 1] as number;
    const event = events[this.#index] as number;
    const value = byteOf(written[this.#index] as number);
    const isCell = (word & IN_CELL) !== 0;
    const blocks = isCell ? cells : slots;
    const place = word & PLACE_MASK;
    const old = blocks[place] as number;
    const oldSize = words[this.#at + (isCell ? 4 : 2)] as number;
    switch (word >>> OP_SHIFT) {
      case OP_MALLOC:
        this.#fill(blocks, place, subject.malloc(size), size, event);
        break;
      case OP_FREE:
        this.#verify(old, event, place, size, size, value);
        subject.free(old);
        blocks[place] = 0;
        break;
      case OP_REALLOC: {
        const block = subject.realloc(old, size);
        this.#verify(block, event, place, Math.min(oldSize, size), oldSize, value);
        this.#fill(blocks, place, block, size, event);
        break;
      }
      default:
        for (let time = 0; time < size; time++) subject.fill(old, oldSize, value);
    }
  }

  #fill(blocks: Int32Array, place: number, block: number, size: number, event: number): void {
    this.#desk.subject.fill(block, size, byteOf(event));
    blocks[place] = block;
  }

  #verify(
    block: number,
    event: number,
    place: number,
    size: number,
    oldSize: number,
    value: number,
  ): void {
    const { subject } = this.#desk;
    verifyBytes(subject, block, event, place, size, value);
    // A block that was shortened to nothing has no byte left to read.
    this.#bytes[event] = size === 0 ? (oldSize === 0 ? 0 : value) : subject.read(block, 0);
  }
}
