import type { InspectResult, SlabTile } from "../../base/results.js";
import { element, hint } from "./dom.js";
import { formatCount, formatPercent, formatSize } from "./format.js";

/** A page of more buttons would answer slowly. */
const MAX_TILES = 2048;
const MAX_COLUMNS = 6;
const SIZE_STEPS = 7;

/** Shares of a slab's bytes. */
export function fillOf(tile: SlabTile, slabBytes: number): { live: number; cached: number } {
  const share = tile.blockBytes / (tile.slabs * slabBytes);
  return { live: tile.live * share, cached: tile.cached * share };
}

/** One of seven colours: a step for four sizes' doublings, the last for spans. */
function stepOf(blockBytes: number, slabBytes: number): number {
  if (blockBytes > slabBytes) return SIZE_STEPS - 1;
  return Math.min(SIZE_STEPS - 2, Math.floor((Math.log2(Math.max(16, blockBytes)) - 4) / 2));
}

/** Blocks that the slab has room for. */
function roomOf(tile: SlabTile, slabBytes: number): number {
  return Math.max(tile.blocks.length, Math.floor((tile.slabs * slabBytes) / tile.blockBytes));
}

function describe(tile: SlabTile, slabBytes: number): string {
  const { live } = fillOf(tile, slabBytes);
  const size = `${formatCount(tile.blockBytes)} bytes`;
  if (tile.blockBytes > slabBytes) return `span at ${tile.ptr}: ${size}, ${tile.slabs} slabs`;
  const counts = `${tile.live} live, ${tile.cached} cached, ${tile.free} free`;
  return `slab at ${tile.ptr}: blocks of ${size}, ${counts}, ${formatPercent(live)} live`;
}

function tileButton(tile: SlabTile, at: number, slabBytes: number): HTMLButtonElement {
  const { live, cached } = fillOf(tile, slabBytes);
  const filled = element("span", { class: "fill" });
  filled.style.height = `${100 * live}%`;
  const kept = element("span", { class: "kept" });
  kept.style.bottom = `${100 * live}%`;
  kept.style.height = `${100 * cached}%`;
  const button = element(
    "button",
    {
      type: "button",
      class: `tile c${stepOf(tile.blockBytes, slabBytes)}`,
      "aria-expanded": "false",
      "aria-label": describe(tile, slabBytes),
      "data-at": String(at),
    },
    element("span", { class: "cell" }, filled, kept),
    element("span", { class: "size" }, formatSize(tile.blockBytes)),
  );
  const columns = Math.min(tile.slabs, MAX_COLUMNS);
  if (columns > 1) button.style.gridColumn = `span ${columns}`;
  return button;
}

/** Slabs between two tiles that no block is in. */
function gap(slabs: number, what: string): HTMLElement {
  const label = `${formatCount(slabs)} ${what}`;
  return element(
    "span",
    { class: "tile gap", title: label },
    element("span", { class: "cell" }),
    element("span", { class: "size" }, `+${formatCount(slabs)}`),
  );
}

const STATES: Readonly<Record<string, string>> = { L: "live", C: "cached", F: "free" };

function blocksPanel(tile: SlabTile, id: string, slabBytes: number): HTMLElement {
  const about = element("p", { class: "about", "aria-live": "polite" }, describe(tile, slabBytes));
  const room = roomOf(tile, slabBytes);
  const size = room > 512 ? "small" : room > 48 ? "medium" : "large";
  const cells = element("div", { class: `blocks ${size}` });
  for (const state of tile.blocks) cells.append(element("i", { class: STATES[state] ?? "free" }));
  for (let at = tile.blocks.length; at < room; at++) {
    cells.append(element("i", { class: "uncarved" }));
  }
  cells.addEventListener("pointerover", ({ target }) => {
    const at = target instanceof HTMLElement ? [...cells.children].indexOf(target) : -1;
    if (at < 0) return;
    const state = STATES[tile.blocks[at] ?? ""] ?? "not carved yet";
    about.textContent = `block ${at} at ${tile.ptr + at * tile.blockBytes}: ${state}`;
  });
  cells.addEventListener("pointerleave", () => {
    about.textContent = describe(tile, slabBytes);
  });
  const step = stepOf(tile.blockBytes, slabBytes);
  const uncarved = room - tile.blocks.length;
  const keys = [
    ["live", tile.live],
    ["cached", tile.cached],
    ["free", tile.free],
    ["uncarved", uncarved],
  ] as const;
  const legend = keys
    .filter(([, count]) => count > 0)
    .map(([name, count]) =>
      element("li", {}, element("i", { class: name }), `${formatCount(count)} ${name}`),
    );
  return element(
    "div",
    { class: `opened c${step}`, id },
    about,
    cells,
    element("ul", { class: "legend" }, ...legend),
  );
}

let opened = 0;

/** Opens a tile's blocks under its row, and closes what was open. */
function toggle(map: HTMLElement, button: HTMLElement, result: InspectResult): void {
  const wasOpen = button.getAttribute("aria-expanded") === "true";
  map.querySelector(".opened")?.remove();
  for (const open of map.querySelectorAll('[aria-expanded="true"]')) {
    open.setAttribute("aria-expanded", "false");
    open.removeAttribute("aria-controls");
  }
  const tile = result.slabs[Number(button.dataset.at)];
  if (wasOpen || tile === undefined) return;
  const id = `blocks-${++opened}`;
  button.after(blocksPanel(tile, id, result.slabBytes));
  button.setAttribute("aria-expanded", "true");
  button.setAttribute("aria-controls", id);
}

function sizeLegend(): HTMLElement {
  const names = ["16 – 63", "64 – 255", "256 – 1023", "1K – 4K", "4K – 16K", "16K – 64K", "span"];
  const items = names.map((name, at) =>
    element("li", {}, element("i", { class: `swatch size c${at}` }), name),
  );
  return element("ul", { class: "legend", "aria-label": "bytes of a block" }, ...items);
}

export function heapMap(result: InspectResult): HTMLElement {
  const { slabBytes, stats } = result;
  const shown = result.slabs.slice(0, MAX_TILES);
  const map = element("div", { class: "map" });
  let end = stats.metadataBytes;
  shown.forEach((tile, at) => {
    if (tile.ptr > end) map.append(gap(Math.round((tile.ptr - end) / slabBytes), "slabs pooled"));
    map.append(tileButton(tile, at, slabBytes));
    end = tile.ptr + tile.slabs * slabBytes;
  });
  const left = Math.round((stats.capacityBytes - end) / slabBytes);
  const isWhole = shown.length === result.slabs.length;
  if (isWhole && left > 0) map.append(gap(left, "slabs pooled or never used"));
  map.addEventListener("click", ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLElement>("button.tile") : null;
    if (button !== null) toggle(map, button, result);
  });
  return element(
    "figure",
    {},
    element(
      "figcaption",
      {},
      `A tile is a slab of ${slabBytes / 1024} KiB, in address order, with the bytes of its` +
        " blocks under it: solid is live, hatched is cached. Dashed, with a count: slabs" +
        " without blocks. A tile opens into its blocks.",
    ),
    sizeLegend(),
    map,
    ...(isWhole
      ? []
      : [hint(`The first ${formatCount(shown.length)} tiles; the rest are in JSON.`)]),
  );
}
