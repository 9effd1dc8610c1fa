/** The server with hakmem: the example, which answers more commands than plain.ts. */
import { start } from "../../examples/resp/server.js";
import { report } from "./report.js";

const { heap, port } = await start();
report(port, () => {
  heap.verify();
  const { committedBytes, live } = heap.stats();
  return { committed: committedBytes, live: live.blocks };
});
