/** A worker that runs jobs on fibers. Bundled by build.ts. */
import { parentPort } from "node:worker_threads";
import { type AsyncWait, sync } from "../../../../src/base/sync.js";
import * as C from "../control.js";
import { type Job, runJob, watchOf } from "../jobs.js";
import { compareRestored } from "../restored.js";
import { Stage } from "../stage.js";
import { Engine } from "./engine.js";
import { FiberExplorer } from "./explore.js";

const path = "./program.mjs";
const program = (await import(path)) as ConstructorParameters<typeof Engine>[0];
const control = new Int32Array(new SharedArrayBuffer(4 * C.CONTROL_INTS));
const buffer = new SharedArrayBuffer(C.MAX_SLABS << 16);
program.setComparer(compareRestored);
const engine = new Engine(program, buffer, control);
// Nobody waits for what prepares and checks a run.
sync.waitAsync = (): AsyncWait => ({ async: true, value: new Promise(() => undefined) });

parentPort?.on("message", (job: Job) => {
  const stage = new Stage(buffer, control, job.scenario, watchOf(job), () => {
    engine.open();
    return () => engine.run();
  });
  const explorer = new FiberExplorer(stage, engine, watchOf(job), job.ms);
  engine.isClassing = false;
  if (job.isClassed === true) explorer.noteClasses();
  const limit = job.runs ?? Infinity;
  if (job.kind === "reduce") explorer.reduce(limit);
  else if (job.kind === "reducedKills") explorer.reducedKills(limit);
  else if (job.kind === "reducedPairs") explorer.reducedPairs(limit);
  else if (job.kind === "reducedRaces") explorer.reducedRaces(limit);
  else if (job.kind === "random") explorer.random(job.runs ?? 0, job.seed ?? 1);
  else if (job.kind === "twoDeaths") explorer.twoDeaths(job.runs ?? 0, job.seed ?? 1);
  else if (job.kind === "randomRaces") explorer.randomRaces(job.runs ?? 0, job.seed ?? 1);
  else runJob(explorer, job);
  if (explorer.classes !== undefined) explorer.outcome.classes = [...explorer.classes];
  parentPort?.postMessage(explorer.outcome);
});
