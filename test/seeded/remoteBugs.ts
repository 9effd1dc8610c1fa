import type { SeededBug } from "./bug.js";

/** In remote frees, in marks, and where slabs are adopted. */
export const REMOTE_BUGS: readonly SeededBug[] = [
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
    name: "all remote bits cleared, also those set meanwhile",
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
    name: "adoption by load and store",
    harm: "two workers adopt one slab",
    file: "src/central/remote.ts",
    find: "if (!changeState(views, slab, state, newState)) return false;",
    replace: "sync.store(views.words, views.layout.states + slab, newState);",
  },
  {
    name: "remote frees not collected at adoption",
    harm: "blocks freed while nobody owned the slab are stranded",
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
    name: "marks kept after a free",
    harm: "the next holder's block is freed with the worker that had the mark",
    file: "src/central/remote.ts",
    find: "    if (hasMarks) clearMark(views, slab, classIndex, granule << GRANULE_SHIFT);",
    replace: "",
  },
  {
    name: "abandoned slabs not noted",
    harm: "no worker looks for them: their memory is lost until one frees into them",
    file: "src/central/remote.ts",
    find: "  noteAbandoned(views, classIndex);\n  wake(views);",
    replace: "  wake(views);",
  },
  {
    name: "empty slabs kept through a drain",
    harm: "after all was freed and drained, memory does not serve other sizes",
    file: "src/central/sharedSlabs.ts",
    find: "    retireKept(asShared(views));\n",
    replace: "",
  },
  {
    name: "a byte limit of the outbox that is not looked at",
    harm: "a worker keeps megabytes of other workers' blocks back",
    file: "src/central/remote.ts",
    find: "  if (count + 1 >= outboxLimit(views) || bytes >= OUTBOX_MAX_BYTES) sendOutbox(views);",
    replace: "  if (count + 1 >= outboxLimit(views)) sendOutbox(views);",
  },
  {
    name: "a summary bit for each word of a slab with 64 of them",
    harm: "blocks in the upper half of such a slab are stranded",
    file: "src/layout/sharedMetadata.ts",
    find: "export const FINE_SUMMARY_MAX_BLOCKS = 1024;",
    replace: "export const FINE_SUMMARY_MAX_BLOCKS = 2048;",
  },
  {
    name: "a mail bit for each dirty word, though it stands for two",
    harm: "in a heap of more than 1,024 slabs the owner looks at the wrong dirty words",
    file: "src/central/remote.ts",
    find: "1 << ((word / layout.mailGroup) | 0)",
    replace: "1 << word",
  },
  {
    name: "old bits not looked at when a block is sent",
    harm: "two workers free one block, and neither is told",
    file: "src/central/remote.ts",
    find: "      if ((sync.or(words, word, bits) & bits) !== 0) freedTwice = ptr;",
    replace: "      sync.or(words, word, bits);",
  },
  {
    name: "a double free told of what a recovery sent",
    harm: "a worker is told of a mistake that it did not make",
    file: "src/central/remote.ts",
    find: "  if (ptr !== 0 && !isRecovering && recoveries === doubleFree[1]) doubleFree[0] = ptr;",
    replace: "  if (ptr !== 0) doubleFree[0] = ptr;",
  },
  {
    name: "a recovery that runs is not asked for",
    harm: "a worker is told of a mistake that it did not make",
    file: "src/central/remote.ts",
    find: "ptr !== 0 && !isRecovering && recoveries",
    replace: "ptr !== 0 && recoveries",
  },
  {
    name: "every class taken for abandoned",
    harm: "each refill searches all slab states",
    file: "src/central/remote.ts",
    find: "ABANDONED_CLASSES + word) & bits) === 0)",
    replace: "ABANDONED_CLASSES + word) | bits) === 0)",
  },
  {
    name: "a mark not counted at a hand-over",
    harm: "the mark stays when the block is freed, and its next holder loses the block",
    file: "src/heap/handOver.ts",
    find: "    markCounts[slab] = markCounts[slab] + 1;\n    views.mine[slab] = MINE_MARKED;",
    replace: "    views.mine[slab] = MINE_MARKED;",
  },
  {
    name: "marks behind the first granule of every block",
    harm: "a mark of a slab's former class stands where a header is now",
    file: "src/layout/mark.ts",
    find: "  return granule + 1 + (granule & 1);",
    replace: "  return granule + 1;",
  },
  {
    name: "marks that are equal to headers of odd classes",
    harm: "a walk over marks takes the header of a block for one, and destroys the block",
    file: "src/layout/mark.ts",
    find: "  return (worker + 1) << 1;",
    replace: "  return ((worker + 1) << 1) | 1;",
  },
];
