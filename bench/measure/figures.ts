import { median, pairedRatios } from "../base/statistics.js";
import type { Progress } from "../term/progress.js";

/** Figures of a study: by name, one for each turn. Ratios are taken within a turn. */
export class Figures {
  readonly #all: Map<string, number[]> = new Map();

  add(name: string, figure: number): void {
    const own = this.#all.get(name);
    if (own === undefined) this.#all.set(name, [figure]);
    else own.push(figure);
  }

  /** Returns a name's figures in the order of the turns; none if it was not measured. */
  of(name: string): readonly number[] {
    return this.#all.get(name) ?? [];
  }

  /** Returns the median of a name's figures; NaN if it was not measured. */
  middle(name: string): number {
    const own = this.of(name);
    return own.length === 0 ? Number.NaN : median(own);
  }

  /** Returns the median of the ratios of two names, turn by turn; NaN if one was not measured. */
  ratio(above: string, below: string): number {
    const ratios = pairedRatios(this.of(above), this.of(below));
    return ratios.length === 0 ? Number.NaN : median(ratios);
  }

  toJSON(): Record<string, readonly number[]> {
    return Object.fromEntries(this.#all);
  }
}

/** Something that a study runs once in each turn, in a process of its own. */
export interface Run {
  readonly name: string;
  /** Returns figures by name. */
  start(signal: AbortSignal): Promise<Readonly<Record<string, number>>>;
}

/**
 * Runs all in turn, each anew in every turn, and adds what they return to the figures. Every turn
 * begins with another one, because a machine's speed drifts.
 *
 * @throws Error when the signal is aborted: what is left would be turns of some only.
 */
export async function takeTurns(
  runs: readonly Run[],
  turns: number,
  figures: Figures,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (let place = 0; place < runs.length; place++) {
      const { name, start } = runs[(place + turn) % runs.length] as Run;
      signal.throwIfAborted();
      progress.step(name);
      for (const [figure, value] of Object.entries(await start(signal))) figures.add(figure, value);
    }
  }
}
