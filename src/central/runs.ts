import { bytesToSlabs, KIND, RUN, slabRecord, WILDERNESS } from "../layout/metadata.js";
import { firstSlab, type HeapViews, type Run } from "../layout/views.js";

/** Walks the runs that tile the slabs below the wilderness. Ends on any image. */
export function* walkRuns(views: HeapViews): Generator<Run, void, undefined> {
  const { meta } = views;
  const end = Math.min(meta[WILDERNESS], bytesToSlabs(views.u8.length));
  for (let slab = Math.max(1, firstSlab(views)); slab < end; ) {
    const slabAt = slabRecord(slab);
    const slabs = Math.min(Math.max(1, meta[slabAt + RUN]), end - slab);
    yield { slab, slabs, kind: meta[slabAt + KIND] };
    slab += slabs;
  }
}
