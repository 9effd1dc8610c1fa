import { interleave, type Stream, streamsOf, TURN_EVENTS } from "./interleave.js";
import { ScriptWriter } from "./script.js";
import { SlotPool } from "./slotPool.js";
import type { Workload } from "./workload.js";

/** Batches that may wait: where producers outnumber consumers, the former must wait instead. */
const MAX_QUEUED = 8;

interface Hall {
  readonly writer: ScriptWriter;
  readonly pool: SlotPool;
  readonly queue: number[][];
  producing: number;
}

/**
 * Lever and Boreham's xmalloc-test: one stage of a server reads requests, another answers and
 * frees them, so that no block is freed by the worker that allocated it. Half of the workers fill
 * batches, the other half free them; a single worker does both in turns.
 */
export const xmallocTest: Workload = {
  name: "xmalloc-test",
  sentence: "Producers and consumers: batches of 64 bytes, each freed by another worker.",
  parameters: [
    { name: "SIZE", default: 64, min: 0, max: 2 ** 16, sentence: "Bytes of a block." },
    { name: "BATCH", default: 4096, min: 1, max: 2 ** 16, sentence: "Blocks of a batch." },
    { name: "BATCHES", default: 64, min: 1, max: 2 ** 12, sentence: "Batches of a producer." },
  ],
  smoke: [64, 100, 10],
  isForWorkers: true,
  takes: ["size"],
  build({ values, size, workers }) {
    const [bytes = 0, batch = 0, batches = 0] = values;
    const writer = new ScriptWriter();
    const producers = Math.ceil(workers / 2);
    const consumers = Math.max(1, workers - producers);
    const hall = { writer, pool: new SlotPool(), queue: [], producing: producers };
    const streams = [
      ...streamsOf(producers, () => produce(hall, size ?? bytes, batch, batches)),
      ...streamsOf(consumers, () => consume(hall)),
    ];
    interleave(writer, streams, TURN_EVENTS, workers);
    return writer.finish();
  },
};

function* produce(hall: Hall, size: number, blocks: number, batches: number): Stream {
  for (let index = 0; index < batches; index++) {
    while (hall.queue.length >= MAX_QUEUED) yield;
    const batch: number[] = [];
    while (batch.length < blocks) {
      const slot = hall.pool.take();
      hall.writer.malloc(slot, size);
      batch.push(slot);
      yield;
    }
    hall.queue.push(batch);
  }
  hall.producing--;
}

function* consume(hall: Hall): Stream {
  while (hall.producing > 0 || hall.queue.length > 0) {
    const batch = hall.queue.shift();
    if (batch === undefined) yield;
    for (const slot of batch ?? []) {
      hall.writer.free(slot);
      hall.pool.give(slot);
      yield;
    }
  }
}
