import { expect } from "vitest";
import { binOf, extendRun, giveRun, takeRun } from "../../../src/central/arena.js";
import * as classRecord from "../../../src/layout/classRecord.js";
import { SPAN_CLASS } from "../../../src/layout/sizeClasses.js";
import { IN_ARENA, SPAN_TAIL } from "../../../src/layout/slabKind.js";
import * as slabRecord from "../../../src/layout/slabRecord.js";
import * as superblock from "../../../src/layout/superblock.js";
import { at } from "../help.js";

type Run = { slab: number; slabs: number };
type State = { head: Int32Array; records: Int32Array; owners: number[]; live: Run[]; next: number };

/** An arena beside the plainest oracle: an array that says who owns each slab, 0 for nobody. */
export class ArenaModel {
  readonly meta: Int32Array;
  readonly first: number;
  readonly end: number;
  owners: number[];
  live: Run[] = [];
  private nextOwner = 1;

  constructor(first: number, slabs: number) {
    this.first = first;
    this.end = first + slabs;
    this.meta = new Int32Array(slabRecord.at(this.end));
    this.meta[superblock.FIRST_SLAB] = first;
    this.meta[superblock.END_SLAB] = this.end;
    this.meta[superblock.WILDERNESS] = first;
    this.owners = new Array<number>(this.end).fill(0);
  }

  save(): State {
    return {
      head: this.meta.slice(0, 128),
      records: this.meta.slice(slabRecord.START),
      owners: [...this.owners],
      live: this.live.map((run) => ({ ...run })),
      next: this.nextOwner,
    };
  }

  load(state: State): void {
    this.meta.set(state.head, 0);
    this.meta.set(state.records, slabRecord.START);
    this.owners = [...state.owners];
    this.live = state.live.map((run) => ({ ...run }));
    this.nextOwner = state.next;
  }

  /** Maximal free runs below a limit, by the oracle. */
  freeRuns(limit: number): Run[] {
    const runs: Run[] = [];
    for (let slab = this.first; slab < limit; slab++) {
      if (this.owners[slab] !== 0) continue;
      const last = runs.at(-1);
      if (last !== undefined && last.slab + last.slabs === slab) last.slabs++;
      else runs.push({ slab, slabs: 1 });
    }
    return runs;
  }

  get wilderness(): number {
    return at(this.meta, superblock.WILDERNESS);
  }

  /** Takes a run, and holds the answer against the oracle. */
  take(slabs: number): void {
    const wilderness = this.wilderness;
    const below = this.freeRuns(wilderness);
    const fitting = below.filter((run) => run.slabs >= slabs);
    const slab = takeRun(this.meta, slabs);
    if (fitting.length > 0) {
      const chosen = below.find((run) => run.slab === slab);
      expect(chosen, "a free run's first slab").toBeDefined();
      expect(this.wilderness, "the wilderness is left alone").toBe(wilderness);
      this.checkFit(chosen?.slabs ?? 0, slabs, fitting);
    } else {
      const fits = this.freeRuns(this.end).find((run) => run.slabs >= slabs);
      const room = fits !== undefined && fits.slab + slabs > wilderness ? fits : undefined;
      expect(slab, "from the wilderness, or none").toBe(room?.slab ?? 0);
      if (slab !== 0) expect(this.wilderness).toBe(slab + slabs);
    }
    if (slab !== 0) this.own(slab, slabs);
    this.check();
  }

  /** Good fit: a run of the request's own bin if one holds it, else of the next bin. */
  private checkFit(got: number, wanted: number, fitting: Run[]): void {
    const bins = fitting.map((run) => binOf(run.slabs));
    expect(got).toBeGreaterThanOrEqual(wanted);
    expect(binOf(got), "the lowest bin that fits").toBe(Math.min(...bins));
  }

  give(index: number): void {
    const [run] = this.live.splice(index, 1);
    if (run === undefined) return;
    giveRun(this.meta, run.slab, run.slabs);
    this.owners.fill(0, run.slab, run.slab + run.slabs);
    this.check();
  }

  /** Gives back the end of a run, as a span that is cut does. */
  cut(index: number, keep: number): void {
    const run = this.live[index];
    if (run === undefined || keep >= run.slabs || keep < 1) return;
    const cut = run.slabs - keep;
    run.slabs = keep;
    this.describe(run);
    giveRun(this.meta, run.slab + keep, cut);
    this.owners.fill(0, run.slab + keep, run.slab + keep + cut);
    this.check();
  }

  extend(index: number, slabs: number): void {
    const run = this.live[index];
    if (run === undefined) return;
    const end = run.slab + run.slabs;
    const following = this.owners.slice(end, end + slabs);
    const canGrow = following.length === slabs && following.every((owner) => owner === 0);
    expect(extendRun(this.meta, end, slabs), `extend ${end} by ${slabs}`).toBe(canGrow);
    if (canGrow) {
      run.slabs += slabs;
      this.owners.fill(at(this.owners, run.slab), end, end + slabs);
      this.describe(run);
    }
    this.check();
  }

  private own(slab: number, slabs: number): void {
    for (let index = slab; index < slab + slabs; index++) {
      expect(this.owners[index], `slab ${index} was free`).toBe(0);
      this.owners[index] = this.nextOwner;
    }
    this.nextOwner++;
    const run = { slab, slabs };
    this.live.push(run);
    this.describe(run);
  }

  /** What the arena's callers write: a kind at both ends. */
  private describe({ slab, slabs }: Run): void {
    this.meta[slabRecord.at(slab + slabs - 1) + slabRecord.KIND] = SPAN_TAIL;
    this.meta[slabRecord.at(slab) + slabRecord.KIND] = slabs === 1 ? 1 : SPAN_CLASS;
    this.meta[slabRecord.at(slab) + slabRecord.RUN] = slabs;
  }

  /** The arena's free runs are the oracle's: merged, described at both ends, each in its bin. */
  check(): void {
    const { meta } = this;
    const found = new Map<number, number>();
    for (let bin = 0; bin < superblock.BINS_INTS; bin++) {
      let prev = 0;
      for (let slab = at(meta, superblock.BINS + bin); slab !== 0; ) {
        const slabs = at(meta, slabRecord.at(slab) + slabRecord.RUN);
        if (found.has(slab)) throw new Error(`slab ${slab} is in bins twice`);
        found.set(slab, slabs);
        if (binOf(slabs) !== bin) throw new Error(`${slabs} slabs in bin ${bin}`);
        if (at(meta, slabRecord.at(slab) + slabRecord.PREV) !== prev)
          throw new Error(`links of ${slab}`);
        prev = slab;
        slab = at(meta, slabRecord.at(slab) + slabRecord.NEXT);
      }
      const marked = (at(meta, superblock.BIN_MAP + (bin >> 5)) >>> (bin & 31)) & 1;
      if (marked !== (prev === 0 ? 0 : 1)) throw new Error(`the mark of bin ${bin}`);
    }
    const runs = this.freeRuns(this.wilderness);
    expect(found.size).toBe(runs.length);
    for (const { slab, slabs } of runs) {
      if (found.get(slab) !== slabs) throw new Error(`run ${slab} + ${slabs} is not whole`);
      for (const end of [slab, slab + slabs - 1]) {
        const slabAt = slabRecord.at(end);
        const good =
          meta[slabAt + slabRecord.KIND] === IN_ARENA && meta[slabAt + slabRecord.RUN] === slabs;
        if (!good) throw new Error(`slabAt of ${end} in run ${slab} + ${slabs}`);
      }
    }
    if (this.owners.some((owner, slab) => owner !== 0 && slab >= this.wilderness)) {
      throw new Error("a run lies in the wilderness");
    }
    expect(meta[classRecord.START]).toBe(0);
  }
}
