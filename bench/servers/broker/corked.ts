/** The broker with each subscriber corked once for each chunk. */
import { createServer, type Socket } from "node:net";
import { isSubscribe, pauserOf, readFrames, Topics, topicOf } from "./frames.js";
import { report } from "./report.js";

const topics = new Topics<Socket>();

const server = createServer((socket) => {
  const wait = pauserOf(socket);
  const touched = new Set<Socket>();
  socket.on("close", () => topics.remove(socket));
  readFrames(socket, {
    frame(chunk, at, end) {
      const topic = topicOf(chunk, at);
      if (isSubscribe(chunk, at)) return topics.add(topic, socket);
      const frame = chunk.subarray(at, end);
      for (const target of topics.of(topic)) {
        if (!touched.has(target)) {
          touched.add(target);
          target.cork();
        }
        if (!target.write(frame)) wait(target);
      }
    },
    end() {
      for (const target of touched) target.uncork();
      touched.clear();
    },
  });
});
report(server);
