/* How much of the tests a run covers, and from which seed: docs/TESTING.md. */

export type Tier = "fast" | "all" | "long";

interface Settings {
  readonly tier: Tier;
  readonly seed: number;
  readonly factor: number;
}

/** The same in every run of the fast tier, so that it never fails by a draw. */
const FAST_SEED = 20_261_128;
const TIERS: readonly string[] = ["fast", "all", "long"];
const KEY: unique symbol = Symbol.for("hakmem.tests");

function toNumber(name: string, text: string, fallback: number): number {
  const value = text === "" ? fallback : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`${name} is ${text}; it takes a number from 0`);
}

function readSettings(): Settings {
  const { HAKMEM_TEST_TIER, HAKMEM_TEST_SEED = "", HAKMEM_TEST_RUNS = "" } = process.env;
  const tier = HAKMEM_TEST_TIER || "fast";
  if (!TIERS.includes(tier)) throw new Error(`HAKMEM_TEST_TIER is ${tier}; it takes ${TIERS}`);
  const drawn = tier === "fast" ? FAST_SEED : Date.now() & 0x7fffffff;
  return {
    tier: tier as Tier,
    seed: toNumber("HAKMEM_TEST_SEED", HAKMEM_TEST_SEED, drawn),
    factor: toNumber("HAKMEM_TEST_RUNS", HAKMEM_TEST_RUNS, 1),
  };
}

// The configuration may be loaded more than once, and draws one seed.
const shared = globalThis as { [KEY]?: Settings };
shared[KEY] ??= readSettings();
const settings: Settings = shared[KEY];

export const TIER: Tier = settings.tier;
export const isFast: boolean = TIER === "fast";
export const SEED: number = settings.seed;
/** A multiple of the tier's runs. */
export const FACTOR: number = settings.factor;

/** Returns how many times to run something that is drawn at random. */
export function runs(fast: number, all: number): number {
  return Math.ceil((isFast ? fast : all) * FACTOR);
}

/** Returns what the tier needs to repeat a run, as variables before a command. */
export function variables(): string {
  const factor = FACTOR === 1 ? "" : ` HAKMEM_TEST_RUNS=${FACTOR}`;
  return `HAKMEM_TEST_TIER=${TIER} HAKMEM_TEST_SEED=${SEED}${factor}`;
}

/** Returns the variables that give these settings to another process. */
export function asEnv(): Record<string, string> {
  return {
    HAKMEM_TEST_TIER: TIER,
    HAKMEM_TEST_SEED: String(SEED),
    HAKMEM_TEST_RUNS: String(FACTOR),
  };
}

/**
 * Takes these variables out of the environment: what a test starts inherits it, and the command
 * refuses `HAKMEM_*` names that it does not know.
 */
export function hideVariables(): void {
  for (const name of Object.keys(asEnv())) Reflect.deleteProperty(process.env, name);
}
