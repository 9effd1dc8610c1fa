/** A bug that is planted in a copy of the sources, to see that a test fails. */
export interface SeededBug {
  readonly name: string;
  /** What goes wrong because of it. */
  readonly harm: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Each bug was, or could have been, an easy slip. */
export const SEEDED_BUGS: readonly SeededBug[] = [
  {
    name: "owner told before the bits are set",
    harm: "the owner reads its mail, finds no bit, and the blocks are stranded",
    file: "src/central/remote.ts",
    find:
      "    sync.or(words, layout.summaries + slab, sending[slab]);\n" +
      "    sending[slab] = 0;\n    tellOwner(views, slab);",
    replace:
      "    tellOwner(views, slab);\n" +
      "    sync.or(words, layout.summaries + slab, sending[slab]);\n" +
      "    sending[slab] = 0;",
  },
  {
    name: "mail before the dirty word",
    harm: "the owner reads its mail, finds no dirty slab, and the blocks are stranded",
    file: "src/central/remote.ts",
    find:
      "  sync.or(words, region + workerRegion.DIRTY_WORDS + word, 1 << (slab & 31));\n" +
      "  const mailAt = workerSlot.at(owner - 1) + workerSlot.MAIL;\n" +
      "  sync.or(words, mailAt, 1 << ((word / layout.mailGroup) | 0));",
    replace:
      "  const mailAt = workerSlot.at(owner - 1) + workerSlot.MAIL;\n" +
      "  sync.or(words, mailAt, 1 << ((word / layout.mailGroup) | 0));\n" +
      "  sync.or(words, region + workerRegion.DIRTY_WORDS + word, 1 << (slab & 31));",
  },
  {
    name: "remote bits exchanged and not cleared after",
    harm: "blocks are lost when the owner dies between the two",
    file: "src/central/remote.ts",
    find: "  const all = sync.load(words, layout.remoteBits + index) | 0;",
    replace: "  const all = sync.exchange(words, layout.remoteBits + index, 0) | 0;",
  },
  {
    name: "all remote bits cleared, also those that came meanwhile",
    harm: "a block that was freed during the collection is lost",
    file: "src/central/remote.ts",
    find: "  sync.and(words, layout.remoteBits + index, ~all);",
    replace: "  sync.store(words, layout.remoteBits + index, 0);",
  },
  {
    name: "a remote free that leaves the header live",
    harm: "a second free is not refused, and the owner drops the block",
    file: "src/front/hot.ts",
    find: "          headers[granule] = header - LIVE;\n",
    replace: "",
  },
  {
    name: "a group counted as sent before its bits are set",
    harm: "blocks are lost when the worker dies between the two",
    file: "src/central/remote.ts",
    find:
      "      if ((sync.or(words, word, bits) & bits) !== 0) freedTwice = ptr;\n" +
      "      outbox[workerRegion.OUTBOX_SENT] = next;",
    replace:
      "      outbox[workerRegion.OUTBOX_SENT] = next;\n" +
      "      if ((sync.or(words, word, bits) & bits) !== 0) freedTwice = ptr;",
  },
  {
    name: "drain that forgets the last block of the outbox",
    harm: "one block in each outbox is never sent",
    file: "src/central/remote.ts",
    find: "  const count = outbox[workerRegion.OUTBOX_COUNT];",
    replace: "  const count = Math.max(0, outbox[workerRegion.OUTBOX_COUNT] - 1);",
  },
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
    name: "a recovery that takes a live span by a store",
    harm: "its holder frees it meanwhile, and the recovery marks pooled slabs as a span",
    file: "src/central/states.ts",
    find: "  return changeState(views, slab, state, left);",
    replace: "  sync.store(views.words, views.layout.states + slab, left);\n  return true;",
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
    name: "adoption by load and store",
    harm: "two workers adopt one slab",
    file: "src/central/remote.ts",
    find: "if (!changeState(views, slab, state, newState)) return false;",
    replace: "sync.store(views.words, views.layout.states + slab, newState);",
  },
  {
    name: "remote frees not collected at adoption",
    harm: "what was freed while nobody owned the slab is stranded",
    file: "src/central/remote.ts",
    find: "  addFree(views, slab, classIndex, collectAll(views, slab, classIndex));",
    replace: "  addFree(views, slab, classIndex, 0);",
  },
  {
    name: "remote frees stuck while the owner idles",
    harm: "drain() leaves the mail unread",
    file: "src/central/sharedSlabs.ts",
    find: "    sendOutbox(asShared(views));\n    collect(asShared(views));",
    replace: "    sendOutbox(asShared(views));",
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
    name: "statistics charged to the wrong worker",
    harm: "live blocks are those of the worker after the owner",
    file: "src/inspect/sharedStats.ts",
    find: "    const worker = workers.find(({ workerId }) => workerId === owner - 1);",
    replace: "    const worker = workers.find(({ workerId }) => workerId === owner);",
  },
  {
    name: "frees by a worker that has detached",
    harm: "its caches are another worker's by then",
    file: "src/heap/attach.ts",
    find: "  views.gate[superblock.CLOSED] = 1;",
    replace: "",
  },
  {
    name: "marks kept after a free",
    harm: "the next holder's block is freed with the worker that had the mark",
    file: "src/central/remote.ts",
    find: "    if (hasMarks) clearMark(views, slab, classIndex, granule << GRANULE_SHIFT);",
    replace: "",
  },
  {
    name: "abandoned slabs not noted",
    harm: "nobody ever looks for them: their memory is lost until somebody frees into them",
    file: "src/central/remote.ts",
    find: "  noteAbandoned(views, classIndex);\n  wake(views);",
    replace: "  wake(views);",
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
    name: "empty slabs kept through a drain",
    harm: "after all was freed and drained, memory does not serve other sizes",
    file: "src/central/sharedSlabs.ts",
    find: "    retireKept(asShared(views));\n",
    replace: "",
  },
];
