import type { Ptr, SharedHeap } from "../../dist/index.js";
import {
  DEAD,
  deadFlag,
  entryOf,
  findDamage,
  HELD,
  HOLDER,
  INCARNATION,
  LEDGER_WORDS,
  RING_SLOTS,
  ringWord,
  SEQUENCE,
  SINCE,
  SIZE,
  seatWord,
  TRANSIT,
} from "./plan.js";

/** What a check reads. Every worker is parked, and every dead one is recovered. */
export interface Scene {
  readonly heap: SharedHeap;
  readonly control: Int32Array;
  readonly ledger: Int32Array;
  readonly seats: number;
}

export interface Settled {
  /** Number of live blocks, which the ledger, a walk and `stats` agree on. */
  readonly live: number;
  /** Blocks of dead threads that their recovery had to leave, and that are freed now. */
  readonly orphans: number;
}

/** Returns the ptrs in the rings. Each must be in transit to the thread at the ring's end. */
function readRings({ control, ledger, seats }: Scene): Set<number> {
  const found = new Set<number>();
  for (let giver = 0; giver < seats; giver++) {
    for (let taker = 0; taker < seats; taker++) {
      const ring = ringWord(seats, giver, taker);
      const end = control[ring + 1] ?? 0;
      for (let place = control[ring] ?? 0; place < end; place++) {
        const ptr = control[ring + 2 + (place % RING_SLOTS)] ?? 0;
        const holder = ledger[entryOf(ptr) + HOLDER] ?? 0;
        const taking = control[seatWord(taker, INCARNATION)];
        if ((holder & 3) !== TRANSIT || holder >> 2 !== taking || found.has(ptr)) {
          throw new Error(`block ${ptr} in ring ${giver} to ${taker} is held by ${holder}`);
        }
        found.add(ptr);
      }
    }
  }
  return found;
}

/** Returns whether the heap must have known a dead thread as the holder of a block. */
function wasHeld(ledger: Int32Array, entry: number, state: number, death: number): boolean {
  if ((death & 3) !== DEAD) return false;
  // All that was in transit to a thread is taken before it detaches.
  return state === TRANSIT || (state === HELD && ledger[entry + SINCE] === death >> 2);
}

/**
 * Resolves what dead threads left unclear. Their entries are removed; a block that the heap still
 * calls live was handed over or outlived a detach, and is freed here.
 */
function settle(scene: Scene): { readonly kept: Set<number>; readonly orphans: number } {
  const { control, heap, ledger, seats } = scene;
  const rings = readRings(scene);
  const live = new Set<number>();
  for (const { ptr, state } of heap.blocks()) if (state === "live") live.add(ptr);
  const kept = new Set<number>();
  let orphans = 0;
  for (let entry = 0; entry < ledger.length; entry += LEDGER_WORDS) {
    const holder = ledger[entry + HOLDER] as number;
    if (holder === 0) continue;
    const ptr = (entry / LEDGER_WORDS) * 16;
    const death = control[deadFlag(seats, holder >> 2)] ?? 0;
    const isDead = death !== 0;
    const isKept = (holder & 3) === HELD || rings.has(ptr);
    if (!isDead && isKept) {
      if (!live.has(ptr)) throw new Error(`block ${ptr} of a living worker is not live: ${holder}`);
      kept.add(ptr);
      continue;
    }
    if (!isDead && (holder & 3) !== TRANSIT) {
      throw new Error(`a parked worker is busy with block ${ptr}: ${holder}`);
    }
    ledger[entry + HOLDER] = 0;
    if (!live.has(ptr)) continue;
    if (wasHeld(ledger, entry, holder & 3, death)) {
      throw new Error(`block ${ptr} of a dead worker was not recovered: ${holder}`);
    }
    heap.free(ptr as Ptr);
    orphans++;
  }
  return { kept, orphans };
}

/** Settles, then checks the heap's invariants, that nothing is lost, and each byte. */
export function checkAll(scene: Scene): Settled {
  const { heap, ledger } = scene;
  heap.verify();
  const { kept, orphans } = settle(scene);
  heap.verify();
  let live = 0;
  let end = 0;
  for (const { ptr, size, state } of heap.blocks()) {
    if (ptr < end) throw new Error(`block ${ptr} overlaps one that ends at ${end}`);
    end = ptr + size;
    if (state !== "live") continue;
    live++;
    if (!kept.has(ptr)) throw new Error(`block ${ptr} is live, and nobody has it: a lost block`);
    const entry = entryOf(ptr);
    const filled = {
      ptr,
      size: ledger[entry + SIZE] ?? 0,
      sequence: ledger[entry + SEQUENCE] ?? 0,
    };
    if (filled.size > size) throw new Error(`block ${ptr} has ${size} bytes of ${filled.size}`);
    const damage = findDamage(heap.u8, ptr, filled, filled.size);
    if (damage >= 0) throw new Error(`block ${ptr}: byte ${damage} is not what was written`);
  }
  if (live !== kept.size) throw new Error(`${kept.size} blocks in the ledger, ${live} in the heap`);
  const counted = heap.stats().live.blocks;
  if (counted !== live) throw new Error(`stats counts ${counted} live blocks of ${live}`);
  return { live, orphans };
}
