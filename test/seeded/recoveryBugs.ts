import type { SeededBug } from "./bug.js";

/** Where workers come, go, die and are recovered. */
export const RECOVERY_BUGS: readonly SeededBug[] = [
  {
    name: "a recovery that takes a live span by a store",
    harm: "its holder frees it meanwhile, and the recovery marks free slabs as a span",
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
    harm: "blocks that the dead worker had freed and not sent are lost",
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
  {
    name: "what the dead held made nobody's at once",
    harm: "when the recoverer dies too, no recovery lists these blocks",
    file: "src/heap/recover.ts",
    find: "      sync.store(headers, markAt(ptr), workerMark(tally.heir));",
    replace: "      sync.store(headers, markAt(ptr), 0xbc);",
  },
  {
    name: "the slot freed before the slabs are recovered",
    harm: "its next worker owns slabs that it does not know, and loses its outbox",
    file: "src/heap/recover.ts",
    find: "  recoverOutbox(views, dead);\n  for (",
    replace: "  recoverOutbox(views, dead);\n  freeSlot(views, dead, state);\n  for (",
  },
  {
    name: "the slot freed before its region is emptied",
    harm: "the caches of its next worker are emptied",
    file: "src/heap/recover.ts",
    find: "  emptyRegion(views, dead);\n  sendOutbox(views);\n",
    replace: "  freeSlot(views, dead, state);\n  emptyRegion(views, dead);\n  sendOutbox(views);\n",
  },
  {
    name: "marks of the heir in a slab without the flag",
    harm: "when the recoverer dies too, no recovery lists these blocks",
    file: "src/heap/recover.ts",
    find: "  if (tally.heir !== tally.dead) sync.or(",
    replace: "  if (tally.heir < 0) sync.or(",
  },
  {
    name: "others left out of the list",
    harm: "what they held is listed nowhere",
    file: "src/heap/recover.ts",
    find: "    others.push(what);\n",
    replace: "",
  },
  {
    name: "spans not mended",
    harm: "a span that was being made, freed or resized is lost",
    file: "src/heap/recover.ts",
    find: "  const reclaimedSlabs = mendSpans(views, dead);",
    replace: "  const reclaimedSlabs = 0;",
  },
  {
    name: "abandoned slabs not noted for a dead worker",
    harm: "nobody looks for a slab that it was abandoning or adopting",
    file: "src/heap/recover.ts",
    find: " && kind <= CLASS_COUNT) noteAbandoned(views, kind);\n",
    replace: " && kind < 0) noteAbandoned(views, kind);\n",
  },
  {
    name: "one block too few found in a full slab",
    harm: "the last block of the slab is overlooked",
    file: "src/heap/recover.ts",
    find: "  let carved = blocksPerSlab(classIndex);",
    replace: "  let carved = blocksPerSlab(classIndex) - 1;",
  },
  {
    name: "unknown taken for dead by recover",
    harm: "a worker that lives is recovered, and the heap is corrupted",
    file: "src/heap/guard.ts",
    find: '  if (life !== "dead" && !isBelieved) throw',
    replace: '  if (life === "alive") throw',
  },
  {
    name: "a guard that tells at the end of its round",
    harm: "when it dies before that, nobody learns of the blocks that it recovered",
    file: "src/heap/guard.ts",
    find: "    tellEach([what, ...what.others], asking.tell, errors);\n",
    replace: "    setTimeout(() => tellEach([what, ...what.others], asking.tell, errors), 0);\n",
  },
  {
    name: "a marked block's header read and not its mark again",
    harm: "a block that was freed and handed out anew is listed as the dead worker's",
    file: "src/heap/recover.ts",
    find: "    if (sync.compareExchange(headers, markAt(ptr), mark, heirMark) !== mark) continue;",
    replace: "    if (heirMark !== mark) sync.store(headers, markAt(ptr), heirMark);",
  },
  {
    name: "a span of the dead listed by what was read of it before",
    harm: "a span that its new holder has freed is listed as the dead worker's",
    file: "src/heap/recover.ts",
    find: "    if (!changeState(views, slab, state, newState)) continue;\n",
    replace:
      "    if (newState !== state && !changeState(views, slab, state, newState)) continue;\n",
  },
  {
    name: "a span that a dead worker was handing over left to a slot that is freed",
    harm: "the span is lost: no recovery lists it or frees it",
    file: "src/heap/recover.ts",
    find: "    else leaveToOwner(views, slab, ptr, heirMark);\n",
    replace: "",
  },
  {
    name: "unknown taken for dead by guard",
    harm: "a worker that lives is recovered, and the heap is corrupted",
    file: "src/heap/guard.ts",
    find: '  if (lifeOf(views, worker, state, isTold) !== "dead") return undefined;',
    replace: '  if (lifeOf(views, worker, state, isTold) === "alive") return undefined;',
  },
  {
    name: "a wait taken and not given back",
    harm: "a dead worker that was asked too often can be recovered no more",
    file: "src/heap/liveness.ts",
    find: "  addWaits(words, worker, state, 1);\n",
    replace: "",
  },
  {
    name: "marks of former workers made nobody's by a store",
    harm: "the mark of a block that was freed and handed over meanwhile is lost",
    file: "src/heap/handOver.ts",
    find: "        sync.compareExchange(headers, markAt(ptr), workerMark(worker), MARK_NOBODY);",
    replace: "        sync.store(headers, markAt(ptr), MARK_NOBODY);",
  },
  {
    name: "a newcomer that keeps the marks of former workers",
    harm: "it is said to hold blocks that another worker held",
    file: "src/heap/attach.ts",
    find: "      disown(views, worker);\n",
    replace: "",
  },
  {
    name: "a newcomer settled before former marks are nobody's",
    harm: "a recovery of the newcomer lists blocks that another worker held",
    file: "src/heap/attach.ts",
    find:
      "      disown(views, worker);\n" +
      "      sync.store(words, workerSlot.at(worker) + workerSlot.SETTLED, generationOf(state));",
    replace:
      "      const settledAt = workerSlot.at(worker) + workerSlot.SETTLED;\n" +
      "      sync.store(words, settledAt, generationOf(state));\n" +
      "      disown(views, worker);",
  },
  {
    name: "a recovery taken over that seems a living worker",
    harm: "nobody recovers it when the new recoverer dies too",
    file: "src/heap/slots.ts",
    find: "    const taken = generationOf(state) | SLOT_RECOVERING | views.worker;",
    replace: "    const taken = generationOf(state) | 1;",
  },
  {
    name: "a ticket cleared after the wake",
    harm: "the others see a first one that is gone, and sleep on",
    file: "src/heap/slots.ts",
    find:
      "  sync.store(words, workerSlot.at(worker) + workerSlot.TICKET, 0);\n" +
      "  sync.and(words, sharedSuperblock.WAITING + (worker >> 5), ~(1 << (worker & 31)));\n" +
      "  wake(views);",
    replace:
      "  sync.and(words, sharedSuperblock.WAITING + (worker >> 5), ~(1 << (worker & 31)));\n" +
      "  wake(views);\n" +
      "  sync.store(words, workerSlot.at(worker) + workerSlot.TICKET, 0);",
  },
  {
    name: "a slot taken over without a new generation",
    harm: "the slow agent and the one that took over have one slot",
    file: "src/heap/slots.ts",
    find: "    linger();\n    const next = nextGeneration(state) | SLOT_ATTACHING;",
    replace: "    linger();\n    const next = generationOf(state) | SLOT_ATTACHING;",
  },
];
