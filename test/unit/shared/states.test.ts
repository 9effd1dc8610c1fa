import { describe, expect, it } from "vitest";
import { sync } from "../../../src/base/sync.js";
import {
  claimRun,
  claimTails,
  countTails,
  isAwaited,
  isLiveSpan,
  leaveSpan,
  loadState,
  ownState,
  publishSpan,
  releaseRun,
  reserveSpan,
  wake,
  walkStates,
} from "../../../src/central/states.js";
import type { SharedHeap } from "../../../src/index.js";
import { LIVE, toHeader } from "../../../src/layout/header.js";
import { FREE_WORDS_SHIFT } from "../../../src/layout/sharedMetadata.js";
import * as sharedSuperblock from "../../../src/layout/sharedSuperblock.js";
import { NOT_MINE, type SharedViews } from "../../../src/layout/sharedViews.js";
import { SPAN_CLASS } from "../../../src/layout/sizeClasses.js";
import { ABANDONED, BUSY, KIND_SHIFT, MARKED, TAIL_STATE } from "../../../src/layout/slabState.js";
import { blocksPerSlab, slabToPtr } from "../../../src/layout/units.js";
import { thrown } from "../help.js";
import { onSync, sharedHeap, sharedViewsOf } from "./help.js";

const CLASS = 7;

/** Returns the views of a worker that has no slab, and where the arena begins and ends. */
function emptyArena(): { views: SharedViews; first: number; end: number } {
  const views = sharedViewsOf(sharedHeap());
  return { views, first: views.layout.firstSlab, end: views.layout.slabs };
}

function wordOf(views: SharedViews, index: number): number {
  return Atomics.load(views.words, index);
}

const hintOf = (views: SharedViews): number => wordOf(views, sharedSuperblock.HINT);
const retractionsOf = (views: SharedViews): number => wordOf(views, sharedSuperblock.RETRACTIONS);
const eventsOf = (views: SharedViews): number => wordOf(views, sharedSuperblock.EVENTS);
const stateAt = ({ layout }: SharedViews, slab: number): number => layout.states + slab;

function takeAll(views: SharedViews): number[] {
  const slabs: number[] = [];
  for (let slab = claimRun(views, 1, CLASS); slab !== 0; slab = claimRun(views, 1, CLASS))
    slabs.push(slab);
  return slabs;
}

describe("claiming a slab", () => {
  it("takes each slab once, in order, and then none", () => {
    const { views, first, end } = emptyArena();
    const slabs = Array.from({ length: end - first }, (_, index) => first + index);
    expect(takeAll(views)).toEqual(slabs);
    for (const slab of slabs) {
      expect(loadState(views, slab)).toBe(ownState(views, CLASS));
      expect(views.mine[slab]).toBe(toHeader(LIVE, CLASS));
    }
    expect(views.mine[0]).toBe(NOT_MINE);
    // It has come round.
    expect(hintOf(views)).toBe(first);
  });

  it("goes on from the last one, and comes back to what lies below when it is given back", () => {
    const { views, first, end } = emptyArena();
    for (let count = 0; count < 5; count++) claimRun(views, 1, CLASS);
    expect(hintOf(views)).toBe(first + 5);
    releaseRun(views, first + 3, 1);
    expect(hintOf(views)).toBe(first + 3);
    releaseRun(views, first + 4, 1);
    expect(hintOf(views)).toBe(first + 3);
    releaseRun(views, first + 1, 1);
    expect(hintOf(views)).toBe(first + 1);
    const rest = end - first - 5;
    expect(takeAll(views).slice(0, 3)).toEqual([first + 1, first + 3, first + 4]);
    expect(rest).toBeGreaterThan(0);
    releaseRun(views, end - 1, 1);
    expect(claimRun(views, 1, CLASS)).toBe(end - 1);
    expect(hintOf(views)).toBe(first);
  });

  it("searches all slabs, wherever it starts", () => {
    const { views, first, end } = emptyArena();
    takeAll(views);
    for (const free of [first, first + 1, end - 1]) {
      for (const hint of [first, first + 1, first + 2, end - 1]) {
        Atomics.store(views.words, stateAt(views, free), 0);
        Atomics.store(views.words, sharedSuperblock.HINT, hint);
        expect(claimRun(views, 1, CLASS)).toBe(free);
        expect(claimRun(views, 1, CLASS)).toBe(0);
      }
    }
  });

  it("leaves a hint that another worker has changed meanwhile", () => {
    const { views, first } = emptyArena();
    const isClaim = (index: number): boolean => index === stateAt(views, first);
    const changeHint = (): void => {
      Atomics.store(views.words, sharedSuperblock.HINT, first + 9);
    };
    onSync("compareExchange", isClaim, changeHint, true);
    expect(claimRun(views, 1, CLASS)).toBe(first);
    expect(hintOf(views)).toBe(first + 9);
  });

  it("passes over a slab that another worker claims first", () => {
    const { views, first } = emptyArena();
    const other = 3 | (CLASS << KIND_SHIFT);
    const isClaim = (index: number): boolean => index === stateAt(views, first);
    onSync("compareExchange", isClaim, () => {
      Atomics.store(views.words, stateAt(views, first), other);
    });
    expect(claimRun(views, 1, CLASS)).toBe(first + 1);
    expect(loadState(views, first)).toBe(other);
  });
});

describe("claiming a span", () => {
  it("goes on after the last span, and comes round to what lies across the start", () => {
    const { views, first, end } = emptyArena();
    const span = claimRun(views, 3, SPAN_CLASS);
    expect(span).toBe(first);
    expect(claimRun(views, 2, SPAN_CLASS)).toBe(first + 3);
    for (let slab = first; slab < first + 3; slab++)
      Atomics.store(views.words, stateAt(views, slab), 0);
    expect(claimRun(views, 2, SPAN_CLASS)).toBe(first + 5);
    expect(claimRun(views, end - first - 7, SPAN_CLASS)).toBe(first + 7);
    expect(claimRun(views, 4, SPAN_CLASS)).toBe(0);
    expect(claimRun(views, 3, SPAN_CLASS)).toBe(first);
    expect(claimRun(views, 2, SPAN_CLASS)).toBe(0);
  });

  it("finds a run that begins before the place where the search began", () => {
    for (let slabs = 2; slabs <= 4; slabs++) {
      for (let before = 0; before < slabs; before++) {
        const { views, first } = emptyArena();
        takeAll(views);
        const free = first + 5;
        for (let slab = free; slab < free + slabs; slab++)
          Atomics.store(views.words, stateAt(views, slab), 0);
        views.cursor[0] = free + before;
        expect(claimRun(views, slabs, SPAN_CLASS)).toBe(free);
        expect(views.cursor[0]).toBe(free + slabs);
      }
    }
  });

  it("takes all slabs, and no more", () => {
    const { views, first, end } = emptyArena();
    expect(claimRun(views, end - first + 1, SPAN_CLASS)).toBe(0);
    expect(claimRun(views, end - first, SPAN_CLASS)).toBe(first);
    expect(loadState(views, first)).toBe(ownState(views, SPAN_CLASS) | BUSY);
    expect(countTails(views, first)).toBe(end - first - 1);
    for (let slab = first + 1; slab < end; slab++) expect(loadState(views, slab)).toBe(TAIL_STATE);
    expect(views.mine[first]).toBe(NOT_MINE);
  });

  it("gives back what it has claimed when another worker takes a tail, and tries on", () => {
    const { views, first } = emptyArena();
    const isTail = (index: number): boolean => index === stateAt(views, first + 2);
    onSync("compareExchange", isTail, () => {
      Atomics.store(views.words, stateAt(views, first + 2), 3 | (CLASS << KIND_SHIFT));
    });
    const before = retractionsOf(views);
    expect(claimRun(views, 4, SPAN_CLASS)).toBe(first + 3);
    expect([loadState(views, first), loadState(views, first + 1)]).toEqual([0, 0]);
    expect(retractionsOf(views)).toBe(before + 2);
  });
});

describe("a search that finds nothing", () => {
  it.each([0, 1, 2])("begins again if another worker gave up a claim: %i times", (times) => {
    const { views, first } = emptyArena();
    takeAll(views);
    let searches = 0;
    const real = sync.load;
    sync.load = (view, index) => {
      const isLast = index === stateAt(views, first);
      if (isLast && searches++ < times) {
        Atomics.add(views.words, sharedSuperblock.RETRACTIONS, 1);
      } else if (isLast && times > 0) Atomics.store(views.words, index, 0);
      return real(view, index);
    };
    try {
      expect(claimRun(views, 1, CLASS)).toBe(times > 0 ? first : 0);
    } finally {
      sync.load = real;
    }
    expect(searches).toBe(times + 1);
  });

  it("ends, if others give up claims for ever", () => {
    const { views, first } = emptyArena();
    takeAll(views);
    let searches = 0;
    const real = sync.load;
    sync.load = (view, index) => {
      if (index === stateAt(views, first)) searches++;
      if (index === sharedSuperblock.RETRACTIONS) Atomics.add(views.words, index, 1);
      return real(view, index);
    };
    try {
      expect(claimRun(views, 1, CLASS)).toBe(0);
    } finally {
      sync.load = real;
    }
    expect(searches).toBe(4);
  });
});

describe("the tails of a span", () => {
  it("are claimed all or none, and not beyond the last slab", () => {
    const { views, first, end } = emptyArena();
    expect(claimTails(views, end - 2, end + 1)).toBe(false);
    expect(loadState(views, end - 2)).toBe(0);
    expect(claimTails(views, end - 2, end)).toBe(true);
    expect(claimTails(views, first, first)).toBe(true);
    Atomics.store(views.words, stateAt(views, first + 3), ownState(views, CLASS));
    const before = retractionsOf(views);
    expect(claimTails(views, first + 1, first + 5)).toBe(false);
    expect(retractionsOf(views)).toBe(before + 1);
    const states = [0, 1, 2, 3, 4].map((index) => loadState(views, first + index));
    expect(states).toEqual([0, 0, 0, ownState(views, CLASS), 0]);
    expect(countTails(views, end - 3)).toBe(2);
    expect(countTails(views, end - 2)).toBe(1);
    expect(countTails(views, end - 1)).toBe(0);
    releaseRun(views, end - 1, 1);
    expect(countTails(views, end - 3)).toBe(1);
  });
});

describe("giving back", () => {
  it("clears the free bits of a slab, and of no other", () => {
    for (const classIndex of [2, CLASS, 30, 55]) {
      const { views, first } = emptyArena();
      const slabs = [0, 1, 2].map(() => claimRun(views, 1, classIndex));
      expect(slabs).toEqual([first, first + 1, first + 2]);
      const words = Math.ceil(blocksPerSlab(classIndex) / 32);
      const bits = (slab: number): number[] => {
        const from = slab << FREE_WORDS_SHIFT;
        return [...views.freeBits.subarray(from, from + (1 << FREE_WORDS_SHIFT))];
      };
      views.freeBits.fill(-1);
      releaseRun(views, first + 1, 1);
      expect(bits(first).every((word) => word === -1)).toBe(true);
      expect(bits(first + 1)).toEqual(bits(first).map((word, index) => (index < words ? 0 : word)));
      expect(bits(first + 2).every((word) => word === -1)).toBe(true);
      expect([loadState(views, first + 1), views.mine[first + 1]]).toEqual([0, NOT_MINE]);
      expect(views.mine[first]).toBe(toHeader(LIVE, classIndex));
    }
  });

  it("takes a span's header and mark away, and the next search starts there", () => {
    const { views, first } = emptyArena();
    const slab = claimRun(views, 3, SPAN_CLASS);
    const granule = slabToPtr(slab) >>> 4;
    views.headers.fill(1, granule, granule + 3);
    views.headers[granule - 1] = 1;
    const after = claimRun(views, 1, CLASS);
    releaseRun(views, slab, 3);
    expect([...views.headers.subarray(granule - 1, granule + 3)]).toEqual([1, 0, 0, 1]);
    expect([0, 1, 2].map((index) => loadState(views, slab + index))).toEqual([0, 0, 0]);
    expect(loadState(views, after)).toBe(ownState(views, CLASS));
    expect(views.cursor[0]).toBe(first);
  });

  it("gives back the end of a span, and its start stays", () => {
    const { views, first } = emptyArena();
    claimRun(views, 4, SPAN_CLASS);
    Atomics.store(views.words, sharedSuperblock.HINT, first + 4);
    releaseRun(views, first + 2, 2);
    expect(countTails(views, first)).toBe(1);
    expect(loadState(views, first)).toBe(ownState(views, SPAN_CLASS) | BUSY);
    expect(hintOf(views)).toBe(first + 2);
  });
});

describe("a span's state", () => {
  it("says whether it is live, and who holds it", () => {
    const { views } = emptyArena();
    const slab = claimRun(views, 2, SPAN_CLASS);
    const own = ownState(views, SPAN_CLASS);
    expect(isLiveSpan(loadState(views, slab))).toBe(false);
    expect(thrown(() => reserveSpan(views, slab), "ERR_DOUBLE_FREE").details).toEqual({
      ptr: slabToPtr(slab),
      reason: "freed",
    });
    publishSpan(views, slab);
    expect(loadState(views, slab)).toBe(own);
    expect(isLiveSpan(own)).toBe(true);
    expect(isLiveSpan(ownState(views, CLASS))).toBe(false);
    reserveSpan(views, slab);
    expect(loadState(views, slab)).toBe(own | BUSY);
    publishSpan(views, slab);
    expect(leaveSpan(views, slab, own | MARKED)).toBe(false);
    expect(loadState(views, slab)).toBe(own);
  });

  it.each([0, MARKED])("keeps whether it has a mark: %i", (mark) => {
    const { views } = emptyArena();
    const slab = claimRun(views, 2, SPAN_CLASS);
    const left = ABANDONED | (SPAN_CLASS << KIND_SHIFT) | mark;
    Atomics.store(views.words, stateAt(views, slab), ownState(views, SPAN_CLASS) | mark);
    expect(leaveSpan(views, slab, ownState(views, SPAN_CLASS) | mark)).toBe(true);
    expect(loadState(views, slab)).toBe(left);
    reserveSpan(views, slab);
    expect(loadState(views, slab)).toBe(ownState(views, SPAN_CLASS) | mark | BUSY);
  });
});

describe("waking", () => {
  const waitingHeap = (maxWorkers: number): { heap: SharedHeap; views: SharedViews } => {
    const heap = sharedHeap({ capacity: 2 ** 23, maxWorkers });
    return { heap, views: sharedViewsOf(heap) };
  };

  it.each([
    [4, 0, true],
    [32, 0, true],
    [33, 0, true],
    [33, 1, true],
    [64, 1, true],
  ])("%i workers: one that waits in word %i is told", (maxWorkers, word, isTold) => {
    for (const bit of [0, 31]) {
      const { views } = waitingHeap(maxWorkers);
      const before = eventsOf(views);
      expect(isAwaited(views)).toBe(false);
      wake(views);
      expect(eventsOf(views)).toBe(before);
      Atomics.store(views.words, sharedSuperblock.WAITING + word, 1 << bit);
      expect(isAwaited(views)).toBe(isTold);
      wake(views);
      expect(eventsOf(views)).toBe(before + 1);
    }
  });

  it("is what giving back does", () => {
    const { views } = waitingHeap(4);
    const slab = claimRun(views, 1, CLASS);
    const span = claimRun(views, 3, SPAN_CLASS);
    Atomics.store(views.words, sharedSuperblock.WAITING, 2);
    const before = eventsOf(views);
    releaseRun(views, slab, 1);
    expect(eventsOf(views)).toBe(before + 1);
    releaseRun(views, span + 1, 2);
    expect(eventsOf(views)).toBe(before + 2);
    releaseRun(views, span, 1);
    expect(eventsOf(views)).toBe(before + 3);
  });
});

describe("walking", () => {
  it("names each run once: slabs, spans, and free runs to the end", () => {
    const { views, first, end } = emptyArena();
    const slab = claimRun(views, 1, CLASS);
    claimRun(views, 3, SPAN_CLASS);
    claimRun(views, 2, SPAN_CLASS);
    releaseRun(views, first + 1, 3);
    expect([...walkStates(views)]).toEqual([
      { slab, slabs: 1, kind: CLASS },
      { slab: first + 1, slabs: 3, kind: 0 },
      { slab: first + 4, slabs: 2, kind: SPAN_CLASS },
      { slab: first + 6, slabs: end - first - 6, kind: 0 },
    ]);
    takeAll(views);
    expect([...walkStates(views)]).toHaveLength(end - first - 1);
  });
});
