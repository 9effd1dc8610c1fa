/*
 * A core's units are shared with a sibling thread, which on a virtual machine may be a stranger's.
 * While that one works, code that keeps many units busy takes nearly twice as long, and code that
 * waits for memory or for branches little longer: ratios change too, not only times. So a probe, a
 * loop of independent additions, is timed before and after each round. The fewer units of this core
 * are free, the longer it takes. measure/turns.ts decides by it which rounds count.
 */
const ADDITIONS = 20_000;
/** The fastest of so many tries counts, because one may meet an interrupt. */
const TRIES = 3;
const WARM_UP_PROBES = 50;

/** Keeps the sums, so that V8 does not leave the additions out. */
const sums = new Int32Array(1);

function add(): void {
  let [a, b, c, d, e] = [1, 2, 3, 4, 5];
  for (let i = 0; i < ADDITIONS; i++) {
    a = (a + 1) | 0;
    b = (b + i) | 0;
    c = (c ^ i) | 0;
    d = (d + 3) | 0;
    e = (e ^ a) | 0;
  }
  sums[0] = a ^ b ^ c ^ d ^ e;
}

/** Returns how many ns the probe takes now. */
export function probe(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < TRIES; time++) {
    const start = process.hrtime.bigint();
    add();
    least = Math.min(least, Number(process.hrtime.bigint() - start));
  }
  return least;
}

/** Runs the probe until V8 has compiled it. */
export function warmProbe(): void {
  for (let time = 0; time < WARM_UP_PROBES; time++) probe();
}
