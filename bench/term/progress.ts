import spinner from "yocto-spinner";

export interface Progress {
  /** One of the steps begins. */
  step(text: string): void;
  /** Shows how much of the whole is done, from 0 to 1. */
  show(share: number, text: string): void;
  done(): void;
}

const BAR_CELLS = 20;

/** A bar on a terminal; silent in a pipe. */
export function startProgress(steps: number): Progress {
  let count = 0;
  if (!process.stderr.isTTY) return { step: () => {}, show: () => {}, done: () => {} };
  const shown = spinner({ stream: process.stderr, handleSignals: false }).start();
  const show = (share: number, text: string): void => {
    const full = Math.round(Math.min(1, share) * BAR_CELLS);
    const bar = "█".repeat(full) + "░".repeat(BAR_CELLS - full);
    shown.text = `${bar} ${Math.floor(100 * Math.min(1, share))} %  ${text}`;
  };
  return { step: (text) => show(count++ / steps, text), show, done: () => shown.stop() };
}
