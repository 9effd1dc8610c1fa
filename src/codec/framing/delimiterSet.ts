const NONE = -1;

/**
 * Finds the earliest of several delimiters, and of those that begin there the longest. It is the
 * automaton of Aho and Corasick. Its states are the prefixes of the delimiters, and state 0 is the
 * empty one. A state that cannot go on falls back to its longest suffix that is a state. Here it
 * falls back to nothing if a delimiter has begun before that suffix, because the search is over.
 *
 * Each byte is read once, but those behind the end of a delimiter that could have been longer are
 * read again for the next frame: fewer than the longest delimiter has.
 */
export class DelimiterSet {
  readonly longest: number;
  /** How many bytes of the frame were read. */
  scanned: number;
  /** Where the delimiter ends that was found last, in the frame, or 0; and its bytes. */
  matchEnd: number;
  matchLength: number;
  private state: number;
  /** Of each byte: whether it begins a delimiter. */
  private readonly isFirst: Uint8Array;
  /** Of each state: its last byte, one that continues it, and another one of the same beginning. */
  private readonly byte: Uint8Array;
  private readonly child: Uint32Array;
  private readonly sibling: Uint32Array;
  /** The state to which it falls back, or `NONE`. */
  private readonly fallback: Int32Array;
  /** The bytes of the delimiter that ends with it, or 0. */
  private readonly match: Uint32Array;

  /** @param delimiters have one byte or more each */
  constructor(delimiters: readonly Uint8Array[]) {
    const states = 1 + delimiters.reduce((sum, { length }) => sum + length, 0);
    this.longest = Math.max(...delimiters.map(({ length }) => length));
    this.isFirst = new Uint8Array(256);
    this.byte = new Uint8Array(states);
    this.child = new Uint32Array(states);
    this.sibling = new Uint32Array(states);
    this.fallback = new Int32Array(states);
    this.match = new Uint32Array(states);
    this.scanned = 0;
    this.matchEnd = 0;
    this.matchLength = 0;
    this.state = 0;
    this.addFallbacks(this.addStates(delimiters));
  }

  /** Begins a frame. */
  begin(): void {
    this.scanned = 0;
    this.matchEnd = 0;
    this.matchLength = 0;
    this.state = 0;
  }

  /**
   * Reads on, up to `end`, in bytes in which the frame has its first byte at `origin`. Without a
   * match it stops after `maximum` bytes of the frame. Returns whether the match is sure: that no
   * longer one can come.
   */
  search(source: Uint8Array, end: number, origin: number, maximum: number): boolean {
    const { child, match } = this;
    const limit = Math.min(end, origin + maximum);
    let { state } = this;
    let at = origin + this.scanned;
    let isSure = false;
    while (at < (this.matchEnd > 0 ? end : limit)) {
      if (state === 0) {
        at = this.skip(source, at, limit);
        if (at === limit) break;
      }
      const next = this.step(state, source[at]);
      isSure = next === NONE;
      if (isSure) break;
      at++;
      state = next;
      if (match[next] === 0) continue;
      this.matchEnd = at - origin;
      this.matchLength = match[next];
      isSure = child[next] === 0;
      if (isSure) break;
    }
    this.state = state;
    this.scanned = at - origin;
    return isSure;
  }

  /** Returns the index of the first byte that begins a delimiter, or `end`. */
  private skip(source: Uint8Array, from: number, end: number): number {
    const { isFirst } = this;
    let at = from;
    while (at < end && isFirst[source[at]] === 0) at++;
    return at;
  }

  /** Returns the state after a byte, or `NONE` if the match that was found before it is sure. */
  private step(from: number, byte: number): number {
    let state = from;
    while (state !== NONE) {
      const next = this.after(state, byte);
      if (next > 0 || state === 0) return next;
      state = this.fallback[state];
    }
    return NONE;
  }

  /** Returns the state that continues one with a byte, or 0. */
  private after(state: number, byte: number): number {
    let next = this.child[state];
    while (next > 0 && this.byte[next] !== byte) next = this.sibling[next];
    return next;
  }

  /** Makes the states. Returns those of each length. */
  private addStates(delimiters: readonly Uint8Array[]): readonly number[][] {
    const levels: number[][] = Array.from({ length: this.longest }, () => []);
    let states = 1;
    for (const delimiter of delimiters) {
      let state = 0;
      this.isFirst[delimiter[0]] = 1;
      for (const [index, byte] of delimiter.entries()) {
        let next = this.after(state, byte);
        if (next === 0) {
          next = states++;
          this.byte[next] = byte;
          this.sibling[next] = this.child[state];
          this.child[state] = next;
          (levels[index] as number[]).push(next);
          this.fallback[next] = state;
        }
        state = next;
      }
      this.match[state] = delimiter.length;
    }
    return levels;
  }

  /** Sets where states fall back to, shorter ones first. Until then it is the state before. */
  private addFallbacks(levels: readonly number[][]): void {
    const { fallback, match } = this;
    for (const [index, states] of levels.entries()) {
      for (const state of states) {
        let to = 0;
        if (index > 0) to = this.step(fallback[fallback[state]], this.byte[state]);
        if (match[state] > 0) to = NONE;
        else if (to > 0) match[state] = match[to];
        fallback[state] = to;
      }
    }
  }
}
