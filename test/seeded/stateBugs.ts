import type { SeededBug } from "./bug.js";

/** In slabs and spans, in waits for memory, and in what workers allocate. */
export const STATE_BUGS: readonly SeededBug[] = [
  {
    name: "a slab claimed by load and store",
    harm: "two workers own one slab",
    file: "src/central/states.ts",
    find: "    if (sync.compareExchange(words, stateAt, 0, ownState(views, kind)) !== 0) continue;",
    replace: "    sync.store(words, stateAt, ownState(views, kind));",
  },
  {
    name: "a span released from its first slab to its last",
    harm: "its tails seem to be of the span that another worker makes before them",
    file: "src/central/states.ts",
    find: "  for (let slab = end - 1; slab >= start; slab--)",
    replace: "  for (let slab = start; slab < end; slab++)",
  },
  {
    name: "tails of a failed claim kept",
    harm: "slabs that no span has are lost to the arena",
    file: "src/central/states.ts",
    find: "      releaseTails(views, start, slab);\n",
    replace: "",
  },
  {
    name: "a span reserved by load and store",
    harm: "two workers that free a span at the same moment both succeed",
    file: "src/central/states.ts",
    find: "    if (changeState(views, slab, state, busy)) return;",
    replace: "    sync.store(views.words, views.layout.states + slab, busy);\n    return;",
  },
  {
    name: "a span marked without being reserved",
    harm: "another worker frees it meanwhile, and the mark makes pooled slabs a span",
    file: "src/heap/handOver.ts",
    find: "if (!isLiveSpan(state) || !changeState(views, slab, state, newState)) return false;",
    replace: "sync.store(views.words, views.layout.states + slab, newState);",
  },
  {
    name: "stale ownership after a slab is given back",
    harm: "its former owner frees another worker's block into its own cache",
    file: "src/central/states.ts",
    find: "    views.mine[slab] = NOT_MINE;\n    sync.store",
    replace: "    sync.store",
  },
  {
    name: "nobody woken when a slab comes back",
    harm: "those who wait for memory sleep on although there is some",
    file: "src/central/states.ts",
    find: "  lowerHint(views, slab);\n  wake(views);",
    replace: "  lowerHint(views, slab);",
  },
  {
    name: "an event read after the try",
    harm: "what became free between the two wakes nobody",
    file: "src/heap/wait.ts",
    find: "answer = block(views, seen, Math.min(left, PATIENCE_MS), size);",
    replace:
      "const late = sync.load(views.words, sharedSuperblock.EVENTS);\n" +
      "      answer = block(views, late, Math.min(left, PATIENCE_MS), size);",
  },
  {
    name: "statistics charged to the wrong worker",
    harm: "live blocks are those of the worker after the owner",
    file: "src/inspect/sharedStats.ts",
    find: "    const worker = workers.find(({ workerId }) => workerId === owner - 1);",
    replace: "    const worker = workers.find(({ workerId }) => workerId === owner);",
  },
];
