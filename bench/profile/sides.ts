import type { ProfiledFunction } from "../base/results.js";
import type { Attributed } from "./attribute.js";
import { isBundle } from "./lines.js";

type Side = ProfiledFunction["side"];

/** The shipped bundle's functions by what they do. A test finds functions that are missing. */
const NAMES: readonly (readonly [Side, string])[] = [
  [
    "allocation",
    `malloc tryMalloc mallocOrThrow mallocSlow popSll refillFromSlab carve
    calloc alignedAlloc mallocBatch openSlab touchSlab touchedPages takeSpan writeSpanRecords
    takeRun findRun nextBin takeFromWilderness exhausted freeBytesOf invalidSize largestBlock
    isClassSize sizeToLiveHeader bytesToSlabs roundUp lowestBit takeBlocks takeFreeBits claimRun
    claimSlab claimSpan claimSpanIn claimTails countTails ownState publishSpan collect collectSlab
    collectAll collectWord adopt adoptSlab noteAbandoned takeNote mallocBlocking isFirst drawTicket
    dropTicket timedOut checkTimeout pause`,
  ],
  [
    "free",
    `free setAside freeSlow freeBatch drain drainSll drainCaches returnChain returnBlock
    retireSlab giveRun notLive
    classifyNotLive kindOfSlab ptrToSlab freeRemotely clearMark sendOutbox sendFrom tellOwner
    summaryShift markFree addFree retireKept isAwaited returnToBits releaseTails releaseRun
    lowerHint reserveSpan leaveSpan wake abandonSlab publishAbandoned bindOwnFree`,
  ],
  [
    "shared",
    `realloc resizeSpan extendRun spanBytes usableSize usableBytes
    liveHeaderOf isCachedBlock emptyChain giveUpSll mendClass linkRun unlinkRun binOf markBin
    clearBin
    linkPartial unlinkPartial at lifeAt
    blocksPerSlab slabToPtr headerClass headerState toHeader capacityOf firstSlab endSlab closed
    walkRuns corrupted log2Floor route count checkCount blockIndex isBlockStart noteDoubleFree
    isAnyRecovered     ownerOf kindOf loadState
    walkStates workerMark handOverBlock changeState isLiveSpan reserve publish`,
  ],
  // Functions that create and inspect heaps are the benchmark's doing.
  [
    "workload",
    `openDoor openSharedDoor door bindMalloc bindOwnMalloc bindFree bindRealloc blocksWithin
    chainCap
    refillCount formatClasses openChains closeChains`,
  ],
];

const SIDE_OF_NAME: ReadonlyMap<string, Side> = new Map(
  NAMES.flatMap(([side, names]) => names.split(/\s+/).map((name) => [name, side] as const)),
);

/** Returns the side of a function of the shipped bundle; undefined if the table lacks it. */
export function sideOfName(name: string): Side | undefined {
  return SIDE_OF_NAME.get(name);
}

/** esbuild numbers a name that its bundle has twice: `counted2`. */
function sideOfFrame(name: string, url: string): Side {
  if (url.startsWith("node:")) return "program";
  if (!isBundle(url)) return "workload";
  return sideOfName(name) ?? sideOfName(name.replace(/\d+$/, "")) ?? "workload";
}

/** Returns the side that a sample counts for. A builtin counts for its caller. */
export function sideOf({ name, url, caller }: Attributed): Side {
  if (url !== "") return sideOfFrame(name, url);
  if (name === "(garbage collector)") return "collector";
  if (/^\(.*\)$/.test(name) || caller === null) return "program";
  return sideOfFrame(caller.name, caller.url);
}

/** Returns whether a side is the allocator's own work. */
export function isAllocator(side: Side): boolean {
  return side === "allocation" || side === "free" || side === "shared";
}
