import { Worker } from "node:worker_threads";
import { type Ptr, SharedHeap } from "../../dist/index.js";
import {
  ATTACHMENTS,
  BOARD_WORDS,
  COUNT,
  countCells,
  END,
  emptyCells,
  FREE_ALL,
  GATE,
  type MarkerData,
  NOTHING,
  PARKED,
  PTRS,
  pick,
  SMALL_SIZES,
  sign,
  TASK,
  TRADES,
  trade,
  tryHandOver,
} from "./board.js";
import { DIST, Scripts } from "./bundle.js";
import { random } from "./plan.js";

export interface Marked {
  turns: number;
  attachments: number;
  trades: number;
  checks: number;
}

const CAPACITY = 4 * 2 ** 20;
const WORKERS = 8;
const LEAVERS = 2;
const SLAB_BYTES = 65_536;
const TURNS_PER_CHECK = 50;
const HANG_MS = 30_000;

/**
 * Hands blocks over to workers that leave and come back, while slabs and spans change hands and
 * slabs their class. Each block must stay what it is, and no memory may be lost.
 * @throws what went wrong, with the seed.
 */
export async function exchangeMarks(plan: {
  readonly seconds: number;
  readonly seed: number;
}): Promise<Marked> {
  const scripts = new Scripts();
  const marks = new Marks(scripts.add("marker"), plan.seed);
  try {
    return await marks.run(Date.now() + plan.seconds * 1000);
  } catch (error) {
    throw new Error(`seed ${plan.seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await marks.stop();
    scripts.remove();
  }
}

class Marks {
  private readonly done: Marked = { turns: 0, attachments: 0, trades: 0, checks: 0 };
  private readonly board = new Int32Array(new SharedArrayBuffer(4 * BOARD_WORDS));
  private readonly heap = SharedHeap.create({
    capacity: CAPACITY,
    maxWorkers: WORKERS,
    sllDrainInterval: 1024,
  });
  private readonly next: () => number;
  private readonly threads: Worker[] = [];
  /** They keep slots, so that the leavers attach to others. */
  private readonly placeholders: SharedHeap[] = [];
  private failure: Error | undefined;

  constructor(script: string, seed: number) {
    this.next = random(seed);
    for (let index = 0; index <= LEAVERS; index++) {
      const workerData: MarkerData = {
        module: DIST,
        heap: this.heap.buffer,
        board: this.board.buffer,
        role: index === 0 ? "freer" : "leaver",
        seed: seed + index,
      };
      const thread = new Worker(script, { workerData });
      thread.once("error", (error) => {
        this.failure ??= error;
      });
      this.threads.push(thread);
    }
  }

  async run(end: number): Promise<Marked> {
    while (Date.now() < end) {
      for (let turn = 0; turn < TURNS_PER_CHECK; turn++) {
        this.moveSlots();
        await this.turn();
      }
      await this.check();
    }
    const gone = this.threads.map((thread) => new Promise((done) => thread.once("exit", done)));
    this.tell(TASK, END);
    this.tell(GATE, 2);
    await Promise.all(gone);
    this.throwFailure();
    for (const each of this.placeholders.splice(0)) each.detach();
    this.expectEmpty();
    const { board, done } = this;
    return { ...done, attachments: board[ATTACHMENTS] ?? 0, trades: board[TRADES] ?? 0 };
  }

  async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  private tell(word: number, value: number): void {
    Atomics.store(this.board, word, value);
    Atomics.notify(this.board, word);
  }

  /** Waits until a word has a value. Spins at first, because most waits are short. */
  private async until(word: number, value: number): Promise<void> {
    const start = performance.now();
    while (Atomics.load(this.board, word) !== value) {
      const waited = performance.now() - start;
      if (waited < 1) continue;
      this.throwFailure();
      if (waited > HANG_MS) throw new Error(`a hang: word ${word} does not become ${value}`);
      await new Promise((wake) => setImmediate(wake));
    }
  }

  private moveSlots(): void {
    const { heap, next, placeholders } = this;
    if (next() < 0.9) return;
    if (placeholders.length > 0 && next() < 0.5) placeholders.shift()?.detach();
    else if (placeholders.length < 2) placeholders.push(SharedHeap.attach(heap.buffer));
  }

  /**
   * Marks blocks of a slab, frees them while others leave, and takes the slab for another class,
   * whose blocks the freer frees.
   */
  private async turn(): Promise<void> {
    const { board, heap, next } = this;
    const marked = pick(next, SMALL_SIZES);
    const ptrs: Ptr[] = [];
    for (let count = 1 + Math.floor(next() * 3); count > 0; count--) {
      const ptr = heap.malloc(marked);
      for (let tries = 8; tries > 0; tries--) {
        if (tryHandOver(heap, ptr, Math.floor(next() * WORKERS))) break;
      }
      ptrs.push(ptr);
    }
    for (const end = performance.now() + 0.01 + 0.03 * next(); performance.now() < end; );
    for (const ptr of ptrs) heap.free(ptr);
    heap.drain();
    const size = pick(next, SMALL_SIZES);
    const count = Math.floor(SLAB_BYTES / size);
    for (let index = 0; index < count; index++) {
      const ptr = heap.malloc(size);
      sign(heap, ptr, size);
      board[PTRS + index] = ptr;
    }
    board[COUNT] = count;
    this.tell(TASK, FREE_ALL);
    for (let trades = Math.floor(next() * 3); trades > 0; trades--) trade(heap, board, next);
    await this.until(TASK, NOTHING);
    heap.drain();
    this.done.turns++;
  }

  /** Checks the heap while the leavers are parked: the live blocks are those in the cells. */
  private async check(): Promise<void> {
    this.throwFailure();
    this.tell(GATE, 1);
    await this.until(PARKED, LEAVERS);
    this.heap.verify();
    this.expectLive(countCells(this.board));
    this.tell(GATE, 0);
    await this.until(PARKED, 0);
    this.done.checks++;
  }

  private expectLive(blocks: number): void {
    const { live } = this.heap.stats();
    if (live.blocks !== blocks) throw new Error(`${live.blocks} live blocks, not ${blocks}`);
  }

  private expectEmpty(): void {
    const { board, heap } = this;
    emptyCells(heap, board);
    heap.drain();
    heap.verify();
    this.expectLive(0);
    const { slabs } = heap.stats();
    if (slabs.inUse > 0) throw new Error(`${slabs.inUse} slabs in use, though all is freed`);
    SharedHeap.restore(heap.snapshot()).verify();
  }
}
