import { Worker } from "node:worker_threads";
import { SharedHeap } from "../../dist/index.js";
import { DIST, Scripts } from "./bundle.js";
import { type Churner, type Supervised, type SupervisePlan, supervise } from "./supervise.js";

const WORKERS = 8;

/**
 * Runs threads that attach and detach, which two agents guard and kill. No slot and no memory may
 * be lost, and the image must be sound.
 * @throws what was lost, with the seed.
 */
export async function churn(plan: {
  readonly seconds: number;
  readonly kills: number;
  readonly seed: number;
}): Promise<Supervised> {
  const scripts = new Scripts();
  try {
    return await run({
      script: scripts.add("churner"),
      module: DIST,
      seed: plan.seed,
      end: Date.now() + plan.seconds * 1000,
      kills: plan.kills >>> 1,
    });
  } catch (error) {
    throw new Error(`seed ${plan.seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    scripts.remove();
  }
}

async function run(plan: SupervisePlan): Promise<Supervised> {
  const heap = SharedHeap.create({ capacity: 32 * 2 ** 20, maxWorkers: WORKERS });
  const [own, other] = await Promise.all([supervise(heap, plan), superviseElsewhere(heap, plan)]);
  heap.drain();
  heap.verify();
  const { live, slabs, workers } = heap.stats();
  const lost = `${workers.length - 1} slots, ${live.blocks} blocks, ${slabs.inUse} slabs`;
  if (workers.length > 1 || live.blocks > 0 || slabs.inUse > 0) throw new Error(`lost: ${lost}`);
  // All slots can be taken, even those of workers that died while they attached.
  const others = Array.from({ length: WORKERS - 1 }, () => SharedHeap.attach(heap.buffer));
  for (const each of others) each.detach();
  heap.verify();
  return { kills: own.kills + other.kills, recovered: own.recovered + other.recovered };
}

/** Does the same in another agent: each may recover what the other guards. */
async function superviseElsewhere(heap: SharedHeap, plan: SupervisePlan): Promise<Supervised> {
  const { end, kills, module, script, seed } = plan;
  const workerData: Churner = {
    module,
    script,
    heap: heap.buffer,
    flags: new SharedArrayBuffer(4),
    seed: seed + 1,
    supervise: { end, kills },
  };
  const worker = new Worker(script, { workerData });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the supervisor ended by itself")));
  });
}
