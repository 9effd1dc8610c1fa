/**
 * What the brokers in plain Buffers share. A frame: u32 length of the rest, u8 1 to subscribe or 2
 * to publish, u8 length of the topic, topic, payload.
 */
import type { Socket } from "node:net";

const MAX_FRAME_BYTES: number = 2 ** 20;
const NOBODY: ReadonlySet<never> = new Set();

export function isSubscribe(chunk: Buffer, at: number): boolean {
  return chunk[at + 4] === 1;
}

export function topicOf(chunk: Buffer, at: number): string {
  return chunk.toString("latin1", at + 6, at + 6 + (chunk[at + 5] as number));
}

/** Who has subscribed to what. */
export class Topics<Target> {
  private readonly all: Map<string, Set<Target>> = new Map();

  add(topic: string, target: Target): void {
    const known = this.all.get(topic);
    if (known === undefined) this.all.set(topic, new Set([target]));
    else known.add(target);
  }

  of(topic: string): ReadonlySet<Target> {
    return this.all.get(topic) ?? NOBODY;
  }

  remove(target: Target): void {
    for (const targets of this.all.values()) targets.delete(target);
  }
}

/** Returns what pauses a publisher until a subscriber has drained, with one listener for each. */
export function pauserOf(publisher: Socket): (subscriber: Socket) => void {
  const stalled = new Set<Socket>();
  return (subscriber) => {
    if (stalled.has(subscriber)) return;
    stalled.add(subscriber);
    publisher.pause();
    subscriber.once("drain", () => {
      stalled.delete(subscriber);
      if (stalled.size === 0) publisher.resume();
    });
  };
}

/** What a broker does with a chunk: with each frame that has come, and at the end. */
interface ChunkTaker {
  frame(chunk: Buffer, at: number, end: number): void;
  end(): void;
}

/** Reads the frames of a connection. One that is too long closes it. */
export function readFrames(socket: Socket, taker: ChunkTaker): void {
  let kept: Buffer | undefined;
  socket.on("error", () => {});
  socket.on("data", (read) => {
    const chunk = kept === undefined ? read : Buffer.concat([kept, read]);
    kept = undefined;
    let at = 0;
    while (chunk.length - at >= 4) {
      const end = at + 4 + chunk.readUInt32BE(at);
      if (end - at > MAX_FRAME_BYTES) return socket.destroy();
      if (end > chunk.length) break;
      taker.frame(chunk, at, end);
      at = end;
    }
    taker.end();
    if (at < chunk.length) kept = chunk.subarray(at);
  });
}
