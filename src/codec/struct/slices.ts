/**
 * Slices that belong to the value that is being read. If it is not read to its end, nobody gets the
 * value, and so they are released.
 */
import { type Bytes, isBytes } from "../../buffers/internal.js";

const taken: Bytes[] = [];
/** How many values are being read, one within the other. */
let reading = 0;

/** Begins to read a value. Returns what `endSlices` takes if it is not read to its end. */
export function beginSlices(): number {
  reading++;
  return taken.length;
}

/** Notes a slice of the value that is being read. */
export function noteSlice(slice: unknown): void {
  if (isBytes(slice)) taken.push(slice);
}

/**
 * Ends a value. With -1 it was read: its slices are the caller's, once all around it was read,
 * too. Else they are released.
 */
export function endSlices(before: number): void {
  reading--;
  if (before >= 0) for (const slice of taken.splice(before)) if (!slice.isReleased) slice.release();
  if (reading === 0) taken.length = 0;
}
