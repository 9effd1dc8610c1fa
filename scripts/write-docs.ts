/**
 * Writes what the docs say of options, errors, workloads and rivals, from the tables that the code
 * uses: docs/OPTIONS.md, and the marked parts of docs/ERRORS.md and docs/CLI.md. `--check` only
 * compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { SUBJECTS } from "../bench/rivals/table.js";
import { WORKLOADS } from "../bench/workloads/table.js";
import { ERRORS } from "../src/base/errors.js";
import { OPTION_SENTENCES, OPTION_TABLE } from "../src/config/options.js";

const OPTIONS_HEAD = `# Options

Options are given to \`Heap.create\` or \`Heap.over\`, or come from the environment by
\`Heap.create(optionsFromEnv(process.env))\`. They are read once, when the heap is created, and kept
in its image. An unknown \`HAKMEM_*\` variable or a malformed value is \`ERR_INVALID_OPTION\`.

The words of the table:

- *Class*: one of the sizes that blocks have. A request takes a block of the next larger class.
- *Front cache*: freed blocks of each class, which the next \`malloc\` of the class takes again.
- *SLL*: the singly linked list of freed blocks that did not fit the front cache.
- *Slab*: 64 KiB, cut into blocks of one class.
- *Drain*: return cached blocks to their slabs, so that a slab without live blocks serves any size.
- *Refill*: take blocks of one slab into the front cache, for a class that has none there.
- *Tiny*, *pool tier*: sizes to 1 KiB, and from there to 32 KiB.

| option | variable | default | takes | |
| :--- | :--- | ---: | :--- | :--- |
`;

const rows = OPTION_TABLE.map(({ name, env, type, default: fallback, unit, min, max }) => {
  const takes = type === "switch" ? "0 or 1" : `${min} to ${max} ${unit}`;
  return `| \`${name}\` | \`${env}\` | ${fallback} | ${takes} | ${OPTION_SENTENCES[name]} |`;
});
const workloads = [
  "| workload | arguments and defaults | stands for |",
  "| :--- | :--- | :--- |",
  ...WORKLOADS.map(({ name, parameters, sentence }) => {
    const values = parameters.map((parameter) => `${parameter.name}=${parameter.default}`);
    return `| \`${name}\` | \`${values.join(" ")}\` | ${sentence} |`;
  }),
  "| `replay` | `TRACE` | A recorded trace, `.hkt` or `.hkt.gz`: see [record](#record). |",
].join("\n");

const rivals = [
  "| rival | what it is | needs |",
  "| :--- | :--- | :--- |",
  ...SUBJECTS.filter(({ kind }) => kind !== "heap").map(({ name, title, install }) => {
    return `| \`${name}\` | ${title} | ${install === undefined ? "" : `\`${install}\``} |`;
  }),
].join("\n");

const errors = [
  "| code | class | when |",
  "| :--- | :--- | :--- |",
  ...Object.entries(ERRORS).flatMap(([name, codes]) =>
    Object.entries(codes).map(([code, when]) => `| \`${code}\` | \`${name}\` | ${when} |`),
  ),
].join("\n");

/** Returns a page with a table between its marks. Without the marks nothing would be written. */
function fillIn(file: string, page: string, mark: string, table: string): string {
  const pattern = new RegExp(`(<!-- ${mark} -->\n)[\\s\\S]*?(<!-- end -->)`);
  if (!pattern.test(page)) {
    throw new Error(`${file} has no "<!-- ${mark} -->" with "<!-- end -->" after it`);
  }
  return page.replace(pattern, (_, start: string, end: string) => `${start}${table}\n${end}`);
}

const OPTIONS_TAIL = "In code a switch takes `true` or `false`.\n";
const CLI = "docs/CLI.md";
const ERROR_PAGE = "docs/ERRORS.md";
const pages: Record<string, string> = {
  "docs/OPTIONS.md": `${OPTIONS_HEAD}${rows.join("\n")}\n\n${OPTIONS_TAIL}`,
  [ERROR_PAGE]: fillIn(ERROR_PAGE, readFileSync(ERROR_PAGE, "utf8"), "errors", errors),
  [CLI]: fillIn(
    CLI,
    fillIn(CLI, readFileSync(CLI, "utf8"), "workloads", workloads),
    "rivals",
    rivals,
  ),
};
for (const [file, page] of Object.entries(pages)) {
  if (!process.argv.includes("--check")) writeFileSync(file, page);
  else if (readFileSync(file, "utf8") !== page) {
    console.error(`${file} is not what the tables say; run npm run docs`);
    process.exitCode = 1;
  }
}
