/** The broker as people write it first: each frame is written to each subscriber by itself. */
import { createServer, type Socket } from "node:net";
import { isSubscribe, MAX_FRAME_BYTES, pauserOf, Topics, topicOf } from "./frames.js";
import { report } from "./report.js";

const topics = new Topics<Socket>();

const server = createServer((socket) => {
  let kept: Buffer | undefined;
  const wait = pauserOf(socket);
  socket.on("error", () => {});
  socket.on("close", () => topics.remove(socket));
  socket.on("data", (read) => {
    const chunk = kept === undefined ? read : Buffer.concat([kept, read]);
    kept = undefined;
    let at = 0;
    while (chunk.length - at >= 4) {
      const end = at + 4 + chunk.readUInt32BE(at);
      if (end - at > MAX_FRAME_BYTES) return socket.destroy();
      if (end > chunk.length) break;
      const topic = topicOf(chunk, at);
      if (isSubscribe(chunk, at)) topics.add(topic, socket);
      else
        for (const target of topics.of(topic))
          if (!target.write(chunk.subarray(at, end))) wait(target);
      at = end;
    }
    if (at < chunk.length) kept = chunk.subarray(at);
  });
});
report(server);
