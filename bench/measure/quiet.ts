/**
 * Which rounds count: those during which nobody else used the core's units, as the probes of
 * subject/probe.ts tell. A round is quiet if its probe took about as little as any probe of the
 * same program in the whole run.
 */
import type { RoundAnswer } from "../subject/protocol.js";

/** A probe takes 1.6 to 1.9 times as long while the sibling thread is busy. */
const QUIET = 1.15;

/** What a run has learnt of the machine from its probes. */
export class Quiet {
  /** The fastest probe of each program: its processes run the same code. */
  readonly #fastest: Map<string, number> = new Map();

  /** Learns from a probe: the more there are, the better a quiet machine is known. */
  note(program: string, { probeNs }: Pick<RoundAnswer, "probeNs">): void {
    if (probeNs === undefined || probeNs <= 0) return;
    this.#fastest.set(program, Math.min(this.#fastest.get(program) ?? probeNs, probeNs));
  }

  /** Returns whether a round was quiet. A round without a probe is believed. */
  has(program: string, { probeNs }: Pick<RoundAnswer, "probeNs">): boolean {
    const fastest = this.#fastest.get(program);
    return probeNs === undefined || fastest === undefined || probeNs <= QUIET * fastest;
  }
}
