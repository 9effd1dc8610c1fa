import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Outcome } from "../explore.js";
import type { Job } from "../jobs.js";
import { buildWorker, type Plant } from "./build.js";

/** A job that takes this much longer than its time has a run that never ends, and fails. */
const GRACE_MS = 60_000;

/** Workers that run jobs on fibers, one job each at a time. */
export class Pool {
  private readonly folder: string;
  private readonly workers: Worker[];
  private readonly idle: Worker[];
  private readonly queue: ((worker: Worker) => void)[] = [];

  private constructor(folder: string, workers: Worker[]) {
    this.folder = folder;
    this.workers = workers;
    this.idle = [...workers];
  }

  /** @param plant a change to the sources that the fibers run */
  static async start(plant?: Plant): Promise<Pool> {
    const folder = mkdtempSync(join(tmpdir(), "hakmem-fibers-"));
    const file = await buildWorker(folder, plant);
    const count = Math.min(4, availableParallelism());
    const workers = Array.from({ length: count }, () => new Worker(file));
    for (const worker of workers) worker.setMaxListeners(0);
    return new Pool(folder, workers);
  }

  async run(job: Job): Promise<Outcome> {
    const worker =
      this.idle.pop() ?? (await new Promise<Worker>((resolve) => this.queue.push(resolve)));
    try {
      return await this.ask(worker, job);
    } finally {
      const next = this.queue.shift();
      if (next === undefined) this.idle.push(worker);
      else next(worker);
    }
  }

  private ask(worker: Worker, job: Job): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${job.kind} of ${job.scenario.name}: a run does not end`));
      }, job.ms + GRACE_MS);
      const stop = (): void => {
        clearTimeout(timer);
        worker.removeAllListeners("message");
        worker.removeAllListeners("error");
      };
      worker.once("message", (result: Outcome) => {
        stop();
        resolve(result);
      });
      worker.once("error", (error) => {
        stop();
        reject(error);
      });
      worker.postMessage(job);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
