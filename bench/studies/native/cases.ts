import { readWorkload } from "../../workloads/resolve.js";
import type { Script } from "../../workloads/script.js";
import { buildBatches } from "../../workloads/tinyHot.js";
import { TRACES, traceFileOf } from "../../workloads/traces.js";

/** What a study measures: a script, which `hakmem bench` can run too. */
export interface Case {
  readonly group: "trace" | "fixed" | "random" | "floor" | "memory";
  readonly name: string;
  /** Built when it is needed: the scripts of all cases would fill the memory. */
  build(): Script;
  /** Runs through the script in a slice; if not given, a round fills its time. */
  readonly sliceRuns?: number;
}

const SIZES = [16, 64, 256, 1024];
/** Fixed sizes: how many blocks are allocated before they are freed, and in which order. */
const LOOPS = [
  { name: "lifo", batch: 1, loop: "newest-first" },
  { name: "tinyhot", batch: 100, loop: "newest-first" },
  { name: "batch", batch: 256, loop: "oldest-first" },
] as const;
const RANDOM_EVENTS = 1_000_000;

/** Returns all cases; `ops` are the operations in a slice of those without a trace. */
export function listCases(ops: number): Case[] {
  const ofTraces = (group: Case["group"]): Case[] =>
    TRACES.map((name) => ({
      group,
      name,
      build: () => readWorkload("replay", [traceFileOf(name)]).script,
    }));
  const fixed = LOOPS.flatMap(({ name, batch, loop }) =>
    SIZES.map((size): Case => {
      const cycles = Math.ceil(ops / 2 / batch);
      return {
        group: "fixed",
        name: `${name} ${size}`,
        build: () => buildBatches(loop, size, batch, cycles),
        sliceRuns: 1,
      };
    }),
  );
  const events = Math.min(ops, RANDOM_EVENTS);
  const random = [256, 8192].map(
    (slots): Case => ({
      group: "random",
      name: `${slots} slots`,
      build: () =>
        readWorkload("random-mixed", [`${events}`, `${slots}`, "42"], { tight: true }).script,
      sliceRuns: Math.ceil(ops / events),
    }),
  );
  return [...ofTraces("trace"), ...fixed, ...random, ...ofTraces("floor"), ...ofTraces("memory")];
}
