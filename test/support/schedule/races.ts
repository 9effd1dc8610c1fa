import * as C from "./control.js";

/*
 * A data race is a pair of accesses to a byte, by two threads, at least one of them a write, that
 * happens-before does not order, unless both are Atomics operations of the same bytes. What orders
 * two threads is what the ECMAScript memory model says:
 *
 * - An Atomics operation that reads acquires what the write that it reads has released, if that
 *   was an Atomics operation of the same bytes. A plain write, or one of another width, releases
 *   nothing, and what an earlier write has released is gone.
 * - A store releases and acquires nothing; a load, and a compare-exchange that fails, acquires and
 *   releases nothing; other operations do both.
 * - A wait and a notify enter and leave the critical section of the list of those that wait at the
 *   address, which orders them among one another, and none of them accesses the word as a write.
 * - A death is ordered before the engine's answer that the worker is dead, and before nothing else.
 *
 * Clocks are vectors: a thread's own entry counts its operations, the others say how much of those
 * of another thread is ordered before.
 */

const THREADS = 4;
const KINDS = 4;
/** Numbers of a cell: by kind and thread the last access, and what the last write has released. */
const CELL_INTS = KINDS * THREADS + 1;
const RELEASE = KINDS * THREADS;
/** Addresses of the control buffer stand before those of the heap. */
const CONTROL_BYTES = 4 * C.IN_HAND;
/** A run with more pairs than these is told by the first of them. */
const MAX_PAIRS = 256;

/** Two accesses that race, by their numbers in the log. */
export type Pair = readonly [first: number, second: number];

type Clock = Int32Array;

interface Release {
  readonly clock: Clock;
  readonly address: number;
  readonly bytes: number;
}

/** Where a cell begins in `cells`, by byte; 0 is none. Both are used again by every run. */
let cellOf = new Int32Array(0);
let cells = new Int32Array(CELL_INTS << 12);

function placeOf(address: number): number {
  return address >= C.CONTROL_ADDRESS ? address - C.CONTROL_ADDRESS : address + CONTROL_BYTES;
}

/** Returns the pairs of accesses in the log that race. */
export function racesIn(control: Int32Array): Pair[] {
  if (control[C.LOG_COUNT] > C.MAX_LOG) throw new Error("the log has no room for a run's accesses");
  return new Detector(control).run();
}

class Detector {
  private readonly control: Int32Array;
  private readonly clocks: Clock[];
  /** By the number of an access, the time of its thread. */
  private readonly times: Int32Array;
  private readonly releases: Release[] = [];
  private readonly waiters = new Map<number, Clock>();
  private readonly used: number[] = [];
  private nextCell = 1;
  private readonly pairs = new Map<number, Pair>();

  constructor(control: Int32Array) {
    this.control = control;
    this.times = new Int32Array(control[C.LOG_COUNT]);
    this.clocks = Array.from({ length: THREADS }, (_, me) => {
      const clock = new Int32Array(THREADS);
      clock[me] = 1;
      return clock;
    });
  }

  run(): Pair[] {
    const { control } = this;
    this.prepareCells();
    for (let number = 0; number < control[C.LOG_COUNT]; number++) {
      const at = C.LOG + C.LOG_INTS * number;
      const me = control[at] & 0xf;
      const kind = (control[at] >>> 4) & 0xf;
      const clock = this.clocks[me] as Clock;
      this.times[number] = clock[me] as number;
      const address = control[at + 1];
      if (kind === C.DEATH_SEEN) join(clock, this.clocks[address] as Clock);
      else if (kind === C.WAITERS) this.enterWaiters(address, clock);
      else this.access(number, me, kind, address, control[at + 2]);
      if (kind >= C.SYNC_READ) clock[me]++;
    }
    for (const place of this.used) cellOf[place] = 0;
    return [...this.pairs.values()];
  }

  private prepareCells(): void {
    const { control } = this;
    let end = 0;
    for (let number = 0; number < control[C.LOG_COUNT]; number++) {
      const at = C.LOG + C.LOG_INTS * number;
      end = Math.max(end, placeOf(control[at + 1]) + control[at + 2]);
    }
    if (cellOf.length < end) cellOf = new Int32Array(end);
  }

  private enterWaiters(address: number, clock: Clock): void {
    const left = this.waiters.get(address);
    if (left !== undefined) join(clock, left);
    this.waiters.set(address, clock.slice());
  }

  private access(number: number, me: number, kind: number, address: number, bytes: number): void {
    const place = placeOf(address);
    const clock = this.clocks[me] as Clock;
    if (kind === C.SYNC_READ || kind === C.SYNC_WRITE) this.acquire(place, address, bytes, clock);
    let release = 0;
    if (kind === C.SYNC_WRITE || kind === C.SYNC_STORE) {
      release = this.releases.push({ clock: clock.slice(), address, bytes });
    }
    const row = Math.min(kind, C.SYNC_WRITE);
    const isRead = kind === C.PLAIN_READ || kind === C.SYNC_READ;
    for (let byte = place; byte < place + bytes; byte++) {
      const cell = this.cellAt(byte);
      this.findRaces(cell, number, me, row, clock);
      cells[cell + row * THREADS + me] = number + 1;
      if (!isRead) cells[cell + RELEASE] = release;
    }
  }

  /** Acquires what the last write has released, if that was an operation of the same bytes. */
  private acquire(place: number, address: number, bytes: number, clock: Clock): void {
    const first = cells[this.cellAt(place) + RELEASE] as number;
    for (let byte = place + 1; byte < place + bytes; byte++) {
      if (cells[this.cellAt(byte) + RELEASE] !== first) return;
    }
    const release = this.releases[first - 1];
    if (release?.address === address && release.bytes === bytes) join(clock, release.clock);
  }

  private cellAt(place: number): number {
    const known = cellOf[place] as number;
    if (known !== 0) return known;
    const cell = this.nextCell;
    this.nextCell += CELL_INTS;
    if (this.nextCell > cells.length) {
      const more = new Int32Array(2 * cells.length);
      more.set(cells);
      cells = more;
    }
    cells.fill(0, cell, cell + CELL_INTS);
    cellOf[place] = cell;
    this.used.push(place);
    return cell;
  }

  private findRaces(cell: number, number: number, me: number, row: number, clock: Clock): void {
    for (let other = C.PLAIN_READ; other <= C.SYNC_WRITE; other++) {
      // Two reads, plain or not, never race: their rows are even.
      if (((row | other) & 1) === 0) continue;
      for (let thread = 0; thread < THREADS; thread++) {
        const last = (cells[cell + other * THREADS + thread] as number) - 1;
        if (last < 0 || thread === me) continue;
        if ((this.times[last] as number) <= (clock[thread] as number)) continue;
        const areAtomic = row >= C.SYNC_READ && other >= C.SYNC_READ;
        if (areAtomic && this.isSameRange(last, number)) continue;
        if (this.pairs.size < MAX_PAIRS) this.pairs.set(last * C.MAX_LOG + number, [last, number]);
      }
    }
  }

  private isSameRange(first: number, second: number): boolean {
    const { control } = this;
    const one = C.LOG + C.LOG_INTS * first;
    const two = C.LOG + C.LOG_INTS * second;
    return control[one + 1] === control[two + 1] && control[one + 2] === control[two + 2];
  }
}

function join(clock: Clock, other: Clock): void {
  for (let thread = 0; thread < THREADS; thread++) {
    clock[thread] = Math.max(clock[thread] as number, other[thread] as number);
  }
}
