import type { SeededBug } from "./bug.js";
import { RECOVERY_BUGS } from "./recoveryBugs.js";
import { REMOTE_BUGS } from "./remoteBugs.js";
import { STATE_BUGS } from "./stateBugs.js";

/** Each bug was, or could have been, an easy slip. */
export const SEEDED_BUGS: readonly SeededBug[] = [...REMOTE_BUGS, ...STATE_BUGS, ...RECOVERY_BUGS];
