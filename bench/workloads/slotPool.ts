/** Hands out empty slots. The one given back last comes first, so that a script needs few. */
export class SlotPool {
  readonly #empty: number[] = [];
  #count = 0;

  take(): number {
    return this.#empty.pop() ?? this.#count++;
  }

  give(slot: number): void {
    this.#empty.push(slot);
  }
}
