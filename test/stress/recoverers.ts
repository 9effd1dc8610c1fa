import { Worker } from "node:worker_threads";
import type { HeapError } from "../../dist/index.js";
import { DIST } from "./bundle.js";
import { Chain, type Dead, NO_INCARNATION } from "./chain.js";
import type { Scene } from "./check.js";
import type { Figures } from "./figures.js";
import {
  BEGUN,
  type Order,
  OWN_ID,
  READY,
  REPORT_WORDS,
  type RecovererData,
  readReport,
  STARTING,
  STATUS,
  STATUSES,
  TOLD,
  type Told,
  UNTOLD,
} from "./orders.js";
import { type Recoveries, toList } from "./recoveries.js";

/** Recoverers that wait for an order. */
const POOL = 2;
/** Most recoverers that die for one worker. */
const MOST_DEATHS = 4;
/** Share of recoverers that are killed. */
const DOOMED = 0.75;
/** Share of killed recoverers whose worker the main thread recovers at the same moment. */
const RACES = 0.2;
/** Longest time from the begin of a recovery to the kill. */
const LONGEST_US = 1000;

/** Slots that recoverers may take: those that wait, and the dead of two chains. */
export const RECOVERER_SLOTS = POOL + 2 * (MOST_DEATHS + 1);

interface Recoverer {
  readonly worker: Worker;
  readonly words: Int32Array;
  readonly gone: Promise<void>;
  isDoomed: boolean;
}

export interface RecoverersPlan {
  readonly scene: Scene;
  readonly figures: Figures;
  readonly recoveries: Recoveries;
  readonly script: string;
  readonly next: () => number;
  readonly onFailure: (error: Error) => void;
  /** Whether the run has failed, so that nothing is worth waiting for. */
  readonly hasFailed: () => boolean;
}

function spin(us: number): void {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

function pause(): Promise<void> {
  return new Promise((wake) => setTimeout(wake, 0));
}

/** Threads that recover dead workers, and that are killed while they do it. */
export class Recoverers {
  private readonly plan: RecoverersPlan;
  private readonly pool = new Set<Recoverer>();
  private readonly all = new Set<Recoverer>();
  private chains = 0;
  private isRetired = false;

  constructor(plan: RecoverersPlan) {
    this.plan = plan;
    for (let count = 0; count < POOL; count++) this.start();
  }

  /** Returns what each does, for the message about a hang. */
  describe(): string {
    return [...this.all]
      .map(({ isDoomed, words }) => {
        const status = STATUSES[Atomics.load(words, STATUS)];
        return `recoverer ${Atomics.load(words, OWN_ID)} ${status}${isDoomed ? " (killed)" : ""}`;
      })
      .join(", ");
  }

  /** Whether they can recover one more worker now. */
  get isReady(): boolean {
    return !this.isRetired && this.chains < 2;
  }

  /** Returns the ids of those that are alive. */
  get ids(): number[] {
    return [...this.all].map(({ words }) => Atomics.load(words, OWN_ID));
  }

  private start(): void {
    const report = new SharedArrayBuffer(4 * REPORT_WORDS);
    const { onFailure, scene, script } = this.plan;
    const given: RecovererData = { module: DIST, heap: scene.heap.buffer, report };
    const worker = new Worker(script, { workerData: given });
    const gone = new Promise<void>((done) => worker.once("exit", () => done()));
    const recoverer: Recoverer = { worker, words: new Int32Array(report), gone, isDoomed: false };
    worker.once("error", (error) => onFailure(new Error(`a recoverer: ${error.message}`)));
    worker.once("exit", () => {
      if (!recoverer.isDoomed) onFailure(new Error("a recoverer ended by itself"));
    });
    this.all.add(recoverer);
    this.pool.add(recoverer);
  }

  /** Waits until those of the pool have attached. */
  async settle(): Promise<void> {
    for (const { words } of this.all) {
      while (Atomics.load(words, STATUS) === STARTING && !this.plan.hasFailed()) await pause();
    }
  }

  /** Recovers a dead worker, by recoverers of which most are killed, until all are recovered. */
  async recover(dead: Dead): Promise<void> {
    const { figures, next, recoveries, scene } = this.plan;
    const chain = new Chain(scene, figures, recoveries, dead);
    this.chains++;
    try {
      for (let deaths = 0; chain.left.length > 0; ) {
        const target = this.pick(chain.left);
        chain.begin(target);
        if (deaths === MOST_DEATHS) {
          const freeLive = next() < 0.5;
          chain.note(recoveries.recover(target, freeLive), target, freeLive);
          continue;
        }
        const recoverer = await this.take();
        if (recoverer === undefined) return;
        if (next() >= DOOMED) {
          await this.runToEnd(chain, recoverer, target);
        } else {
          await this.runAndKill(chain, recoverer, target);
          deaths++;
        }
        if (this.plan.hasFailed()) return;
      }
    } finally {
      this.chains--;
    }
  }

  /** Picks the recoverer that died last, or another one of the dead. */
  private pick(left: readonly number[]): number {
    const { next } = this.plan;
    const index = next() < 0.75 ? left.length - 1 : Math.floor(next() * left.length);
    return left[index] as number;
  }

  private async take(): Promise<Recoverer | undefined> {
    for (;;) {
      for (const recoverer of this.pool) {
        if (Atomics.load(recoverer.words, STATUS) === STARTING) continue;
        this.pool.delete(recoverer);
        return recoverer;
      }
      if (this.plan.hasFailed()) return undefined;
      await pause();
    }
  }

  private order(recoverer: Recoverer, workerId: number, isRace: boolean): Order {
    const { next } = this.plan;
    const freeLive = next() < 0.5;
    const order: Order = { workerId, freeLive, isGuard: !isRace && next() < 0.3, isRace };
    Atomics.store(recoverer.words, STATUS, READY);
    recoverer.worker.postMessage(order);
    return order;
  }

  private async runToEnd(chain: Chain, recoverer: Recoverer, target: number): Promise<void> {
    const { words } = recoverer;
    const { freeLive } = this.order(recoverer, target, false);
    while (Atomics.load(words, STATUS) !== TOLD) {
      if (this.plan.hasFailed()) return;
      await pause();
    }
    chain.note(this.readTold(recoverer), target, freeLive);
    this.pool.add(recoverer);
  }

  /** Kills a recoverer a little after it has begun, most likely before it has ended. */
  private async runAndKill(chain: Chain, recoverer: Recoverer, target: number): Promise<void> {
    const { figures, next } = this.plan;
    const { words } = recoverer;
    const isRace = next() < RACES;
    const delays = [next() ** 2 * LONGEST_US, isRace ? next() * 20 : 0] as const;
    const { freeLive } = this.order(recoverer, target, isRace);
    // It begins at once if it has a core; the kill may then be aimed to the microsecond.
    for (const end = performance.now() + 5; Atomics.load(words, STATUS) < BEGUN; ) {
      if (performance.now() <= end) continue;
      if (this.plan.hasFailed()) return;
      await pause();
    }
    spin(delays[0]);
    const raced = isRace ? this.race(target, freeLive) : undefined;
    spin(delays[1]);
    await this.kill(recoverer);
    figures.recovererKills++;
    const status = Atomics.load(words, STATUS);
    if (status === BEGUN) figures.diedInside++;
    if (raced !== undefined && status === TOLD) {
      throw new Error(`worker ${target} was recovered by two workers`);
    }
    const told = raced ?? (status === TOLD ? this.readTold(recoverer) : undefined);
    chain.note(told, target, freeLive);
    chain.addDead(Atomics.load(words, OWN_ID));
  }

  /** Recovers a worker that a recoverer may be recovering. Returns undefined if that is faster. */
  private race(target: number, freeLive: boolean): readonly Told[] | undefined {
    try {
      return toList(this.plan.scene.heap.recover(target, { freeLive, exited: true }));
    } catch (error) {
      const { code } = error as HeapError;
      if (code === "ERR_WORKER_ALIVE" || code === "ERR_INVALID_WORKER") return undefined;
      throw error;
    }
  }

  private readTold({ words }: Recoverer): Told[] {
    this.plan.figures.untold += Atomics.exchange(words, UNTOLD, 0);
    return readReport(words);
  }

  private async kill(recoverer: Recoverer): Promise<void> {
    recoverer.isDoomed = true;
    void recoverer.worker.terminate();
    await recoverer.gone;
    this.all.delete(recoverer);
    this.pool.delete(recoverer);
    if (!this.isRetired) this.start();
  }

  /** Kills and recovers all, which have no worker to recover. */
  async retire(): Promise<void> {
    const { figures, recoveries, scene } = this.plan;
    await this.settle();
    this.isRetired = true;
    for (const recoverer of [...this.all]) {
      const workerId = Atomics.load(recoverer.words, OWN_ID);
      await this.kill(recoverer);
      const chain = new Chain(scene, figures, recoveries, {
        workerId,
        incarnation: NO_INCARNATION,
      });
      chain.begin(workerId);
      chain.note(recoveries.recover(workerId, true), workerId, true);
    }
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    this.isRetired = true;
    for (const recoverer of this.all) recoverer.isDoomed = true;
    await Promise.all([...this.all].map(({ worker }) => worker.terminate()));
  }
}
