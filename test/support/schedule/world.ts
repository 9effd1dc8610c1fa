import { sharedSlabs } from "../../../src/central/sharedSlabs.js";
import { ownerOf } from "../../../src/central/states.js";
import {
  type HeapOptions,
  MIN_CAPACITY_BYTES,
  resolveOptions,
} from "../../../src/config/options.js";
import { SharedHeap } from "../../../src/heap/sharedHeap.js";
import { GRANULE_SHIFT, LIVE, toHeader } from "../../../src/layout/header.js";
import { metadataOffset } from "../../../src/layout/metadata.js";
import { sharedLayout } from "../../../src/layout/sharedMetadata.js";
import {
  MINE_MARKED,
  NOT_MINE,
  type SharedViews,
  viewShared,
} from "../../../src/layout/sharedViews.js";
import { CLASS_COUNT } from "../../../src/layout/sizeClasses.js";
import { SLOT_ACTIVE } from "../../../src/layout/slotState.js";
import * as superblock from "../../../src/layout/superblock.js";
import * as workerSlot from "../../../src/layout/workerSlot.js";
import * as C from "./control.js";
import { fail, liveBlocks, Notes } from "./notes.js";
import { rawOf, whileWatching } from "./watch.js";

export interface Handle {
  readonly views: SharedViews;
  readonly heap: SharedHeap;
}

/** Makes the handle of a worker that is attached. */
export function openHeap(
  buffer: SharedArrayBuffer,
  views: SharedViews,
  options: HeapOptions,
): SharedHeap {
  return Reflect.construct(SharedHeap, [buffer, views, options]) as SharedHeap;
}

/** Compares a snapshot with live blocks, which is not scheduled: see restored.ts. */
type Comparer = (snapshot: Uint8Array, live: readonly number[]) => string;

let compareQuietly: Comparer = () => "";

export function setComparer(comparer: Comparer): void {
  compareQuietly = comparer;
}

/** Checks that a snapshot has the blocks that are live now. */
export function checkSnapshot({ firstSlab, headers }: World, snapshot: Uint8Array): void {
  const isTooSmall = headers.length << GRANULE_SHIFT < MIN_CAPACITY_BYTES;
  if (isTooSmall) return;
  const difference = compareQuietly(snapshot, liveBlocks(headers, firstSlab));
  if (difference !== "") fail(difference);
}

/** What a thread or the checks need to know about the heap. */
export class World {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly options: HeapOptions;
  readonly workers: number;
  readonly notes: Notes;
  /** Views that nobody watches: the header map, and the words up to the slots' end. */
  readonly headers: Uint8Array;
  readonly slots: Int32Array;
  readonly firstSlab: number;
  private readonly isWatched: boolean;
  private readonly handles: (Handle | undefined)[] = [];

  constructor(buffer: SharedArrayBuffer, control: Int32Array, isWatched: boolean) {
    this.isWatched = isWatched;
    this.buffer = buffer;
    this.control = control;
    this.options = resolveOptions({
      capacity: 2 ** 20,
      fastCap: control[C.FAST_CAP],
      sllDrainInterval: control[C.INTERVAL],
    });
    this.options.capacity = control[C.SLABS] << 16;
    this.workers = control[C.MAX_WORKERS];
    const { capacity } = this.options;
    const start = metadataOffset(capacity);
    this.headers = new Uint8Array(buffer, 0, start);
    this.slots = new Int32Array(buffer, start, workerSlot.at(this.workers));
    this.firstSlab = sharedLayout(capacity, this.workers).firstSlab;
    this.notes = new Notes(control, buffer, this.options.capacity, this.workers);
  }

  /** Returns a worker's handle as it is between two operations; its private state is derived. */
  handle(worker: number): Handle {
    const { buffer, handles, options, workers } = this;
    let handle = handles[worker];
    if (handle === undefined) {
      const open = (): Handle => {
        const made = viewShared(buffer, options, workers, worker, sharedSlabs);
        return { views: made, heap: openHeap(buffer, made, options) };
      };
      handle = this.isWatched ? whileWatching(open) : open();
      handles[worker] = handle;
    }
    const { views } = handle;
    const { cursor, gate, layout, mine, sending } = views;
    if (gate[superblock.CLOSED] !== 0) {
      handles[worker] = undefined;
      return this.handle(worker);
    }
    cursor.fill(0);
    sending.fill(0);
    views.doubleFree.fill(0);
    const words = rawOf(views.words);
    const markCounts = rawOf(views.markCounts);
    for (let slab = layout.firstSlab; slab < layout.slabs; slab++) {
      const state = words[layout.states + slab];
      const kind = (state >>> 8) & 0xff;
      if (ownerOf(state) !== worker + 1 || kind > CLASS_COUNT) mine[slab] = NOT_MINE;
      else mine[slab] = markCounts[slab] > 0 ? MINE_MARKED : toHeader(LIVE, kind);
    }
    return handle;
  }

  isActive(worker: number): boolean {
    const { words } = this.handle(worker).views;
    return (rawOf(words)[workerSlot.at(worker) + workerSlot.STATE] & 0xff) === SLOT_ACTIVE;
  }
}
