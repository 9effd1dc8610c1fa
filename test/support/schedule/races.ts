import * as C from "./control.js";
import type { Explorer } from "./explore.js";
import { readText } from "./watch.js";

/*
 * A data race is a pair of accesses to a byte, at least one a write and at least one plain, that no
 * chain of Atomics operations orders. A load acquires what the last write of its word released, a
 * store releases anew, and all other operations do both, even a compare-exchange that fails.
 */

const THREADS = 4;
type Clock = Int32Array;

/** The last accesses to a byte per thread: the time by its own clock, and the place in the log. */
class Cell {
  readonly plainReads: Clock = new Int32Array(2 * THREADS);
  readonly plainWrites: Clock = new Int32Array(2 * THREADS);
  readonly syncReads: Clock = new Int32Array(2 * THREADS);
  readonly syncWrites: Clock = new Int32Array(2 * THREADS);
}

/** Returns the places in the log of the first two accesses that nothing orders. */
export function raceIn(control: Int32Array): [number, number] | undefined {
  const clocks = Array.from({ length: THREADS }, (_, me) => {
    const clock = new Int32Array(THREADS);
    clock[me] = 1;
    return clock;
  });
  const words = new Map<number, Clock>();
  const cells = new Map<number, Cell>();
  for (let number = 0; number < control[C.LOG_COUNT]; number++) {
    const at = C.LOG + C.LOG_INTS * number;
    const me = control[at] & 0xf;
    const kind = control[at] >>> 4;
    const address = control[at + 1];
    const clock = clocks[me] as Clock;
    if (kind >= C.SYNC_READ) synchronise(words, address, clock, kind);
    for (let byte = address; byte < address + control[at + 2]; byte++) {
      let cell = cells.get(byte);
      if (cell === undefined) {
        cell = new Cell();
        cells.set(byte, cell);
      }
      const other = conflict(cell, kind, me, clock);
      if (other >= 0) return [other, number];
      note(cell, kind, me, clock[me] as number, number);
    }
    if (kind >= C.SYNC_READ) clock[me]++;
  }
  return undefined;
}

function synchronise(words: Map<number, Clock>, address: number, clock: Clock, kind: number): void {
  const word = words.get(address);
  if (word !== undefined && kind !== C.SYNC_STORE) join(clock, word);
  if (kind !== C.SYNC_READ) words.set(address, clock.slice());
}

function join(clock: Clock, other: Clock): void {
  for (let thread = 0; thread < THREADS; thread++) {
    clock[thread] = Math.max(clock[thread] as number, other[thread] as number);
  }
}

function conflict(cell: Cell, kind: number, me: number, clock: Clock): number {
  const isWrite = kind === C.PLAIN_WRITE || kind >= C.SYNC_WRITE;
  const others = [cell.plainWrites];
  if (kind < C.SYNC_READ) others.push(cell.syncWrites);
  if (isWrite) others.push(cell.plainReads);
  if (kind === C.PLAIN_WRITE) others.push(cell.syncReads);
  for (const last of others) {
    for (let thread = 0; thread < THREADS; thread++) {
      if (thread === me || (last[2 * thread] as number) <= (clock[thread] as number)) continue;
      return last[2 * thread + 1] as number;
    }
  }
  return -1;
}

function note(cell: Cell, kind: number, me: number, time: number, number: number): void {
  const kinds = [cell.plainReads, cell.plainWrites, cell.syncReads];
  const last = kinds[kind] ?? cell.syncWrites;
  last[2 * me] = time;
  last[2 * me + 1] = number;
}

/**
 * Plain reads that may race: these functions read one header byte and check what it means, or read
 * a count for an error's text.
 */
const ACCEPTED = /\b(classifyNotLive|recoverSlab|recoverSpan|recoverMarked|freeBytesOf)\b/;

/** Explores schedules with views that log; returns the stacks of the races. */
export function findRaces(
  explorer: Explorer,
  explore: (visit: (switches: readonly number[]) => void) => void,
): string[] {
  const { control } = explorer.stage;
  const races = new Set<string>();
  const schedules: (readonly number[])[] = [];
  explore((switches) => {
    if (raceIn(control) !== undefined) schedules.push(switches);
  });
  for (const switches of schedules.slice(0, 200)) {
    if (explorer.outcome.failure !== undefined || races.size >= 20) break;
    const text = explain(explorer, switches);
    if (text !== "") races.add(text);
  }
  return [...races];
}

/** Runs a schedule again, and returns the stacks of its first race. */
function explain(explorer: Explorer, switches: readonly number[]): string {
  const { control } = explorer.stage;
  explorer.stage.run({ switches });
  const pair = raceIn(control);
  if (pair === undefined) return "";
  control.set(pair, C.WANTED);
  const kinds = pair.map((number) => {
    const at = C.LOG + C.LOG_INTS * number;
    const names = ["plain read", "plain write", "load", "atomic write", "store"];
    const kind = names[control[at] >>> 4];
    return `${kind} of byte ${control[at + 1]}`;
  });
  try {
    explorer.stage.run({ switches });
    return "";
  } catch (error) {
    const stacks = error instanceof Error ? error.message : readText(control);
    const isAccepted = stacks
      .split("Error: access ")
      .slice(1)
      .some((stack, index) => kinds[index]?.startsWith("plain read") && ACCEPTED.test(stack));
    if (isAccepted) return "";
    return `${kinds.join(", ")}, schedule ${JSON.stringify(switches)}\n${stacks}`;
  } finally {
    control.fill(-1, C.WANTED, C.WANTED + 2);
  }
}
