import type { SeededBug } from "./bug.js";

/** Where workers come, go, die and are recovered. */
export const RECOVERY_BUGS: readonly SeededBug[] = [
  {
    name: "a recovery that takes a live span by a store",
    harm: "its holder frees it meanwhile, and the recovery marks pooled slabs as a span",
    file: "src/central/states.ts",
    find: "  return changeState(views, slab, state, left);",
    replace: "  sync.store(views.words, views.layout.states + slab, left);\n  return true;",
  },
  {
    name: "a recovery that frees a block in flight",
    harm: "the block is free, and in another worker's outbox",
    file: "src/heap/recover.ts",
    find: "    if (!isSent) return false;",
    replace: "",
  },
  {
    name: "a recovery that frees what was handed over",
    harm: "a live block of another worker is handed out again",
    file: "src/heap/recover.ts",
    find: "    if (holder !== NO_BLOCK && holder !== workerMark(tally.dead)) return false;",
    replace: "",
  },
  {
    name: "a recovery that forgets the outbox",
    harm: "what the dead worker had freed and not sent is lost",
    file: "src/heap/recover.ts",
    find: "  sendFrom(views, meta);",
    replace: "",
  },
  {
    name: "frees by a worker that has detached",
    harm: "its caches are another worker's by then",
    file: "src/heap/attach.ts",
    find: "  views.gate[superblock.CLOSED] = 1;",
    replace: "",
  },
];
