import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import * as C from "./control.js";
import type { Outcome } from "./explore.js";
import type { Job } from "./jobs.js";

const THREADS = 3;
/** A job that takes this much longer than its time has a run that never ends, and fails. */
const GRACE_MS = 60_000;

/** The threads of the scheduler, which run the sources of this folder's parent. */
export class Threads {
  private readonly folder: string;
  private readonly control: Int32Array;
  private readonly workers: Worker[];

  private constructor(folder: string, file: string) {
    this.folder = folder;
    this.control = new Int32Array(new SharedArrayBuffer(4 * C.CONTROL_INTS));
    this.control[C.TURN] = C.MAIN;
    const buffer = new SharedArrayBuffer(C.MAX_SLABS << 16);
    this.workers = Array.from(
      { length: THREADS },
      (_, me) => new Worker(file, { workerData: { buffer, control: this.control, me } }),
    );
  }

  static async start(): Promise<Threads> {
    const folder = mkdtempSync(join(tmpdir(), "hakmem-schedule-"));
    const outfile = join(folder, "thread.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("thread.ts", import.meta.url))],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: "inline",
      logLevel: "error",
    });
    return new Threads(folder, outfile);
  }

  run(job: Job): Promise<Outcome> {
    const [first] = this.workers;
    if (first === undefined) throw new Error("no threads");
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const switches = [...this.control.slice(C.SWITCHES, C.SWITCHES + 16)];
        const victim = [...this.control.slice(C.VICTIM, C.VICTIM + 2)];
        const count = this.control[C.SWITCH_COUNT];
        const what = { switches: switches.slice(0, 2 * count), victim };
        reject(new Error(`${job.scenario.name}: a run does not end: ${JSON.stringify(what)}`));
      }, job.ms + GRACE_MS);
      const stop = (): void => {
        clearTimeout(timer);
        first.removeAllListeners("message");
        for (const worker of this.workers) worker.removeAllListeners("error");
      };
      first.once("message", (result: Outcome) => {
        stop();
        resolve(result);
      });
      for (const worker of this.workers) {
        worker.once("error", (error) => {
          stop();
          reject(error);
        });
      }
      first.postMessage(job);
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}
