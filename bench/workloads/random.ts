/** HAKMEM's generator, xorshift32 (13, 17, 5). The seed 0 would stay 0, so it stands for 1. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** Returns the next 32 bits as a signed integer. */
  next(): number {
    let r = this.#state;
    r ^= r << 13;
    r ^= r >>> 17;
    r ^= r << 5;
    this.#state = r;
    return r;
  }

  /** Returns an integer below a bound, which is below 2^21, from the upper bits. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 11) * bound) / 2 ** 21);
  }

  /** Returns a number from 0 up to 1. */
  unit(): number {
    return (this.next() >>> 0) / 2 ** 32;
  }
}
