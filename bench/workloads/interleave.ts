import { Random } from "./random.js";
import type { ScriptWriter } from "./script.js";

/** A worker's events. It yields after each; a yield without an event waits for the others. */
export type Stream = Generator<void, void, void>;

export const TURN_EVENTS = 64;

/**
 * Merges the workers' streams into one list of events, taking turns. Stream i belongs to worker i,
 * modulo the number of workers.
 */
export function interleave(
  writer: ScriptWriter,
  streams: readonly Stream[],
  turnEvents: number = TURN_EVENTS,
  workers: number = streams.length,
): void {
  let open = streams.map((stream, index) => ({ stream, worker: index % workers }));
  while (open.length > 0) {
    open = open.filter(({ stream, worker }) => {
      writer.worker = worker;
      return takeTurn(writer, stream, turnEvents);
    });
  }
  writer.worker = 0;
}

/** Takes a stream's turn. Returns whether there is more to come. */
function takeTurn(writer: ScriptWriter, stream: Stream, turnEvents: number): boolean {
  const end = writer.eventCount + turnEvents;
  while (writer.eventCount < end) {
    const before = writer.eventCount;
    if (stream.next().done) return false;
    if (writer.eventCount === before) return true;
  }
  return true;
}

/** Returns one stream per worker. */
export function streamsOf(workers: number, start: (worker: number) => Stream): Stream[] {
  return Array.from({ length: workers }, (_, worker) => start(worker));
}

/** Returns a worker's own generator. The golden ratio keeps neighbours' seeds far apart. */
export function workerRandom(seed: number, worker: number): Random {
  return new Random(seed ^ Math.imul(worker + 1, 0x9e3779b1));
}
