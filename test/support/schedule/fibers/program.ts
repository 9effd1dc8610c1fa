/** What fibers run: the sources of the heap and the agent, transformed by build.ts. */
export { Agent, World } from "../agent.js";
export { KILL } from "../control.js";
export { addLater, logOperation, rawOf, seeDeath, setWatcher } from "../watch.js";
export { setComparer } from "../world.js";
export { pending } from "./seam.js";
