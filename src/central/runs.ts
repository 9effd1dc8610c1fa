import * as slabRecord from "../layout/slabRecord.js";
import * as superblock from "../layout/superblock.js";
import { bytesToSlabs } from "../layout/units.js";
import { firstSlab, type HeapViews, type Run } from "../layout/views.js";

/** Walks the runs that tile the slabs below the wilderness. Ends on any image. */
export function* walkRuns(views: HeapViews): Generator<Run, void, undefined> {
  const { meta } = views;
  const end = Math.min(meta[superblock.WILDERNESS], bytesToSlabs(views.u8.length));
  for (let slab = Math.max(1, firstSlab(views)); slab < end; ) {
    const slabAt = slabRecord.at(slab);
    const slabs = Math.min(Math.max(1, meta[slabAt + slabRecord.RUN]), end - slab);
    yield { slab, slabs, kind: meta[slabAt + slabRecord.KIND] };
    slab += slabs;
  }
}
