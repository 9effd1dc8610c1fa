/** The broker as people write it first: each frame is written to each subscriber by itself. */
import { createServer, type Socket } from "node:net";
import { isSubscribe, pauserOf, readFrames, Topics, topicOf } from "./frames.js";
import { report } from "./report.js";

const topics = new Topics<Socket>();

const server = createServer((socket) => {
  const wait = pauserOf(socket);
  socket.on("close", () => topics.remove(socket));
  readFrames(socket, {
    frame(chunk, at, end) {
      const topic = topicOf(chunk, at);
      if (isSubscribe(chunk, at)) return topics.add(topic, socket);
      for (const target of topics.of(topic)) {
        if (!target.write(chunk.subarray(at, end))) wait(target);
      }
    },
    end() {},
  });
});
report(server);
