/** Runs before each file of tests: one seed for all properties, and counts of their runs. */
import fc, { type RunDetails } from "fast-check";
import { afterEach } from "vitest";
import { count, takeCounts } from "./counts.js";
import { hideCounts } from "./countsFile.js";
import { hideVariables, SEED } from "./tier.js";

/** What fast-check does by default, and a count. */
function report(details: RunDetails<unknown>): void {
  count("propertyRuns", details.numRuns);
  const message = fc.defaultReportMessage(details as RunDetails<[unknown]>);
  if (message === undefined) return;
  throw new Error(message, { cause: details.errorInstance });
}

hideVariables();
hideCounts();
fc.configureGlobal({ seed: SEED, reporter: report });

afterEach(({ task }) => {
  const counts = takeCounts();
  if (counts.propertyRuns + counts.schedules > 0) task.meta.counts = counts;
});
