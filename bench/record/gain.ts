import { RunError, type Session } from "../base/session.js";
import { type Plan, ROUND_MS, WARMUP_MS } from "../measure/inTurn.js";
import { USUAL_RIVALS } from "../rivals/table.js";
import { runBench } from "../run/bench.js";
import { formatMegabytes, formatNs, formatRatio } from "../term/format.js";
import { printTable } from "../term/table.js";
import { readWorkload } from "../workloads/resolve.js";

const PLAN: Plan = { rounds: 6, roundMs: ROUND_MS, warmupMs: WARMUP_MS, limitMs: 5000 };

/** Measures what the program would gain: its trace on hakmem beside the buffers it uses. */
export async function showGain(file: string, session: Session): Promise<void> {
  const { options } = session;
  // The Ctrl-C that ended a server does not end this. A second one ends the command at once.
  const signal = session.signal.aborted ? new AbortController().signal : session.signal;
  console.log("\nThe same allocations, replayed:\n");
  const workload = readWorkload("replay", [file]);
  const { subjects, skipped, isInterrupted } = await runBench(
    workload,
    USUAL_RIVALS,
    options,
    PLAN,
    signal,
  );
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
  if (isInterrupted) throw new RunError("interrupted: what was measured is shown above");
  console.log("\nWith latencies, and other rivals:");
  console.log(`  hakmem bench replay ${file} --against all`);
}
