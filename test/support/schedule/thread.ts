/** What a thread of the scheduler runs; thread 0 explores. Bundled by launch.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { Agent, World } from "./agent.js";
import * as C from "./control.js";
import { Explorer, type Outcome } from "./explore.js";
import type { Job } from "./launch.js";
import { findRaces } from "./races.js";
import { install, Scheduler } from "./scheduler.js";

interface Data {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly me: number;
}

const { buffer, control, me } = workerData as Data;
const scheduler = new Scheduler(control, me);
install(scheduler);

function runJob(job: Job): Outcome & { races?: string[] } {
  const { kind, scenario, ms } = job;
  const watch = kind === "plainKills" ? 1 : kind === "races" ? 2 : (job.watch ?? 0);
  const explorer = new Explorer(new Arena(buffer, control, scenario, watch, runOnThreads), watch, ms);
  const { outcome } = explorer;
  const bound = job.bound ?? 0;
  if (kind === "exhaust") explorer.exhaust(bound);
  else if (kind === "kills" || kind === "plainKills") explorer.kills(bound);
  else if (kind === "walk") explorer.walk(job.runs ?? 0, job.seed ?? 1);
  else if (kind === "replay") explorer.run(job.schedule ?? { switches: [] });
  else return Object.assign(outcome, findRaces(explorer, bound));
  return outcome;
}

if (me === 0) {
  parentPort?.on("message", (job: Job) => parentPort?.postMessage(runJob(job)));
} else {
  let config = -1;
  let agent: Agent | undefined;
  for (;;) {
    scheduler.waitTurn(me);
    if (agent === undefined || config !== control[C.CONFIG]) {
      config = control[C.CONFIG];
      agent = new Agent(new World(buffer, control, true), scheduler, me);
    }
    agent.runScheduled();
  }
}
