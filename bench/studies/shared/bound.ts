import { type Script, workersOf } from "../../workloads/script.js";
import { type Attachment, demandOf } from "./demand.js";
import { CLASSES, metadataBytes, type Slabs, slabsFor } from "./layout.js";

/**
 * Returns the bytes that a script may commit in a shared heap. This is the bound of
 * docs/CONCURRENCY-PROOF.md, computed from the script's events and from what the allocator
 * guarantees. Nothing in it was measured.
 */
export function boundOf(script: Script, capacity: number): number {
  let slabs = 0;
  let bytes = 0;
  for (const attachments of demandOf(script)) {
    for (let classIndex = 1; classIndex < CLASSES; classIndex++) {
      const most = mostSlabs(attachments, classIndex);
      slabs += most.count;
      bytes += most.bytes;
    }
  }
  return bytes + metadataBytes(slabs, workersOf(script), capacity);
}

/**
 * Returns the most slabs of a class that a worker has taken and its predecessors have left. A slab
 * that was left stays while one of its blocks is live. A slab of the last predecessor also stays
 * while one of its blocks is in transit.
 */
function mostSlabs(attachments: readonly Attachment[], classIndex: number): Slabs {
  const taken = attachments.map(({ live, transit }) =>
    slabsFor(classIndex, (live[classIndex] as number) + (transit[classIndex] as number)),
  );
  let most: Slabs = { count: 0, bytes: 0 };
  for (const [index, own] of taken.entries()) {
    let { count, bytes } = own;
    for (let before = 0; before < index; before++) {
      const { left, transit } = attachments[before] as Attachment;
      const slabs = taken[before] as Slabs;
      const live = left[index - before - 1]?.[classIndex] as number;
      const unsent = before === index - 1 ? (transit[classIndex] as number) : 0;
      const kept = Math.min(slabs.count, live + unsent);
      count += kept;
      bytes += kept === 0 ? 0 : (kept * slabs.bytes) / slabs.count;
    }
    if (bytes > most.bytes) most = { count, bytes };
  }
  return most;
}
