import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Command } from "commander";
import { integerBetween } from "../base/integers.js";
import type { InspectResult, SlabTile } from "../base/results.js";
import { RunError, type Session } from "../base/session.js";
import { type ReadImage, readImage } from "../report/readImage.js";
import { writeReport } from "../report/write.js";
import { buildInspect } from "../subject/heapMap.js";
import { formatCount, formatMegabytes, formatPercent } from "../term/format.js";
import { addJson, writeResult } from "../term/json.js";
import { printTable } from "../term/table.js";

interface Flags {
  readonly html?: string;
  readonly json?: string;
  readonly top: number;
}

/** No snapshot is longer than the largest heap and its list of extents. */
const MAX_IMAGE_BYTES = 2 ** 31 + 2 ** 20;

function readFile(file: string): ReadImage {
  try {
    const raw = readFileSync(file);
    const isPacked = raw[0] === 0x1f && raw[1] === 0x8b;
    return readImage(isPacked ? gunzipSync(raw, { maxOutputLength: MAX_IMAGE_BYTES }) : raw);
  } catch (error) {
    throw new RunError(`${file}: ${(error as Error).message.replace(/\s+/g, " ")}`);
  }
}

function printSummary({ file, stats, fragmentation }: InspectResult): void {
  const { slabs } = stats;
  const line = (name: string, bytes: number, blocks?: number): string => {
    const count = blocks === undefined ? "" : `  ${formatCount(blocks)} blocks`;
    return `  ${name.padEnd(14)}${formatMegabytes(bytes).padStart(10)} MB${count}`;
  };
  const lines = [
    file,
    line("capacity", stats.capacityBytes),
    line("committed", stats.committedBytes),
    line("live", stats.live.bytes, stats.live.blocks),
    line("cached", stats.cached.bytes, stats.cached.blocks),
    line("free", stats.free.bytes, stats.free.blocks),
    `  ${"slabs".padEnd(14)}${formatCount(slabs.inUse).padStart(10)} in use, ` +
      `${formatCount(slabs.pooled)} pooled, ${formatCount(slabs.unused)} never used`,
    `  ${"fragmentation".padEnd(14)}${formatPercent(fragmentation).padStart(10)}`,
    "  Fragmentation is the share of the slabs in use that is not live:",
    "  1 - live bytes / (slabs in use x 65536).",
  ];
  console.log(lines.join("\n"));
}

function printWorkers({ stats, slabBytes }: InspectResult): void {
  if (!("workers" in stats)) return;
  const { abandonedSlabs, inTransit, maxWorkers, workers } = stats;
  console.log(
    `\nWorkers: ${workers.length} attached of ${maxWorkers}; ` +
      `${formatCount(inTransit.blocks)} blocks on their way home, ` +
      `${formatCount(abandonedSlabs)} abandoned slabs\n`,
  );
  if (workers.length === 0) return;
  printTable(
    [
      { name: "worker", title: "worker" },
      { name: "slabs", title: "slabs" },
      { name: "live", title: "live" },
      { name: "bytes", title: "live MB" },
      { name: "cached", title: "cached" },
      { name: "outbox", title: "outbox" },
      { name: "refills", title: "refills" },
      { name: "drains", title: "drains" },
      { name: "fill", title: "fill" },
    ],
    workers.map((own) => ({
      worker: String(own.workerId),
      slabs: formatCount(own.slabs),
      live: formatCount(own.live.blocks),
      bytes: formatMegabytes(own.live.bytes),
      cached: formatCount(own.cached.blocks),
      outbox: formatCount(own.outboxBlocks),
      refills: formatCount(own.refills),
      drains: formatCount(own.drains),
      fill: own.slabs === 0 ? "-" : formatPercent(own.live.bytes / (own.slabs * slabBytes)),
    })),
  );
}

function printClasses({ stats, slabBytes }: InspectResult): void {
  const used = stats.classes.filter(({ slabs }) => slabs > 0);
  if (used.length === 0) return;
  console.log("\nClasses\n");
  printTable(
    [
      { name: "class", title: "class" },
      { name: "bytes", title: "block bytes" },
      { name: "slabs", title: "slabs" },
      { name: "live", title: "live" },
      { name: "cached", title: "cached" },
      { name: "free", title: "free" },
      { name: "fill", title: "fill" },
    ],
    used.map((own) => ({
      class: String(own.class),
      bytes: formatCount(own.blockBytes),
      slabs: formatCount(own.slabs),
      live: formatCount(own.live.blocks),
      cached: formatCount(own.cached.blocks),
      free: formatCount(own.free.blocks),
      fill: formatPercent(own.live.bytes / (own.slabs * slabBytes)),
    })),
  );
}

function fillOf({ live, blockBytes, slabs }: SlabTile, slabBytes: number): number {
  return (live * blockBytes) / (slabs * slabBytes);
}

function printEmptiest({ slabs, slabBytes }: InspectResult, top: number): void {
  const sorted = [...slabs].sort((a, b) => fillOf(a, slabBytes) - fillOf(b, slabBytes));
  if (sorted.length === 0) return;
  console.log("\nSlabs with the lowest fill\n");
  printTable(
    [
      { name: "ptr", title: "ptr" },
      { name: "tier", title: "tier", align: "left" },
      { name: "bytes", title: "block bytes" },
      { name: "live", title: "live" },
      { name: "cached", title: "cached" },
      { name: "free", title: "free" },
      { name: "fill", title: "fill" },
    ],
    sorted.slice(0, top).map((tile) => ({
      ptr: String(tile.ptr),
      tier: tile.tier,
      bytes: formatCount(tile.blockBytes),
      live: formatCount(tile.live),
      cached: formatCount(tile.cached),
      free: formatCount(tile.free),
      fill: formatPercent(fillOf(tile, slabBytes)),
    })),
  );
}

function printSizes({ slabs, stats }: InspectResult, top: number): void {
  const blocksOf = new Map<number, number>();
  for (const { blockBytes, live } of slabs) {
    if (live > 0) blocksOf.set(blockBytes, (blocksOf.get(blockBytes) ?? 0) + live);
  }
  if (blocksOf.size === 0) return;
  const rows = [...blocksOf].map(([size, blocks]) => ({ size, blocks, bytes: size * blocks }));
  rows.sort((a, b) => b.bytes - a.bytes);
  console.log("\nLive blocks by size, most bytes first\n");
  printTable(
    [
      { name: "size", title: "block bytes" },
      { name: "blocks", title: "live blocks" },
      { name: "bytes", title: "live MB" },
      { name: "share", title: "of all live" },
    ],
    rows.slice(0, top).map(({ size, blocks, bytes }) => ({
      size: formatCount(size),
      blocks: formatCount(blocks),
      bytes: formatMegabytes(bytes),
      share: formatPercent(bytes / stats.live.bytes),
    })),
  );
}

function run(file: string, { html, json, top }: Flags): void {
  const { heap, guest } = readFile(file);
  const result = buildInspect(heap, file, guest);
  const isPrinted = writeResult(result, json);
  if (html !== undefined) writeReport([result], html);
  if (!isPrinted) return;
  printSummary(result);
  printWorkers(result);
  printClasses(result);
  printEmptiest(result, top);
  printSizes(result, top);
}

export function registerInspect(program: Command, _session: Session): void {
  const command = program
    .command("inspect")
    .description("Shows what is in a heap image: slabs, classes, fragmentation.")
    .argument("<image>", "a file with the bytes of heap.snapshot(), or that compressed by gzip")
    .option("--html <file>", "write the heap map as a page")
    .option("--top <n>", "rows of a list", integerBetween(1, 999_999), 10);
  addJson(command).action((file: string, flags: Flags) => run(file, flags));
}
