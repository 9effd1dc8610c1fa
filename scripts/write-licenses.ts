/**
 * Writes dist/LICENSES.txt: the notices of the libraries that are bundled into the command and its
 * report page. Which those are, the bundles' own comments say; the page is minified and has none.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const PAGE_LIBRARIES = ["uplot"];

const bundles = readdirSync("dist").filter((name) => name.endsWith(".js"));
const names = new Set(PAGE_LIBRARIES);
for (const bundle of bundles) {
  const comments = readFileSync(`dist/${bundle}`, "utf8").matchAll(
    /^\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm,
  );
  for (const [, name = ""] of comments) names.add(name);
}

function noticeOf(name: string): string {
  const folder = `node_modules/${name}`;
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as {
    version: string;
    license: string;
  };
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  if (file === undefined) throw new Error(`${name} is bundled and has no licence file`);
  const text = readFileSync(`${folder}/${file}`, "utf8").trim();
  return `${name} ${manifest.version} (${manifest.license})\n\n${text}\n`;
}

const notices = [...names].sort().map(noticeOf);
writeFileSync("dist/LICENSES.txt", notices.join(`\n${"-".repeat(72)}\n\n`));
console.log(`licences: ${[...names].sort().join(", ")}`);
