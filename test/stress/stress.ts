import { Worker } from "node:worker_threads";
import { SharedHeap } from "../../dist/index.js";
import { DIST, Scripts } from "./bundle.js";
import { checkAll, type Scene } from "./check.js";
import { type Figures, noFigures, type StressPlan } from "./figures.js";
import {
  ACTION,
  ACTIONS,
  ATTACHES,
  busyWord,
  COMPLAINT,
  COMPLAINT_FOUND,
  COMPLAINT_PTR,
  COMPLAINTS,
  controlWords,
  DEAD,
  DEAD_MOVING,
  deadFlag,
  EPOCH,
  FINISH,
  INCARNATION,
  LEDGER_WORDS,
  OPERATIONS,
  PARK,
  PARKED,
  PHASE,
  RUN,
  random,
  ringWord,
  SEAT_CLOSED,
  type Seat,
  STATUS,
  seatWord,
  toDeath,
  WORKER,
} from "./plan.js";
import { RECOVERER_SLOTS, Recoverers } from "./recoverers.js";
import { Recoveries } from "./recoveries.js";

const CAPACITY = 24 * 2 ** 20;
/** Threads that a run may start. */
const INCARNATIONS = 200_000;
const ROUND_MS = 1000;
const ROUND_KILLS = 30;
/** Share of workers killed at any age, even while they start; others have done some work. */
const YOUNG = 0.15;
const OLDEST = 1500;
const HANG_MS = 30_000;
/** Share of dead workers that recoverers recover, which may be killed too. */
const BY_RECOVERERS = 0.6;

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}

interface Thread {
  readonly worker: Worker;
  readonly incarnation: number;
  /** Number of operations before which it is not killed. */
  readonly age: number;
  isDoomed: boolean;
  readonly gone: Promise<void>;
}

/** One run: workers that are killed and replaced, in rounds that end with a check of all. */
export class Stress {
  readonly figures: Figures = noFigures();
  private readonly scene: Scene;
  private readonly threads: (Thread | undefined)[] = [];
  private readonly next: () => number;
  private readonly script: string;
  private readonly scripts = new Scripts();
  private readonly recoveries: Recoveries;
  private readonly recoverers: Recoverers;
  private readonly dying = new Set<Promise<void>>();
  private incarnations = 0;
  private failure: Error | undefined;
  private readonly plan: StressPlan;

  constructor(plan: StressPlan) {
    this.plan = plan;
    const seats = plan.workers;
    const maxWorkers = Math.min(64, 2 * seats + 4 + RECOVERER_SLOTS);
    const heap = SharedHeap.create({ capacity: CAPACITY, maxWorkers });
    const control = new SharedArrayBuffer(4 * controlWords(seats, INCARNATIONS));
    const ledger = new SharedArrayBuffer((CAPACITY / 16) * LEDGER_WORDS * 4);
    const views = { control: new Int32Array(control), ledger: new Int32Array(ledger) };
    this.scene = { heap, seats, ...views };
    this.next = random(plan.seed);
    Atomics.store(this.scene.control, EPOCH, 1);
    this.script = this.scripts.add("worker");
    const { figures, next, scene } = this;
    this.recoveries = new Recoveries(scene, figures, next);
    this.recoverers = new Recoverers({
      scene,
      figures,
      next,
      recoveries: this.recoveries,
      script: this.scripts.add("recoverer"),
      onFailure: (error) => {
        this.failure ??= error;
      },
      hasFailed: () => this.failure !== undefined,
    });
  }

  /** @throws what went wrong, with the seed. */
  async run(): Promise<Figures> {
    const { plan } = this;
    const end = Date.now() + plan.seconds * 1000;
    try {
      for (let seat = 0; seat < plan.workers; seat++) this.start(seat);
      while (Date.now() < end || this.figures.kills < plan.kills) {
        await this.killSome();
        await this.park(PARK);
        await this.check();
        this.resume(RUN);
      }
      await this.finish();
      return this.figures;
    } catch (error) {
      const reason = this.failure ?? (error as Error);
      throw new Error(`seed ${plan.seed}: ${reason.message}`, { cause: reason });
    } finally {
      await Promise.all(this.threads.map((thread) => thread?.worker.terminate()));
      await this.recoverers.stop();
      this.scripts.remove();
    }
  }

  private below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  private start(seat: number): void {
    const { control, heap, ledger, seats } = this.scene;
    const incarnation = ++this.incarnations;
    if (incarnation >= INCARNATIONS) throw new Error(`more than ${INCARNATIONS} threads`);
    for (const name of [WORKER, COMPLAINT, OPERATIONS, ACTION, PARKED, ATTACHES]) {
      Atomics.store(control, seatWord(seat, name), 0);
    }
    Atomics.store(control, seatWord(seat, INCARNATION), incarnation);
    const seed = Math.floor(this.next() * 2 ** 32);
    const given: Seat = {
      module: DIST,
      heap: heap.buffer,
      control: control.buffer as SharedArrayBuffer,
      ledger: ledger.buffer as SharedArrayBuffer,
      seats,
      seat,
      incarnation,
      seed,
    };
    const age = this.next() < YOUNG ? -1 : this.below(OLDEST);
    const worker = new Worker(this.script, { workerData: given });
    const gone = new Promise<void>((done) => worker.once("exit", () => done()));
    const thread: Thread = { worker, incarnation, age, isDoomed: false, gone };
    worker.once("error", (error) => this.fail(seat, error));
    worker.once("exit", () => {
      if (!thread.isDoomed) this.fail(seat, new Error("the thread ended by itself"));
    });
    this.threads[seat] = thread;
  }

  private fail(seat: number, error: Error): void {
    const word = (name: number): number => Atomics.load(this.scene.control, seatWord(seat, name));
    const complaint = COMPLAINTS[word(COMPLAINT)] ?? "";
    const where = `block ${word(COMPLAINT_PTR)}, ${word(COMPLAINT_FOUND)}`;
    const what = complaint === "" ? "" : `${complaint} (${where}): `;
    const message = `worker thread ${seat} ${ACTIONS[word(ACTION)]}: ${what}${error.message}`;
    this.failure ??= new Error(message, { cause: error });
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** Kills workers at random instants until the round is over, and waits until all are replaced. */
  private async killSome(): Promise<void> {
    const end = Date.now() + ROUND_MS;
    for (let kills = 0; kills < ROUND_KILLS && Date.now() < end; ) {
      await sleep(this.below(8));
      this.throwFailure();
      const seat = this.below(this.plan.workers);
      const thread = this.threads[seat];
      if (thread === undefined || thread.isDoomed) continue;
      if (Atomics.load(this.scene.control, seatWord(seat, OPERATIONS)) < thread.age) continue;
      kills++;
      const death = this.kill(seat, thread).then(() => this.start(seat));
      const watched = death.catch((error: Error) => {
        this.failure ??= error;
      });
      this.dying.add(watched);
      void watched.then(() => this.dying.delete(watched));
    }
    await this.watch("recover the dead", Promise.all(this.dying));
    this.throwFailure();
    this.plan.onProgress?.(this.figures);
  }

  /** Kills a worker and recovers it, after the last hand-over to it has ended. */
  private async kill(seat: number, thread: Thread): Promise<void> {
    const { control, seats } = this.scene;
    const status = seatWord(seat, STATUS);
    thread.isDoomed = true;
    const way = this.below(3);
    const isClosedFirst = this.next() < 0.3;
    if (isClosedFirst) Atomics.store(control, status, SEAT_CLOSED);
    void thread.worker.terminate();
    await thread.gone;
    this.figures.kills++;
    Atomics.store(control, status, SEAT_CLOSED);
    const kind = this.isMoving(seat) ? DEAD_MOVING : DEAD;
    const attaches = Atomics.load(control, seatWord(seat, ATTACHES));
    Atomics.store(control, deadFlag(seats, thread.incarnation), toDeath(kind, attaches));
    for (let other = 0; other < seats; other++) {
      Atomics.store(control, busyWord(seats, seat, other), 0);
    }
    const isBusy = (): boolean => {
      for (let other = 0; other < seats; other++) {
        if (Atomics.load(control, busyWord(seats, other, seat)) !== 0) return true;
      }
      return false;
    };
    while (isBusy()) await sleep(0);
    await this.recover(seat, thread.incarnation, way);
    this.figures.operations += Atomics.load(control, seatWord(seat, OPERATIONS));
    for (let giver = 0; giver < seats; giver++) {
      const ring = ringWord(seats, giver, seat);
      Atomics.store(control, ring, Atomics.load(control, ring + 1));
    }
  }

  private isMoving(seat: number): boolean {
    const action = Atomics.load(this.scene.control, seatWord(seat, ACTION));
    return ACTIONS[action]?.includes("attaches") === true;
  }

  private async recover(seat: number, incarnation: number, way: number): Promise<void> {
    const { control } = this.scene;
    const workerId = Atomics.load(control, seatWord(seat, WORKER)) - 1;
    const isKnown = workerId >= 0 && !this.isMoving(seat);
    if (this.next() < 0.5) this.recoveries.freeListed();
    // Without an id every dead worker is recovered, and others may not be ready for it.
    if (this.dying.size <= 1 && (way === 0 || !isKnown)) {
      this.recoveries.guardAll();
    } else if (isKnown && this.next() < BY_RECOVERERS && this.recoverers.isReady) {
      await this.recoverers.recover({ workerId, incarnation });
    } else if (isKnown) {
      this.recoverKnown(workerId, way !== 2);
    }
  }

  private recoverKnown(workerId: number, freeLive: boolean): void {
    this.recoveries.add(this.recoveries.recover(workerId, freeLive), freeLive);
  }

  /** Waits until every worker has done what the phase demands. */
  private async park(phase: number): Promise<void> {
    const { control, seats } = this.scene;
    Atomics.store(control, PHASE, phase);
    const epoch = Atomics.load(control, EPOCH);
    const isParked = (seat: number): boolean =>
      Atomics.load(control, seatWord(seat, PARKED)) === epoch;
    const all = async (): Promise<void> => {
      for (let seat = 0; seat < seats; seat++) {
        while (!isParked(seat)) {
          this.throwFailure();
          await sleep(1);
        }
      }
    };
    await this.watch("park", all());
  }

  private resume(phase: number): void {
    const { control } = this.scene;
    Atomics.store(control, PHASE, phase);
    Atomics.add(control, EPOCH, 1);
    Atomics.notify(control, EPOCH);
  }

  private get progress(): number {
    return this.figures.kills + this.figures.recovererKills;
  }

  /** Awaits work. @throws if it takes long although nobody is killed meanwhile. */
  private async watch(what: string, work: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const hang = new Promise<never>((_, reject) => {
      let done = this.progress;
      timer = setInterval(() => {
        if (done === this.progress) reject(new Error(`a hang: cannot ${what}; ${this.name()}`));
        done = this.progress;
      }, HANG_MS);
    });
    try {
      await Promise.race([work, hang]);
    } finally {
      clearInterval(timer);
    }
  }

  /** Returns what each worker does, for the message about a hang. */
  private name(): string {
    const { control, seats } = this.scene;
    const names = Array.from({ length: seats }, (_, seat) => {
      const action = ACTIONS[Atomics.load(control, seatWord(seat, ACTION))];
      const end = this.threads[seat]?.isDoomed ? " (killed)" : "";
      return `${seat} ${action}${end}`;
    });
    return [...names, this.recoverers.describe()].join(", ");
  }

  private async check(): Promise<void> {
    await this.watch("start recoverers", this.recoverers.settle());
    this.throwFailure();
    this.sweepSlots();
    this.recoveries.freeListed();
    const { live, orphans } = checkAll(this.scene);
    this.figures.live = live;
    this.figures.orphans += orphans;
    this.figures.rounds++;
  }

  /** Recovers slots of workers that died while they attached, which nobody may know of. */
  private sweepSlots(): void {
    const { control, heap, seats } = this.scene;
    const known = new Set([heap.workerId, ...this.recoverers.ids]);
    for (let seat = 0; seat < seats; seat++) {
      if (this.threads[seat]?.isDoomed !== false) continue;
      known.add((control[seatWord(seat, WORKER)] ?? 0) - 1);
    }
    const attached = heap.stats().workers.map(({ workerId }) => workerId);
    for (const workerId of known) {
      if (!attached.includes(workerId)) throw new Error(`living worker ${workerId} lost its slot`);
    }
    for (const workerId of attached) {
      if (known.has(workerId)) continue;
      this.recoverKnown(workerId, true);
    }
  }

  private async finish(): Promise<void> {
    const { heap, seats } = this.scene;
    await this.park(PARK);
    await this.watch("end recoverers", this.recoverers.retire());
    for (let time = 0; time < 3; time++) {
      this.resume(FINISH);
      await this.park(FINISH);
      await this.check();
      heap.drain();
    }
    this.expectEmpty();
    for (let seat = 0; seat < seats; seat++) {
      const thread = this.threads[seat];
      if (thread !== undefined) await this.kill(seat, thread);
    }
    await this.check();
    heap.drain();
    this.expectEmpty();
  }

  private expectEmpty(): void {
    const { inTransit, live, slabs, workers } = this.scene.heap.stats();
    this.figures.lost = live.blocks + inTransit.blocks;
    if (this.figures.lost === 0 && slabs.inUse === 0) return;
    const of = workers.map((worker) => `${worker.workerId}: ${worker.slabs}`).join(", ");
    throw new Error(`${this.figures.lost} lost blocks, ${slabs.inUse} slabs in use (${of})`);
  }
}
