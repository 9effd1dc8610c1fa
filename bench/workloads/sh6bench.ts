import { type Script, ScriptWriter } from "./script.js";
import type { Parameter, Workload } from "./workload.js";

/** The share of a full window that is freed at its old end, and again at its new end. */
const FREED_SHARE = 1 / 4;
/** How many blocks of one byte come for one of this many: small sizes come in runs. */
const RUN_BYTES = 64;

/** What sh6bench and sh8bench have in common. */
export const WINDOW_PARAMETERS: readonly Parameter[] = [
  { name: "BLOCKS", default: 400_000, min: 1, max: 2 ** 24, sentence: "Blocks allocated." },
  { name: "MAX", default: 1000, min: 1, max: 2 ** 16, sentence: "Bytes of the largest block." },
  { name: "WINDOW", default: 5000, min: 4, max: 2 ** 20, sentence: "Blocks live at most." },
];

/**
 * MicroQuill's sh6bench: a compiler's or editor's heap, where some blocks live for a long while
 * and others only for a step. Sizes rise from 1 byte to the largest and again, small ones repeated.
 * When a window of blocks is full, its oldest are freed oldest first and its newest newest first;
 * those between live on, and become the oldest. Nothing is drawn.
 */
export const sh6bench: Workload = {
  name: "sh6bench",
  sentence: "A moving window of blocks of 1 to 1000 bytes, freed at both its ends.",
  parameters: WINDOW_PARAMETERS,
  smoke: [1500, 1000, 100],
  isForWorkers: false,
  takes: ["size"],
  build({ values, size }) {
    const [blocks = 0, maxBytes = 0, window = 0] = values;
    const rising = risingSizes(maxBytes);
    return moveWindow(blocks, window, (index) => size ?? (rising[index % rising.length] as number));
  },
};

function risingSizes(maxBytes: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= maxBytes; size++) {
    const times = Math.max(1, Math.floor(RUN_BYTES / size));
    for (let time = 0; time < times; time++) sizes.push(size);
  }
  return sizes;
}

/** Allocates the blocks, their sizes asked for one by one, and frees as the window fills up. */
export function moveWindow(
  blocks: number,
  window: number,
  sizeOf: (index: number) => number,
): Script {
  const writer = new ScriptWriter();
  const freed = Math.floor(window * FREED_SHARE);
  let oldest = 0;
  let next = 0;
  for (let index = 0; index < blocks; index++) {
    writer.malloc(next++ % window, sizeOf(index));
    if (next - oldest < window) continue;
    for (let count = 0; count < freed; count++) writer.free(oldest++ % window);
    for (let count = 0; count < freed; count++) writer.free(--next % window);
  }
  while (oldest < next) writer.free(oldest++ % window);
  return writer.finish();
}
