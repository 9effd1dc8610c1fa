/** xorshift32 (13, 17, 5), HAKMEM's generator. The seed 0 would stay 0, and stands for 1. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** The next 32 bits, as a signed integer. */
  next(): number {
    let r = this.#state;
    r ^= r << 13;
    r ^= r >>> 17;
    r ^= r << 5;
    this.#state = r;
    return r;
  }

  /** An integer from 0 to bound - 1; the bound is below 2^21. Takes the upper bits. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 11) * bound) / 2 ** 21);
  }

  /** A number from 0 up to 1. */
  unit(): number {
    return (this.next() >>> 0) / 2 ** 32;
  }
}
