/**
 * Which connections a connection waits for before it is read on, and which wait for it: those whose
 * frames made it write more than its peer takes.
 */
export class Waits {
  private readonly others: Set<Waits>;
  private readonly waiters: Set<Waits>;
  private readonly sleepers: (() => void)[];
  private readonly onFree: () => void;

  /** @param onFree called when a connection for which it waited has flushed or is closed */
  constructor(onFree: () => void) {
    this.others = new Set();
    this.waiters = new Set();
    this.sleepers = [];
    this.onFree = onFree;
  }

  get isWaiting(): boolean {
    return this.others.size > 0;
  }

  waitFor(other: Waits): void {
    this.others.add(other);
    other.waiters.add(this);
  }

  /** Resolves when the connection has flushed or is closed. */
  sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.sleepers.push(resolve);
    });
  }

  /** Wakes all that wait for the connection, which has flushed or is closed. */
  wakeAll(): void {
    if (this.waiters.size === 0 && this.sleepers.length === 0) return;
    for (const waiter of [...this.waiters]) {
      this.waiters.delete(waiter);
      waiter.others.delete(this);
      waiter.onFree();
    }
    for (const resolve of this.sleepers.splice(0)) resolve();
  }

  /** Ends all waits, when the connection is closed. */
  close(): void {
    for (const other of this.others) other.waiters.delete(this);
    this.others.clear();
    this.wakeAll();
  }
}
