import { tooLarge } from "../checks.js";
import { bytesLeft, fallShort } from "../reader/parts.js";
import type { Reader } from "../reader/reader.js";

type Waiting<T> = Generator<undefined, T, undefined>;

/**
 * Passes over a value to find its end. It stops when bytes are missing, and goes on where it
 * stopped: each byte is looked at once, however the bytes come. Bits are taken from bytes here,
 * because a reader that is opened anew has forgotten those of a begun byte.
 */
export class Walker {
  r: Reader;
  /** How many lazy fields lie around the one that is passed over. */
  depth = 0;
  private byte = 0;
  private left = 0;

  constructor(r: Reader) {
    this.r = r;
  }

  enter(most: number): void {
    if (this.depth >= most) throw tooLarge("the depth", this.r.position, this.depth + 1, most);
    this.depth++;
  }

  /** Does a read again until its bytes have come. */
  *take<T>(read: () => T): Waiting<T> {
    this.left = 0;
    for (;;) {
      const value = read();
      if (this.r.lacking === 0) {
        this.r.mark();
        return value;
      }
      yield;
    }
  }

  *skip(count: number): Waiting<void> {
    this.left = 0;
    while (count > this.r.remaining || this.r.lacking > 0) {
      const { r } = this;
      fallShort(r, r.position, count - bytesLeft(r));
      yield;
    }
    this.r.skip(count);
    this.r.mark();
  }

  *bits(count: number): Waiting<number> {
    let value = 0;
    let wanted = count;
    while (wanted > 0) {
      if (this.left === 0) {
        this.byte = yield* this.take(() => this.r.u8());
        this.left = 8;
      }
      const step = Math.min(wanted, this.left);
      this.left -= step;
      wanted -= step;
      value = value * 2 ** step + ((this.byte >>> this.left) & (2 ** step - 1));
    }
    return value;
  }
}
