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
    harm: "another worker frees it meanwhile, and the mark makes free slabs a span",
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
    harm: "workers that wait for memory sleep on although there is some",
    file: "src/central/states.ts",
    find: "  lowerHint(views, slab);\n  wake(views);",
    replace: "  lowerHint(views, slab);",
  },
  {
    name: "an event read after the try",
    harm: "memory that became free between the two wakes nobody",
    file: "src/heap/wait.ts",
    find: "answer = block(views, seen, Math.min(left, PATIENCE_MS), size);",
    replace:
      "const late = sync.load(views.words, sharedSuperblock.EVENTS);\n" +
      "      answer = block(views, late, Math.min(left, PATIENCE_MS), size);",
  },
  {
    name: "statistics charged to the wrong worker",
    harm: "live blocks are counted for the worker after the owner",
    file: "src/inspect/sharedStats.ts",
    find: "    const worker = workers.find(({ workerId }) => workerId === owner - 1);",
    replace: "    const worker = workers.find(({ workerId }) => workerId === owner);",
  },
  {
    name: "nobody woken when the tails of a failed claim come back",
    harm: "a worker that looked meanwhile sleeps on although there is memory",
    file: "src/central/states.ts",
    find:
      "      sync.add(words, sharedSuperblock.RETRACTIONS, 1);\n" +
      "      wake(views);\n" +
      "      return false;",
    replace: "      sync.add(words, sharedSuperblock.RETRACTIONS, 1);\n      return false;",
  },
  {
    name: "waiters woken before the tails of a failed claim come back",
    harm: "they find nothing, and sleep on although there is memory",
    file: "src/central/states.ts",
    find:
      "      releaseTails(views, start, slab);\n" +
      "      sync.add(words, sharedSuperblock.RETRACTIONS, 1);\n" +
      "      wake(views);",
    replace:
      "      wake(views);\n" +
      "      releaseTails(views, start, slab);\n" +
      "      sync.add(words, sharedSuperblock.RETRACTIONS, 1);",
  },
  {
    name: "a wait that ignores its ticket",
    harm: "a worker takes the memory for which another has waited longer",
    file: "src/heap/wait.ts",
    find: "      if (isPatient || isFirst(views)) {",
    replace: "      if (isPatient || seen !== 0 || isFirst(views)) {",
  },
  {
    name: "a wait by mallocAsync that ignores its ticket",
    harm: "a worker takes the memory for which another has waited longer",
    file: "src/heap/wait.ts",
    find: "      if (isFirst(views) || Date.now() - tried >= PATIENCE_MS) {",
    replace: "      if (seen !== 0 || isFirst(views) || Date.now() - tried >= PATIENCE_MS) {",
  },
  {
    name: "realloc that frees before it copies",
    harm: "the link of the freed block, or another worker's data, is copied",
    file: "src/front/realloc.ts",
    find: "      u8.copyWithin(to, ptr, ptr + bytes);",
    replace:
      "      free(ptr);\n      u8.copyWithin(to, ptr, ptr + bytes);\n      return to as Ptr;",
  },
  {
    name: "realloc that copies whole granules only",
    harm: "the last bytes of a block that becomes smaller are lost",
    file: "src/front/realloc.ts",
    find: "      const end = ((ptr + bytes + GRANULE_BYTES - 1) & -GRANULE_BYTES) >> 2;",
    replace: "      const end = ((ptr + bytes) & -GRANULE_BYTES) >> 2;",
  },
  {
    name: "refills counted down",
    harm: "the statistics of refills are negative",
    file: "src/front/slow.ts",
    find: "        counters[countersAt + classCounters.REFILLS] + 1;",
    replace: "        counters[countersAt + classCounters.REFILLS] - 1;",
  },
];
