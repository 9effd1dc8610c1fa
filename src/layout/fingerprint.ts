import { OPTION_TABLE } from "../config/options.js";
import * as header from "./header.js";
import * as mark from "./mark.js";
import { endOfMetadata, firstSlabOf } from "./metadata.js";
import { numbersOf, RECORDS } from "./records.js";
import * as sharedMetadata from "./sharedMetadata.js";
import { BLOCK_BYTES, SPAN_CLASS } from "./sizeClasses.js";
import * as slabKind from "./slabKind.js";
import * as slabState from "./slabState.js";
import * as slotState from "./slotState.js";
import * as units from "./units.js";

/*
 * One number that stands for the whole layout and the size classes. It is computed from their
 * tables, so that nobody has to remember it, and kept in the superblock: two builds that differ
 * refuse each other's images. The build puts the number itself in place of this module.
 */

/** Any capacity and number of workers would do: the samples show how the parts follow. */
const SAMPLES: readonly (readonly [capacityBytes: number, workers: number])[] = [
  [2 ** 20, 3],
  [2 ** 28, 16],
];

/** Returns everything that two builds must agree on to use one image. */
export function describeLayout(): unknown {
  return {
    classes: [...BLOCK_BYTES],
    spanClass: SPAN_CLASS,
    options: OPTION_TABLE.map(({ name }) => name),
    records: RECORDS,
    codes: [header, mark, slabKind, slabState, slotState, units, sharedMetadata].map(numbersOf),
    heaps: SAMPLES.map(([capacity]) => [endOfMetadata(capacity), firstSlabOf(capacity)]),
    sharedHeaps: SAMPLES.map(([capacity, workers]) =>
      sharedMetadata.sharedLayout(capacity, workers),
    ),
  };
}

/** Returns the FNV-1a hash of what a layout says, an int32. */
export function fingerprintOf(layout: unknown): number {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(layout)) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash;
}

export const FINGERPRINT: number = fingerprintOf(describeLayout());
