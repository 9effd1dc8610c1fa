import "uplot/dist/uPlot.min.css";
import "./page.css";
import type { Result } from "../../base/results.js";
import { abParts } from "./ab.js";
import { benchParts } from "./bench.js";
import { redrawAll } from "./chart.js";
import { type Child, element } from "./dom.js";
import { formatDate, formatMachine } from "./format.js";
import { inspectParts } from "./heap.js";
import { profileParts } from "./profile.js";
import { tuneParts } from "./tune.js";

interface PageData {
  readonly title: string;
  readonly results: readonly Result[];
}

function subjectOf(result: Result): string {
  if (result.kind === "hakmem inspect") return result.file;
  if (result.kind === "hakmem ab") return result.knobs.map(({ name }) => name).join(", ");
  return result.workload.label;
}

function sentenceOf(result: Result): string {
  if (result.kind === "hakmem inspect") return "A heap image, block by block.";
  if (result.kind === "hakmem ab") {
    const cells = result.knobs.map(({ values }) => values.length).join(" × ");
    return `${cells} settings on ${result.workloads.length} workloads, measured in turn.`;
  }
  return result.workload.sentence;
}

function partsOf(result: Result): Child[] {
  switch (result.kind) {
    case "hakmem bench":
      return benchParts(result);
    case "hakmem ab":
      return abParts(result);
    case "hakmem tune":
      return tuneParts(result);
    case "hakmem profile":
      return profileParts(result);
    case "hakmem inspect":
      return inspectParts(result);
  }
}

const anchorOf = (at: number): string => `result-${at + 1}`;
const commandOf = ({ kind }: Result): string => kind.replace("hakmem ", "");

function head({ title, results }: PageData): HTMLElement {
  const machines = [...new Set(results.map(({ machine }) => formatMachine(machine)))];
  const dates = results.map(({ machine }) => formatDate(machine.date)).sort();
  const [first = "", last = first] = [dates[0], dates.at(-1)];
  const links = results.map((result, at) =>
    element(
      "li",
      {},
      element("span", { class: "kind" }, commandOf(result)),
      element("a", { href: `#${anchorOf(at)}` }, subjectOf(result)),
    ),
  );
  return element(
    "header",
    {},
    element("h1", {}, title),
    ...machines.map((machine) => element("p", { class: "machine" }, machine)),
    element("p", { class: "date" }, first === last ? first : `${first} to ${last}`),
    element("nav", { "aria-label": "results" }, element("ol", {}, ...links)),
  );
}

function section(result: Result, at: number, isMixed: boolean): HTMLElement {
  const machine = `${formatMachine(result.machine)}, ${formatDate(result.machine.date)}`;
  return element(
    "section",
    { id: anchorOf(at), class: commandOf(result) },
    element(
      "h2",
      {},
      element("span", { class: "kind" }, commandOf(result)),
      element("span", {}, subjectOf(result)),
    ),
    element("p", { class: "sentence" }, sentenceOf(result)),
    isMixed ? element("p", { class: "machine" }, machine) : null,
    ...partsOf(result),
  );
}

/** Paper is white and has its own width, whatever the screen. */
function watchPrint(): void {
  const setPrinting = (isPrinting: boolean): void => {
    document.documentElement.classList.toggle("printing", isPrinting);
    redrawAll();
  };
  addEventListener("beforeprint", () => setPrinting(true));
  addEventListener("afterprint", () => setPrinting(false));
  matchMedia("print").addEventListener("change", ({ matches }) => setPrinting(matches));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
}

const data = JSON.parse(document.getElementById("data")?.textContent ?? "{}") as PageData;
const isMixed = new Set(data.results.map(({ machine }) => formatMachine(machine))).size > 1;
document.body.replaceChildren(
  head(data),
  element("main", {}, ...data.results.map((result, at) => section(result, at, isMixed))),
);
watchPrint();
