import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** More than any machine needs. Only a fault waits so long. */
const LONG_MS = 30_000;

/** Collects in a number of turns of the event loop, in which finalizers run. */
export async function collectOften(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    collect();
    await new Promise((wake) => setTimeout(wake, 2));
  }
}

/** Collects until a condition holds, because finalizers run some time later. */
export async function until(holds: () => boolean): Promise<boolean> {
  const end = performance.now() + LONG_MS;
  while (!holds() && performance.now() < end) await collectOften(1);
  return holds();
}
