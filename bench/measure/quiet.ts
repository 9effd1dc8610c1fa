/**
 * Tells which rounds were quiet: nobody else used the core's units during them. A round is quiet if
 * its probe (subject/probe.ts) took about as little time as the fastest probe of the same program
 * in the whole run.
 */
import type { RoundAnswer } from "../subject/protocol.js";

/** A probe takes 1.6 to 1.9 times as long while the sibling thread is busy. */
const QUIET = 1.15;

/** What a run has learnt about the machine from its probes. */
export class Quiet {
  /** The fastest probe of each program: its processes run the same code. */
  readonly #fastest: Map<string, number> = new Map();

  /** Learns from a probe. The more there are, the better a quiet machine is known. */
  note(program: string, { probeNs }: Pick<RoundAnswer, "probeNs">): void {
    if (probeNs === undefined || probeNs <= 0) return;
    this.#fastest.set(program, Math.min(this.#fastest.get(program) ?? probeNs, probeNs));
  }

  /** Returns whether a round was quiet. A round without a probe counts as quiet. */
  has(program: string, { probeNs }: Pick<RoundAnswer, "probeNs">): boolean {
    const fastest = this.#fastest.get(program);
    return probeNs === undefined || fastest === undefined || probeNs <= QUIET * fastest;
  }
}
