import type { InspectResult, SlabTile } from "../../base/results.js";
import { type Child, facts, hint, part, table } from "./dom.js";
import { formatCount, formatMegabytes, formatPercent, formatSize } from "./format.js";
import { fillOf, heapMap } from "./heapMap.js";

type ClassStats = InspectResult["stats"]["classes"][number];

function summary({ stats, fragmentation, slabs }: InspectResult): HTMLElement {
  const megabytes = (bytes: number): string => `${formatMegabytes(bytes)} MB`;
  return facts([
    ["capacity", megabytes(stats.capacityBytes)],
    ["committed", megabytes(stats.committedBytes)],
    ["live", `${megabytes(stats.live.bytes)} in ${formatCount(stats.live.blocks)} blocks`],
    ["cached", `${megabytes(stats.cached.bytes)} in ${formatCount(stats.cached.blocks)} blocks`],
    ["free", `${megabytes(stats.free.bytes)} in ${formatCount(stats.free.blocks)} blocks`],
    ["slabs in use", formatCount(slabs.reduce((sum, tile) => sum + tile.slabs, 0))],
    ["slabs pooled", formatCount(stats.slabs.pooled)],
    ["slabs never used", formatCount(stats.slabs.unused)],
    ["fragmentation", formatPercent(fragmentation)],
  ]);
}

function classes({ stats, slabBytes }: InspectResult): Child {
  const used = stats.classes.filter(({ slabs }) => slabs > 0);
  if (used.length === 0) return null;
  const fill = ({ live, slabs }: ClassStats): string =>
    formatPercent(live.bytes / (slabs * slabBytes));
  return part(
    "Classes",
    table(
      "Size classes with slabs",
      [
        { title: "block bytes", cell: ({ blockBytes }) => formatCount(blockBytes) },
        { title: "class", cell: (own) => String(own.class) },
        { title: "tier", isText: true, cell: ({ tier }) => tier },
        { title: "slabs", cell: ({ slabs }) => formatCount(slabs) },
        { title: "live", cell: ({ live }) => formatCount(live.blocks) },
        { title: "cached", cell: ({ cached }) => formatCount(cached.blocks) },
        { title: "free", cell: ({ free }) => formatCount(free.blocks) },
        { title: "fill", cell: fill },
      ],
      used,
    ),
  );
}

function spans({ slabs, slabBytes }: InspectResult): Child {
  const list = slabs.filter(({ blockBytes }) => blockBytes > slabBytes);
  if (list.length === 0) return null;
  const shown = [...list].sort((a, b) => b.blockBytes - a.blockBytes).slice(0, 20);
  return part(
    "Spans",
    table<SlabTile>(
      list.length > shown.length ? `The 20 largest of ${list.length} spans` : "Largest first",
      [
        { title: "ptr", cell: ({ ptr }) => formatCount(ptr) },
        { title: "size", cell: ({ blockBytes }) => formatSize(blockBytes) },
        { title: "bytes", cell: ({ blockBytes }) => formatCount(blockBytes) },
        { title: "slabs", cell: ({ slabs: count }) => formatCount(count) },
        { title: "fill", cell: (tile) => formatPercent(fillOf(tile, slabBytes).live) },
      ],
      shown,
    ),
  );
}

export function inspectParts(result: InspectResult): Child[] {
  return [
    summary(result),
    hint(
      "Fragmentation is the share of the slabs in use that is not live: " +
        `1 − live bytes ÷ (slabs in use × ${result.slabBytes / 1024} KiB).`,
    ),
    part("Heap map", result.slabs.length === 0 ? hint("No slab is in use.") : heapMap(result)),
    classes(result),
    spans(result),
  ];
}
