import { tooLarge } from "../checks.js";
import { bytesLeft, fallShort, pendingBits, seekBack } from "../reader/parts.js";
import type { Reader } from "../reader/reader.js";

type Waiting<T> = Generator<undefined, T, undefined>;

/**
 * Passes over a value to find its end. It stops when bytes are missing, and goes on where it
 * stopped: each byte is looked at once, however the bytes come. The bits of a begun byte that are
 * not read yet are kept here, because a reader that is opened anew has forgotten them.
 */
export class Walker {
  r: Reader;
  /** How many lazy fields lie around the one that is passed over. */
  depth = 0;
  /** In the form of `pendingBits`. */
  private bits = 0;

  constructor(r: Reader) {
    this.r = r;
  }

  enter(most: number): void {
    if (this.depth >= most) throw tooLarge("the depth", this.r.position, this.depth + 1, most);
    this.depth++;
  }

  /** Does a read again until its bytes have come. */
  *take<T>(read: () => T): Waiting<T> {
    for (;;) {
      if (this.bits > 0) seekBack(this.r, this.r.position, this.bits);
      const value = read();
      if (this.r.lacking === 0) {
        this.bits = pendingBits(this.r);
        this.r.mark();
        return value;
      }
      yield;
    }
  }

  /** Walks over a value, and then goes back and reads it: all of its bytes have come. */
  *find(walk: Waiting<unknown>, read: () => unknown): Waiting<unknown> {
    const { bits } = this;
    const { position } = this.r;
    yield* walk;
    this.bits = bits;
    seekBack(this.r, position, bits);
    return yield* this.take(read);
  }

  *skip(count: number): Waiting<void> {
    this.bits = 0;
    while (count > this.r.remaining || this.r.lacking > 0) {
      const { r } = this;
      fallShort(r, r.position, count - bytesLeft(r));
      yield;
    }
    this.r.align();
    this.r.skip(count);
    this.r.mark();
  }
}
