/** Runs on each thread of the scheduler; thread 0 explores. threads.ts bundles it. */
import { parentPort, workerData } from "node:worker_threads";
import { Agent, World } from "./agent.js";
import * as C from "./control.js";
import { Explorer } from "./explore.js";
import { type Job, runJob, watchOf } from "./jobs.js";
import { compareRestored } from "./restored.js";
import type { Scenario } from "./scenarios.js";
import { install, Scheduler } from "./scheduler.js";
import { Stage, type Watch } from "./stage.js";
import { setComparer } from "./world.js";

interface Data {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly me: number;
}

const { buffer, control, me } = workerData as Data;
const scheduler = new Scheduler(buffer, control, me);
install(scheduler);
setComparer((snapshot, live) => {
  const { isActive } = scheduler;
  scheduler.isActive = false;
  const difference = compareRestored(snapshot, live);
  scheduler.isActive = isActive;
  return difference;
});

function runScheduled(agent: Agent): void {
  scheduler.start();
  agent.runOps();
  scheduler.end();
}

function openStage(scenario: Scenario, watch: Watch): Stage {
  if (scenario.isPatient === true) throw new Error("waits without an end are for fibers only");
  return new Stage(buffer, control, scenario, watch, () => {
    const agent = new Agent(new World(buffer, control, true), 0);
    return () => {
      Atomics.store(control, C.TURN, 0);
      runScheduled(agent);
      scheduler.waitTurn(C.MAIN);
      return true;
    };
  });
}

if (me === 0) {
  parentPort?.on("message", (job: Job) => {
    const explorer = new Explorer(openStage(job.scenario, watchOf(job)), watchOf(job), job.ms);
    parentPort?.postMessage(runJob(explorer, job));
  });
} else {
  let config = -1;
  let agent: Agent | undefined;
  for (;;) {
    scheduler.waitTurn(me);
    if (agent === undefined || config !== control[C.CONFIG]) {
      config = control[C.CONFIG];
      agent = new Agent(new World(buffer, control, true), me);
    }
    runScheduled(agent);
  }
}
