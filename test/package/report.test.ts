import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Result } from "../../bench/base/results.js";
import { writeReport } from "../../bench/report/write.js";
import { isUnderCi } from "../support/missing.js";
import {
  abResult,
  benchResult,
  inspectResult,
  profileResult,
  tuneResult,
} from "../support/results.js";

const CHROMIUM = "/usr/bin/chromium";
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-quic",
  "--no-first-run",
  "--disable-component-update",
  "--disable-sync",
];

const bench = benchResult();
const ab = abResult();
const tune = tuneResult();
const profile = profileResult();
const inspect = inspectResult(160);
const CHARTS = 2 + ab.workloads.length + 1;

const folder = mkdtempSync(join(tmpdir(), "hakmem-page-"));
const file = join(folder, "report.html");
let browser: Browser;

const isSkipped = !existsSync(CHROMIUM) && !isUnderCi;
if (isSkipped) console.warn(`no ${CHROMIUM} (apt-get install chromium): the page is not tested`);

beforeAll(async () => {
  if (isSkipped) return;
  writeReport([bench, ab, tune, profile, inspect], file, "Every kind of result");
  browser = await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

interface Opened {
  readonly page: Page;
  /** Errors, warnings, and requests for anything but the file. */
  readonly complaints: readonly string[];
}

async function open(options: BrowserContextOptions = {}, path: string = file): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
  const complaints: string[] = [];
  const url = pathToFileURL(path).href;
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (request.url() !== url) complaints.push(request.url());
  });
  await page.goto(url);
  await page.locator(".chart canvas").nth(0).or(page.locator("section")).first().waitFor();
  return { page, complaints };
}

interface Canvas {
  /** Not transparent. */
  readonly pixels: number;
  readonly widthPx: number;
  readonly boxPx: number;
}

/** Runs in the page, after the frame in which the charts are drawn. */
const READ_CANVASES = `new Promise((done) => setTimeout(done, 100)).then(() =>
  [...document.querySelectorAll("canvas")].map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let pixels = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at] > 0) pixels++;
    const widthPx = canvas.getBoundingClientRect().width;
    return { pixels, widthPx, boxPx: canvas.closest(".chart").clientWidth };
  }))`;

function readCanvases(page: Page): Promise<Canvas[]> {
  return page.evaluate<Canvas[]>(READ_CANVASES);
}

function readPicture(page: Page): Promise<string> {
  return page.evaluate<string>('document.querySelector(".bench .chart canvas").toDataURL()');
}

function readOverflowPx(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
}

function readColour(page: Page): Promise<string> {
  return page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
}

const MODES: readonly (readonly [name: string, options: BrowserContextOptions])[] = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["phone", { viewport: { width: 360, height: 740 }, isMobile: true, deviceScaleFactor: 2 }],
];

describe.skipIf(isSkipped).each(MODES)("the page, %s", (_name, options) => {
  it("draws every chart, asks for nothing and overflows nowhere", async () => {
    const { page, complaints } = await open(options);
    const canvases = await readCanvases(page);
    expect(canvases).toHaveLength(CHARTS);
    for (const { pixels, widthPx, boxPx } of canvases) {
      expect(pixels).toBeGreaterThan(2000);
      expect(Math.abs(widthPx - boxPx)).toBeLessThanOrEqual(1);
    }
    expect(await readOverflowPx(page)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

it.skipIf(isSkipped)("is white on paper, and its charts are as wide as the paper", async () => {
  const { page, complaints } = await open({ colorScheme: "dark" });
  expect(await readColour(page)).toBe("rgb(20, 24, 29)");
  await page.setViewportSize({ width: 680, height: 990 });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  expect(await readColour(page)).toBe("rgb(255, 255, 255)");
  for (const { pixels, widthPx } of await readCanvases(page)) {
    expect(pixels).toBeGreaterThan(2000);
    expect(widthPx).toBeLessThanOrEqual(680);
  }
  expect(await readOverflowPx(page)).toBeLessThanOrEqual(0);
  await page.emulateMedia({ media: "screen", colorScheme: "dark" });
  await page.evaluate(`addEventListener("beforeprint", () => { document.title = "printed"; })`);
  const pdf = await page.pdf({ format: "A4" });
  expect(await page.title()).toBe("printed");
  expect(pdf.byteLength).toBeGreaterThan(50_000);
  expect(await readColour(page)).toBe("rgb(20, 24, 29)");
  expect(complaints).toEqual([]);
  await page.close();
});

it.skipIf(isSkipped)("redraws its charts when the window or the scheme changes", async () => {
  const { page } = await open({ colorScheme: "light" });
  const light = await readPicture(page);
  await page.emulateMedia({ colorScheme: "dark" });
  await expect.poll(() => readPicture(page)).not.toBe(light);
  await page.setViewportSize({ width: 500, height: 800 });
  await expect.poll(async () => (await readCanvases(page))[0]?.widthPx).toBeLessThan(500);
  expect(await page.locator("canvas").count()).toBe(CHARTS);
  await page.close();
});

let page: Page;
beforeAll(async () => {
  ({ page } = await open());
});

describe.skipIf(isSkipped)("what the page says of measurements", () => {
  it("of a bench: a bar and a row a subject, fastest first, hakmem marked", async () => {
    const sorted = [...bench.subjects].sort((a, b) => b.opsPerSecond - a.opsPerSecond);
    const names = await page.locator(".bars .name").allTextContents();
    expect(names).toEqual(sorted.map(({ title }) => title));
    expect(await page.locator(".bars .ours .name").allTextContents()).toEqual(["hakmem"]);
    const values = await page.locator(".bars .value").allTextContents();
    values.forEach((value, at) => {
      const ops = (sorted[at]?.opsPerSecond ?? 0) / 1e6;
      expect(value).toMatch(/ M ops\/s$/);
      expect(Math.abs(Number.parseFloat(value) / ops - 1)).toBeLessThan(0.006);
    });
    const row = page.locator(".bench tbody tr", { hasText: "new Uint8Array" }).first();
    const cells = await row.locator("td").allTextContents();
    const slowest = sorted.at(-1);
    expect(cells[0]).toBe("902");
    expect(cells[2]).toBe("203.6× [199.5, 209.7]");
    expect(Number(cells[7]?.replace(",", ""))).toBe(
      Math.round(slowest?.latency?.percentiles.max ?? 0),
    );
    expect(cells[8]).toBe(((slowest?.memory?.peakBytes ?? 0) / 1e6).toFixed(2));
  });

  it("of a bench: cautions, notes and what was skipped", async () => {
    const text = (await page.locator(".bench").textContent()) ?? "";
    expect(text).toContain("@thi.ng/malloc: its rounds vary by 31 %");
    expect(text).toContain("Skipped mimalloc: not installed");
    expect(text).toContain(bench.notes[0]);
    expect(text).not.toContain("Interrupted");
    expect(await page.locator(".bench .chart").count()).toBe(2);
    const legend = await page.locator(".bench .legend").first().locator("button").count();
    expect(legend).toBe(bench.subjects.filter(({ latency }) => latency !== null).length);
  });

  it("of an ab: a chart, a verdict and a table a workload", async () => {
    const verdicts = await page.locator(".ab .verdict").allTextContents();
    expect(verdicts).toEqual(ab.verdicts.map(({ sentence }) => sentence));
    expect(await page.locator(".ab .chart").count()).toBe(ab.workloads.length);
    expect(await page.locator(".ab tbody tr").count()).toBe(ab.cells.length);
    expect(await page.locator(".ab .caution").textContent()).toContain("Interrupted");
  });

  it("of a tune: every setting, the best and the defaults marked", async () => {
    expect(await page.locator(".tune tbody tr").count()).toBe(tune.tried.length);
    const marks = await page.locator(".tune tbody td:last-child").allTextContents();
    expect(marks.filter((mark) => mark !== "").sort()).toEqual(["best", "defaults"]);
    expect(await page.locator(".tune .facts").textContent()).toContain("1.12× [1.10, 1.14]");
  });

  it("of a profile: a segment a side, and the functions", async () => {
    expect(await page.locator(".stack .segment").count()).toBe(6);
    expect(await page.locator(".profile tbody tr").count()).toBe(profile.functions.length);
    const text = (await page.locator(".profile").textContent()) ?? "";
    expect(text).toContain(profile.verdict);
    expect(text).toContain("37.0 %");
  });
});

describe.skipIf(isSkipped)("the heap map, and the curves", () => {
  it("has a tile a slab", async () => {
    expect(await page.locator("button.tile").count()).toBe(inspect.slabs.length);
    const used = inspect.stats.classes.filter(({ slabs }) => slabs > 0);
    expect(await page.locator(".inspect table").first().locator("tbody tr").count()).toBe(
      used.length,
    );
    const text = (await page.locator(".inspect .facts").textContent()) ?? "";
    expect(text).toContain(`${(100 * inspect.fragmentation).toFixed(1)} %`);
  });

  it("opens a tile into its blocks by click and by key, one at a time", async () => {
    const at = inspect.slabs.findIndex(({ cached, live }) => cached > 0 && live > 0);
    const tile = inspect.slabs[at];
    const button = page.locator("button.tile").nth(at);
    await button.click();
    expect(await button.getAttribute("aria-expanded")).toBe("true");
    expect(await page.locator(".blocks i.live").count()).toBe(tile?.live);
    expect(await page.locator(".blocks i.cached").count()).toBe(tile?.cached);
    expect(await page.locator(".blocks i.free").count()).toBe(tile?.free);
    await button.focus();
    await page.keyboard.press("Enter");
    expect(await page.locator(".opened").count()).toBe(0);
    expect(await button.getAttribute("aria-expanded")).toBe("false");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    const next = page.locator("button.tile").nth(at + 1);
    expect(await next.getAttribute("aria-expanded")).toBe("true");
    await button.click();
    expect(await page.locator(".opened").count()).toBe(1);
  });

  it("hides a curve that its legend switches off", async () => {
    const button = page.locator(".bench .legend button").first();
    const before = await readPicture(page);
    await button.click();
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    await expect.poll(() => readPicture(page)).not.toBe(before);
  });
});

it.skipIf(isSkipped).each<readonly [string, Result]>([
  ["a bench of nothing", { ...bench, subjects: [], skipped: [], notes: [] }],
  [
    "a bench without latency and memory",
    {
      ...bench,
      subjects: bench.subjects.map((own) => ({ ...own, latency: null, memory: null, heap: null })),
    },
  ],
  ["an ab of nothing", { ...ab, cells: [], verdicts: [] }],
  ["a tune of nothing", { ...tune, tried: [], best: null, gain: null }],
  ["a profile of nothing", { ...profile, functions: [], samples: 0 }],
  ["a heap in which nothing is", { ...inspect, slabs: [], fragmentation: 0 }],
  ["a bench with a map", { ...bench, map: inspect }],
])("draws what there is of %s", async (name, result) => {
  const path = join(folder, `${name}.html`);
  writeReport([result], path);
  const { page, complaints } = await open({}, path);
  expect(await page.locator("section").count()).toBe(1);
  for (const { pixels } of await readCanvases(page)) expect(pixels).toBeGreaterThan(2000);
  expect(await page.locator("tbody:empty, dl:empty, ul:empty, .part:empty").count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.close();
});
