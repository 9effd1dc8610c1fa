/** Hands out empty slots, the last one given back first, so that a script needs few. */
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
