/** One of two accesses that race, and where in the sources it is. */
export interface Access {
  /** "plain read", "plain write", "load", "atomic write" or "store". */
  readonly kind: string;
  /** The name of its view: see `sync.track`. */
  readonly view: string;
  /** The function that does it, and those that called it, the innermost first. */
  readonly callers: readonly string[];
  /** The file and the line of the sources. */
  readonly line: string;
}

/** A read of one function that may race with plain writes to the same view, and why. */
export interface AcceptedRace {
  readonly reader: string;
  /** What reads: a plain read, if it is not said. */
  readonly kind?: "load";
  readonly view: string;
  /** The functions that write; all, if there are none. */
  readonly writers?: readonly string[];
  readonly why: string;
  /** Is accepted only in programs that free one block twice, with nothing that orders the two. */
  readonly isMisuse?: boolean;
}

/** What a holder does to the header of its live block: it frees it, at home or elsewhere. */
const FREES = ["free", "freeSlow", "freeRemotely"];

const TWICE = "Two workers free a span, and nothing orders them. Each reads its header, and then ";

/** Races that change nothing. Each is seen by the tests of the all tier, or is no longer one. */
export const ACCEPTED_RACES: readonly AcceptedRace[] = [
  {
    reader: "isFreeNow",
    view: "headers",
    writers: FREES,
    why:
      "A recovery reads the header of a live block of the dead worker's slab, which its holder " +
      "frees meanwhile. Live or in transit, the block is left as it is.",
  },
  {
    reader: "recoverSlab",
    view: "headers",
    writers: FREES,
    why:
      "A recovery looks for the last block of a slab that is carved. The header of a block that " +
      "its holder frees meanwhile is that of a carved block, before and after.",
  },
  {
    reader: "recoverMarked",
    view: "headers",
    why:
      "The slab's owner or the block's holder may write the header of a block that the dead " +
      "worker held. The recovery goes on only if the block still has its mark after that.",
  },
  {
    reader: "heldIn",
    kind: "load",
    view: "headers",
    why:
      "A walk over the marks of a slab goes on while its owner gives the slab back or takes it " +
      "for another class. The walk only compares bytes with a mark, which no header equals.",
  },
  {
    reader: "disown",
    kind: "load",
    view: "headers",
    why: "The same, at the compare-exchange of a mark that was there a moment before: it fails.",
  },
  {
    reader: "recoverMarked",
    kind: "load",
    view: "headers",
    why: "The same, where a recovery makes the heir's what had the dead's mark a moment before.",
  },
  {
    reader: "recoverSpan",
    kind: "load",
    view: "headers",
    why:
      "The same: a span of the dead that its new holder frees may become a slab, which is given " +
      "back. The recovery goes on only if the span's state has not changed.",
  },
  {
    reader: "freeBytesOf",
    view: "records",
    why: "The message of ERR_HEAP_EXHAUSTED says how much is free, at about that time.",
  },
  ...["free", "freeSlow"].map((reader) => ({
    reader,
    view: "headers",
    writers: ["releaseRun"],
    why: `${TWICE}tries to reserve the span by a compare-exchange: one succeeds.`,
    isMisuse: true,
  })),
  {
    reader: "classifyNotLive",
    view: "headers",
    writers: ["releaseRun"],
    why: `${TWICE}the message of the error says why the span is not live.`,
    isMisuse: true,
  },
  {
    reader: "liveHeaderOf",
    view: "headers",
    writers: ["releaseRun"],
    why: "A span is handed over while it is freed: its state decides, by a compare-exchange.",
    isMisuse: true,
  },
];

export function nameOf({ reader, kind, view }: AcceptedRace): string {
  return `${kind ?? "plain read"} of ${view} by ${reader}`;
}

/** Returns the accepted race that two accesses are, if they are one. */
export function acceptedRace(
  one: Access,
  two: Access,
  isMisuse: boolean,
): AcceptedRace | undefined {
  return ACCEPTED_RACES.find((race) => {
    if (race.isMisuse === true && !isMisuse) return false;
    return isRace(race, one, two) || isRace(race, two, one);
  });
}

function isRace(race: AcceptedRace, read: Access, write: Access): boolean {
  const { reader, kind = "plain read", view, writers } = race;
  if (read.kind !== kind || read.view !== view || write.view !== view) return false;
  if (read.callers[0] !== reader) return false;
  return writers === undefined || writers.includes(write.callers[0] ?? "");
}
