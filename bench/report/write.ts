import { readFileSync, writeFileSync } from "node:fs";
import { asset } from "../base/assets.js";
import type { Result } from "../base/results.js";
import { RunError } from "../base/session.js";

/** The page may fetch nothing, whatever is in the data. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " +
  "base-uri 'none'; form-action 'none'";

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Returns JSON in which no HTML parser sees a tag or comment. */
function toInlineJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, "\\u003c");
}

function readAsset(name: string): string {
  try {
    return readFileSync(asset(name), "utf8");
  } catch {
    throw new RunError(`${name} is missing from the package; npm run build makes it`);
  }
}

function titleOf(results: readonly Result[]): string {
  const kinds = [...new Set(results.map(({ kind }) => kind))];
  return kinds.length === 1 ? `${kinds[0]}` : "hakmem report";
}

/** Returns the whole page. It needs no other file and no network. */
export function renderReport(results: readonly Result[], title: string = titleOf(results)): string {
  const script = readAsset("page.js").replace(/<\/script/gi, "<\\/script");
  const style = readAsset("page.css").replace(/<\/style/gi, "<\\/style");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<noscript>This report is drawn by a script in this file; allow it to run.</noscript>
<script type="application/json" id="data">${toInlineJson({ title, results })}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Writes results as one page. @throws {RunError} if the file cannot be written. */
export function writeReport(results: readonly Result[], file: string, title?: string): void {
  const page = renderReport(results, title);
  try {
    writeFileSync(file, page);
  } catch (error) {
    throw new RunError(`cannot write ${file}: ${(error as Error).message}`);
  }
}
