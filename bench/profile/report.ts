import { basename } from "node:path";
import type { Machine, ProfiledFunction, ProfileResult, WorkloadInfo } from "../base/results.js";
import type { V8Profile } from "../subject/v8.js";
import { formatPercent } from "../term/format.js";
import { type Attributed, type Attribution, attribute } from "./attribute.js";
import { toFileLine } from "./lines.js";
import { isAllocator, sideOf } from "./sides.js";

/** HAKMEM's rule: optimise while the top function is above 10 %, until none is above 15 %. */
const WORTH_IT = 0.1;
const TOO_MUCH = 0.15;
/** With fewer samples a share of 15 % is uncertain by more than two points. */
const ENOUGH_SAMPLES = 1000;
/** Standard errors on either side that hold the true value in 95 of 100 runs. */
export const Z_95 = 1.96;
/** A larger share of samples that cannot be attributed is reported. */
const LOST_SHARE = 0.01;

/** Returns the standard error of a share that was counted in so many samples. */
export function standardError(share: number, samples: number): number {
  return samples === 0 ? 0 : Math.sqrt((share * (1 - share)) / samples);
}

/** What was profiled. */
export interface ProfiledRun {
  readonly machine: Machine;
  readonly workload: WorkloadInfo;
  readonly notes: readonly string[];
}

export function reportProfile(profile: V8Profile, run: ProfiledRun): ProfileResult {
  const attribution = attribute(profile);
  const { samples } = attribution;
  const sampledMs = busyMs(profile, samples);
  const functions = listFunctions(attribution, sampledMs);
  const shares = { allocation: 0, free: 0, shared: 0, workload: 0, collector: 0, program: 0 };
  for (const own of functions) shares[own.side] += own.share;
  return {
    kind: "hakmem profile",
    version: 1,
    machine: run.machine,
    workload: run.workload,
    samples,
    sampledMs,
    functions,
    shares,
    verdict: judge(functions, samples),
    caution: caution(samples),
    notes: [...run.notes, ...describeLost(attribution)],
  };
}

/** Returns the time of the samples that did not find the process idle. */
function busyMs(
  { nodes, samples, timeDeltas, startTime, endTime }: V8Profile,
  busy: number,
): number {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id),
  );
  if (samples === undefined || samples.length === 0) return busy && (endTime - startTime) / 1000;
  if (timeDeltas === undefined || timeDeltas.length !== samples.length) {
    const share = samples.filter((id) => !idle.has(id)).length / samples.length;
    return (share * (endTime - startTime)) / 1000;
  }
  const microseconds = samples.reduce(
    (sum, id, index) => (idle.has(id) ? sum : sum + (timeDeltas[index] as number)),
    0,
  );
  return microseconds / 1000;
}

function placeOf({ url, line }: Attributed): string {
  if (url === "") return "-";
  const file = url.startsWith("node:") ? url : basename(url);
  return line > 0 ? `${file}:${toFileLine(line)}` : file;
}

/** Returns functions by falling self time. */
function listFunctions({ functions, samples }: Attribution, sampledMs: number): ProfiledFunction[] {
  const rows = new Map<string, { name: string; at: string; side: Side; samples: number }>();
  for (const own of functions) {
    const name = own.name || (own.line > 1 ? "(anonymous)" : "(top level)");
    const row = { name, at: placeOf(own), side: sideOf(own), samples: 0 };
    const key = `${row.name} ${row.at} ${row.side}`;
    const known = rows.get(key) ?? row;
    known.samples += own.samples;
    rows.set(key, known);
  }
  return [...rows.values()]
    .sort((a, b) => b.samples - a.samples)
    .map((row) => {
      const share = row.samples / samples;
      return { ...row, share, selfMs: share * sampledMs };
    });
}

type Side = ProfiledFunction["side"];

/** Returns what HAKMEM's rule says about the allocator's functions. */
export function judge(functions: readonly ProfiledFunction[], samples: number): string {
  const own = functions.filter(({ side }) => isAllocator(side));
  const [top] = own;
  if (top === undefined) return "No sample hit the allocator: there is nothing to optimise in it.";
  const say = ({ name, share }: ProfiledFunction): string =>
    `${name} (${formatPercent(share)} ± ${formatPercent(Z_95 * standardError(share, samples))})`;
  const hot = own.filter(({ share }) => share > TOO_MUCH);
  const doubt = sayDoubt(own, samples);
  if (hot.length > 0) {
    const names = hot.map(say).join(", ");
    return `Optimise ${names}: no function should take above 15 % of CPU.${doubt}`;
  }
  if (top.share > WORTH_IT) {
    return `Optimising ${say(top)} may be worth it: above 10 % of CPU, but not above 15 %.${doubt}`;
  }
  return `Stop optimising: the top function is ${say(top)}, not above 10 % of CPU.${doubt}`;
}

/** The top function is compared with both limits, the others with the upper one. */
function sayDoubt(functions: readonly ProfiledFunction[], samples: number): string {
  const isNear = (share: number, limit: number): boolean =>
    Math.abs(share - limit) < Z_95 * standardError(share, samples);
  const close = functions.filter(
    ({ share }, index) => isNear(share, TOO_MUCH) || (index === 0 && isNear(share, WORTH_IT)),
  );
  if (close.length === 0) return "";
  const names = close.map(({ name }) => name).join(", ");
  return ` By its sampling error it may be on the other side of a limit: ${names}.`;
}

function caution(samples: number): string | null {
  if (samples >= ENOUGH_SAMPLES) return null;
  if (samples === 0) return "No samples: the run was too short to be judged.";
  const error = formatPercent(Z_95 * standardError(TOO_MUCH, samples));
  return (
    `Only ${samples} samples, of ${ENOUGH_SAMPLES} that a judgement needs: a share of 15 % is ` +
    `uncertain by ± ${error}. Give more --seconds or a shorter --interval.`
  );
}

function describeLost({ samples, ambiguous, unknown }: Attribution): string[] {
  const share = samples === 0 ? 0 : (ambiguous + unknown) / samples;
  if (share <= LOST_SHARE) return [];
  return [
    `${formatPercent(share)} of the samples fell on lines that no single function owns; ` +
      "they are counted for the caller.",
  ];
}
