/** Removes what an earlier build left, so that nothing old is shipped. */
import { rmSync } from "node:fs";

rmSync("dist", { recursive: true, force: true });
