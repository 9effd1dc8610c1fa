import { roundUp } from "../base/bits.js";
import { PAGE_BYTES, slabRecord, TOUCHED, TOUCHED_PAGES } from "../layout/metadata.js";

/** Records that the first `bytes` of a slab may be touched from now on. */
export function touchSlab(meta: Int32Array, slab: number, bytes: number): void {
  const record = slabRecord(slab);
  const before = meta[record + TOUCHED] as number;
  if (bytes <= before) return;
  const after = roundUp(bytes, PAGE_BYTES);
  const mapPage = before === 0 ? 1 : 0;
  meta[record + TOUCHED] = after;
  meta[TOUCHED_PAGES] = (meta[TOUCHED_PAGES] as number) + (after - before) / PAGE_BYTES + mapPage;
}
