import type { Scene } from "./check.js";
import type { Figures } from "./figures.js";
import type { Told } from "./orders.js";
import { DEAD_UNHEARD, deadFlag, toDeath } from "./plan.js";
import type { Recoveries } from "./recoveries.js";
import { Attachments } from "./slots.js";

/** In place of a recoverer's incarnation, because the ledger does not know recoverers. */
export const NO_INCARNATION = 0;

/** A worker that is dead, and the thread that it was. */
export interface Dead {
  readonly workerId: number;
  readonly incarnation: number;
}

/**
 * The recoveries of one dead worker, of the recoverers that died while they recovered it, and of
 * those that died while they recovered these. Checks what they tell: each worker once, and each
 * live block at most once.
 */
export class Chain {
  private readonly scene: Scene;
  private readonly figures: Figures;
  private readonly recoveries: Recoveries;
  private readonly dead: Dead;
  private readonly attachments: Attachments;
  private readonly listed = new Set<number>();
  /** Whom the recovery that was begun last must recover. */
  private expected: readonly number[] = [];

  constructor(scene: Scene, figures: Figures, recoveries: Recoveries, dead: Dead) {
    this.scene = scene;
    this.figures = figures;
    this.recoveries = recoveries;
    this.dead = dead;
    this.attachments = new Attachments(scene.heap);
    this.attachments.add(dead.workerId);
  }

  /** Adds a recoverer that has died. */
  addDead(workerId: number): void {
    this.attachments.add(workerId);
  }

  /** Returns the dead that are not recovered yet; the one that died last comes last. */
  get left(): readonly number[] {
    return this.attachments.left;
  }

  /** Takes note that a worker is about to be recovered. */
  begin(target: number): void {
    this.expected = this.attachments.under(target);
  }

  /**
   * Takes note of a call of `recover` that has ended, and of what it told unless it was killed.
   * @param target the worker that it was to recover, with those that this one was recovering.
   */
  note(told: readonly Told[] | undefined, target: number, freeLive: boolean): void {
    const recovered = new Set(this.attachments.takeRecovered());
    const missed = this.left.filter((workerId) => this.expected.includes(workerId));
    if (told === undefined) {
      if (recovered.has(target)) this.noteUnheard(freeLive);
      return;
    }
    for (const { live, workerId } of told) {
      if (!recovered.delete(workerId)) throw new Error(`worker ${workerId} is told of wrongly`);
      this.checkList(workerId, live);
    }
    for (const workerId of recovered) {
      throw new Error(`worker ${workerId} was recovered, and the recovery told of others only`);
    }
    if (missed.length > 0) throw new Error(`workers ${missed} were not recovered with ${target}`);
    this.figures.takenOver += told.length - 1;
    this.recoveries.add(told, freeLive);
  }

  /** A recoverer has the blocks of those that it was recovering, if nobody was told of them. */
  private checkList(workerId: number, live: readonly number[]): void {
    if (this.dead.incarnation === NO_INCARNATION && live.length > 0) {
      throw new Error(`recoverer ${workerId} is said to have held ${live.length} blocks: ${live}`);
    }
    for (const ptr of live) {
      if (this.listed.has(ptr)) throw new Error(`block ${ptr} was listed twice`);
      this.listed.add(ptr);
    }
  }

  /**
   * Takes note of a recovery that was complete before its recoverer told of it. Nobody knows the
   * blocks that it left.
   */
  private noteUnheard(freeLive: boolean): void {
    this.figures.unheard++;
    if (freeLive) return;
    const { control, seats } = this.scene;
    const flag = deadFlag(seats, this.dead.incarnation);
    Atomics.store(control, flag, toDeath(DEAD_UNHEARD, 0));
  }
}
