import { OP_FREE, OP_MALLOC, OP_SHIFT, SLOT_MASK } from "../../../src/trace/format.js";
import { lengthOf } from "../../subject/workers/loop.js";
import { IN_CELL, PLACE_MASK, type Split, splitScript } from "../../subject/workers/split.js";
import { OP_WORK, type Script, workersOf } from "../../workloads/script.js";
import { CLASSES, classOf, OUTBOX_LIMIT, outboxLimitOf } from "./layout.js";

/*
 * The most that a script asks of a shared heap, counted from its events. Workers do not keep the
 * order of the script: a worker runs ahead as far as the cells allow (docs/CLI.md, "Several
 * workers"). So a block that another worker frees counts as live until its free must have happened.
 * That is when the allocating worker has waited, directly or through others, for the free or for a
 * later event of the freeing worker; vector clocks keep track of it. The counts are those of the
 * worst order that the waits allow.
 */

/** One attachment of a worker, from its first event to the first of its successor. */
export interface Attachment {
  /** By class: the most of its blocks that are live at once. */
  readonly live: Int32Array;
  /** By class: the most of its blocks that others have freed and not sent. */
  readonly transit: Int32Array;
  /** For each later successor, in order, by class: blocks that may be live when it begins. */
  readonly left: Int32Array[];
}

/** Returns each worker's attachments, in their order. */
export function demandOf(script: Script): Attachment[][] {
  const count = new Count(script);
  const events = script.words.length >>> 1;
  for (let event = 0; event < events; event++) count.step(event);
  count.freeLeft();
  return count.finish();
}

/** A free that is done when its worker has come to `position`. */
interface Free {
  readonly position: number;
  readonly attachment: Attachment;
  readonly classIndex: number;
}

/** The block in a slot of the script. */
interface Block {
  readonly allocator: number;
  readonly attachment: Attachment;
  readonly classIndex: number;
  readonly isCell: boolean;
}

class Count {
  readonly #script: Script;
  readonly #split: Split;
  readonly #workers: Uint8Array;
  readonly #attachments: Attachment[][];
  /** By class: blocks of an attachment that may be live now. */
  readonly #now: Map<Attachment, Int32Array> = new Map();
  readonly #blocks: (Block | undefined)[];
  /** By worker, and by cell for its last event: how far each worker must have come. */
  readonly #clocks: Int32Array[];
  readonly #cellClocks: Int32Array[];
  /** By allocator and by freeing worker: frees that the allocator has not waited for. */
  readonly #unknown: Free[][][];
  /** By worker, in order: the blocks of other attachments that it has freed. */
  readonly #sent: { attachment: Attachment; classIndex: number }[][];
  #successor = 0;

  constructor(script: Script) {
    const workers = workersOf(script);
    const perWorker = <T>(make: () => T): T[] => Array.from({ length: workers }, make);
    this.#script = script;
    this.#workers = script.workers ?? new Uint8Array(script.words.length >>> 1);
    this.#split = splitScript({ ...script, workers: this.#workers }, workers);
    this.#attachments = perWorker(() => []);
    for (let worker = 0; worker < workers; worker++) this.#attach(worker);
    this.#blocks = new Array(script.slotCount);
    this.#clocks = perWorker(() => new Int32Array(workers));
    this.#cellClocks = Array.from({ length: this.#split.cellCount }, () => new Int32Array(workers));
    this.#unknown = perWorker(() => perWorker(() => []));
    this.#sent = perWorker(() => []);
  }

  #attach(worker: number): void {
    const own = this.#attachments[worker] as Attachment[];
    for (const before of own) before.left.push(Int32Array.from(this.#nowOf(before)));
    const [live, transit] = [new Int32Array(CLASSES), new Int32Array(CLASSES)];
    const attachment = { live, transit, left: [] };
    own.push(attachment);
    this.#now.set(attachment, new Int32Array(CLASSES));
  }

  #nowOf(attachment: Attachment): Int32Array {
    return this.#now.get(attachment) as Int32Array;
  }

  step(event: number): void {
    const worker = this.#workers[event] as number;
    if (this.#script.successors?.[this.#successor] === event) {
      this.#attach(worker);
      this.#successor++;
    }
    const clock = this.#clocks[worker] as Int32Array;
    const stream = this.#split.streams[worker] as Split["streams"][number];
    const place = stream.words[clock[worker] as number] as number;
    const cell = (place & IN_CELL) === 0 ? undefined : this.#cellClocks[place & PLACE_MASK];
    if (cell !== undefined) this.#learn(worker, cell);
    clock[worker] = (clock[worker] as number) + lengthOf(place);
    const slot = (this.#script.words[2 * event] as number) & SLOT_MASK;
    const op = (this.#script.words[2 * event] as number) >>> OP_SHIFT;
    if (op === OP_MALLOC) {
      const size = this.#script.words[2 * event + 1] as number;
      this.#malloc(worker, slot, classOf(size), cell !== undefined);
    } else if (op === OP_FREE) {
      this.#free(worker, slot);
    } else if (op !== OP_WORK) throw new Error("the bound knows no realloc");
    cell?.set(clock);
  }

  /** Takes over what the last event on a cell knew, because this event comes after it. */
  #learn(worker: number, cell: Int32Array): void {
    const clock = this.#clocks[worker] as Int32Array;
    for (const [other, position] of cell.entries()) {
      if (position <= (clock[other] as number)) continue;
      clock[other] = position;
      const frees = this.#unknown[worker]?.[other] as Free[];
      const end = frees.findIndex((free) => free.position > position);
      for (const free of frees.splice(0, end < 0 ? frees.length : end)) {
        this.#add(free.attachment, free.classIndex, -1);
      }
    }
  }

  #add(attachment: Attachment, classIndex: number, count: number): void {
    const now = this.#nowOf(attachment);
    now[classIndex] = (now[classIndex] as number) + count;
    const { live } = attachment;
    live[classIndex] = Math.max(live[classIndex] as number, now[classIndex] as number);
  }

  #malloc(worker: number, slot: number, classIndex: number, isCell: boolean): void {
    const attachment = this.#attachments[worker]?.at(-1) as Attachment;
    this.#blocks[slot] = { allocator: worker, attachment, classIndex, isCell };
    this.#add(attachment, classIndex, 1);
  }

  #free(worker: number, slot: number): void {
    const { allocator, attachment, classIndex } = this.#blocks[slot] as Block;
    this.#blocks[slot] = undefined;
    if (allocator === worker) this.#add(attachment, classIndex, -1);
    else {
      const position = this.#clocks[worker]?.[worker] as number;
      this.#unknown[allocator]?.[worker]?.push({ position, attachment, classIndex });
    }
    this.#send(worker, attachment, classIndex);
  }

  #send(worker: number, attachment: Attachment, classIndex: number): void {
    if (attachment === this.#attachments[worker]?.at(-1)) return;
    this.#sent[worker]?.push({ attachment, classIndex });
  }

  /** Counts the frees after a run: the first worker frees the cells, and each its own slots. */
  freeLeft(): void {
    for (const block of this.#blocks) {
      if (block !== undefined) {
        this.#send(block.isCell ? 0 : block.allocator, block.attachment, block.classIndex);
      }
    }
  }

  finish(): Attachment[][] {
    for (const sent of this.#sent) addWindows(sent);
    for (const own of this.#attachments) joinRuns(own);
    return this.#attachments;
  }
}

/**
 * Adds the blocks of each attachment that one worker's outbox may hold. An outbox is sent when it
 * is full, so it holds blocks that were freed in a row. The run is repeated, so its start follows
 * its end.
 */
function addWindows(sent: readonly { attachment: Attachment; classIndex: number }[]): void {
  const counts = new Map<Attachment, { now: Int32Array; most: Int32Array }>();
  const add = (index: number, count: number): void => {
    const { attachment, classIndex } = sent[index % sent.length] as (typeof sent)[number];
    let own = counts.get(attachment);
    if (own === undefined) {
      own = { now: new Int32Array(CLASSES), most: new Int32Array(CLASSES) };
      counts.set(attachment, own);
    }
    const { now, most } = own;
    now[classIndex] = (now[classIndex] as number) + count;
    most[classIndex] = Math.max(most[classIndex] as number, now[classIndex] as number);
  };
  const end = sent.length === 0 ? 0 : sent.length + OUTBOX_LIMIT;
  for (let index = 0; index < end; index++) {
    if (index >= OUTBOX_LIMIT) add(index - OUTBOX_LIMIT, -1);
    add(index, 1);
  }
  for (const [{ transit }, { most }] of counts) {
    for (const [classIndex, blocks] of most.entries()) {
      const held = Math.min(blocks, outboxLimitOf(classIndex));
      transit[classIndex] = (transit[classIndex] as number) + held;
    }
  }
}

/** The last attachment of a run is the first of the next: both have what either needs. */
function joinRuns(own: readonly Attachment[]): void {
  const [first, last] = [own[0], own.at(-1)];
  if (first === undefined || last === undefined || first === last) return;
  for (let index = 0; index < CLASSES; index++) {
    const live = Math.max(first.live[index] as number, last.live[index] as number);
    const transit = (first.transit[index] as number) + (last.transit[index] as number);
    for (const one of [first, last]) {
      one.live[index] = live;
      one.transit[index] = transit;
    }
  }
}
