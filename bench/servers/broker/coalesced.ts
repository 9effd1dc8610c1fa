/** The broker with frames up to 16 KiB copied into one outgoing buffer for each subscriber. */
import { createServer, type Socket } from "node:net";
import { isSubscribe, pauserOf, readFrames, Topics, topicOf } from "./frames.js";
import { report } from "./report.js";

const OUTGOING_BYTES = 65536;
const COPIED_BYTES = 16384;

/** A subscriber, and what is to be written to it. */
class Target {
  readonly socket: Socket;
  private buffer: Buffer;
  private used: number;

  constructor(socket: Socket) {
    this.socket = socket;
    this.buffer = Buffer.allocUnsafeSlow(OUTGOING_BYTES);
    this.used = 0;
  }

  /** Adds a frame; returns false if the socket asks to wait. */
  add(chunk: Buffer, at: number, end: number): boolean {
    const length = end - at;
    if (length > COPIED_BYTES) {
      this.flush();
      return this.socket.write(chunk.subarray(at, end));
    }
    const isRoomLeft = this.used + length <= OUTGOING_BYTES || this.flush();
    chunk.copy(this.buffer, this.used, at, end);
    this.used += length;
    return isRoomLeft;
  }

  flush(): boolean {
    if (this.used === 0) return true;
    const full = this.buffer.subarray(0, this.used);
    this.buffer = Buffer.allocUnsafeSlow(OUTGOING_BYTES);
    this.used = 0;
    return this.socket.write(full);
  }
}

const topics = new Topics<Target>();

const server = createServer((socket) => {
  const own = new Target(socket);
  const wait = pauserOf(socket);
  const touched = new Set<Target>();
  socket.on("close", () => topics.remove(own));
  readFrames(socket, {
    frame(chunk, at, end) {
      const topic = topicOf(chunk, at);
      if (isSubscribe(chunk, at)) return topics.add(topic, own);
      for (const target of topics.of(topic)) {
        if (!target.add(chunk, at, end)) wait(target.socket);
        touched.add(target);
      }
    },
    end() {
      for (const target of touched) if (!target.flush()) wait(target.socket);
      touched.clear();
    },
  });
});
report(server);
