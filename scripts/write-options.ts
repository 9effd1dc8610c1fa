/** Writes docs/OPTIONS.md from the options table. `--check` only compares. */
import { readFileSync, writeFileSync } from "node:fs";
import { OPTION_TABLE } from "../src/config/options.js";

const HEAD = `# Options

Options are given to \`Heap.create\` or \`Heap.over\`, or come from the environment by
\`Heap.create(optionsFromEnv(process.env))\`. They are read once, when the heap is created, and kept
in its image. An unknown \`HAKMEM_*\` variable or a malformed value is \`ERR_INVALID_OPTION\`.

| option | variable | default | takes | |
| :--- | :--- | ---: | :--- | :--- |
`;

const rows = OPTION_TABLE.map(
  ({ name, env, type, default: fallback, unit, min, max, sentence }) => {
    const takes = type === "switch" ? "0 or 1" : `${min} to ${max} ${unit}`;
    return `| \`${name}\` | \`${env}\` | ${fallback} | ${takes} | ${sentence} |`;
  },
);
const page = `${HEAD}${rows.join("\n")}\n\nIn code a switch takes \`true\` or \`false\`.\n`;
const file = "docs/OPTIONS.md";
if (!process.argv.includes("--check")) writeFileSync(file, page);
else if (readFileSync(file, "utf8") !== page) {
  console.error(`${file} is not what the options table says; run npm run docs`);
  process.exitCode = 1;
}
