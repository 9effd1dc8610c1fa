import { sharedSlabs } from "../../../src/central/sharedSlabs.js";
import { ownerOf } from "../../../src/central/states.js";
import { type HeapOptions, resolveOptions } from "../../../src/config/options.js";
import { type Door, openSharedDoor } from "../../../src/front/door.js";
import { LIVE, toHeader } from "../../../src/layout/header.js";
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
import { Notes } from "./notes.js";
import { rawOf, whileWatching } from "./watch.js";

export interface Handle {
  readonly views: SharedViews;
  readonly door: Door;
}

/** What a thread or the checks need to know about the heap. */
export class World {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly options: HeapOptions;
  readonly workers: number;
  readonly notes: Notes;
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
    this.notes = new Notes(control, buffer, this.options.capacity, this.workers);
  }

  /** Returns a worker's handle as it is between two operations; its private state is derived. */
  handle(worker: number): Handle {
    const { buffer, handles, options, workers } = this;
    let handle = handles[worker];
    if (handle === undefined) {
      const open = (): Handle => {
        const made = viewShared(buffer, options, workers, worker, sharedSlabs);
        return { views: made, door: openSharedDoor(made, made.mine) };
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
