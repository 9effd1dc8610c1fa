import { firstSlab, type Image, type Run } from "../layout/image.js";
import { bytesToSlabs, KIND, RUN, slabRecord, WILDERNESS } from "../layout/metadata.js";

/** Walks the runs that tile the slabs below the wilderness. Ends on any image. */
export function* walkRuns(image: Image): Generator<Run, void, undefined> {
  const { meta } = image;
  const end = Math.min(meta[WILDERNESS], bytesToSlabs(image.u8.length));
  for (let slab = Math.max(1, firstSlab(image)); slab < end; ) {
    const record = slabRecord(slab);
    const slabs = Math.min(Math.max(1, meta[record + RUN]), end - slab);
    yield { slab, slabs, kind: meta[record + KIND] };
    slab += slabs;
  }
}
