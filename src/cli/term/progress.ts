import spinner from "yocto-spinner";

export interface Progress {
  step(text: string): void;
  done(): void;
}

/** A spinner on a terminal; silent in a pipe. */
export function startProgress(total: number): Progress {
  let count = 0;
  if (!process.stderr.isTTY) return { step: () => {}, done: () => {} };
  const shown = spinner({ stream: process.stderr }).start();
  return {
    step: (text) => {
      shown.text = `${++count}/${total}  ${text}`;
    },
    done: () => {
      shown.stop();
    },
  };
}
