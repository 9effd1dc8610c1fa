import type { Session } from "../base/session.js";
import type { Plan } from "../measure/inTurn.js";
import { runBench } from "../run/bench.js";
import { formatMegabytes, formatNs, formatRatio } from "../term/format.js";
import { printTable } from "../term/table.js";
import { readWorkload } from "../workloads/resolve.js";

const PLAN: Plan = { rounds: 6, roundMs: 40, warmupMs: 200, limitMs: 5000 };
const RIVALS = ["buffer", "uint8array"];

/** Measures what the program would gain: its trace on hakmem beside the buffers it uses. */
export async function showGain(file: string, { options }: Session): Promise<void> {
  // The Ctrl-C that ended a server does not end this. A second one ends the command at once.
  const { signal } = new AbortController();
  console.log("\nThe same allocations, replayed:\n");
  const workload = readWorkload("replay", [file]);
  const { subjects, skipped } = await runBench(workload, RIVALS, options, PLAN, signal);
  printTable(
    [
      { name: "title", title: "", align: "left" },
      { name: "ns", title: "ns per event" },
      { name: "ratio", title: "time / hakmem" },
      { name: "peak", title: "peak memory, MB" },
      { name: "gc", title: "collecting, ms" },
    ],
    subjects.map(({ title, nsPerOp, ratio, memory, collectionMs }) => ({
      title,
      ns: formatNs(nsPerOp.median),
      ratio: ratio === null ? "1" : formatRatio(ratio.median),
      peak: memory === null ? "-" : formatMegabytes(memory.peakBytes),
      gc: collectionMs.toFixed(0),
    })),
  );
  for (const { name, reason } of skipped) console.log(`Skipped ${name}: ${reason}`);
  console.log("\nWith latencies, and other rivals:");
  console.log(`  hakmem bench replay ${file} --against all`);
}
