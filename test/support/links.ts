import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Returns a page's text without its fenced examples. */
function proseOf(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "");
}

/** Returns the anchors of a page's headings, named as GitHub names them. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of proseOf(text).matchAll(/^#+ (.+)$/gm)) {
    const shown = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = shown.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    let anchor = slug;
    for (let twin = 1; anchors.has(anchor); twin++) anchor = `${slug}-${twin}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Returns the relative links of a page, as written. */
export function linksOf(text: string): string[] {
  const spans = proseOf(text).replace(/`[^`\n]*`/g, "");
  const links = [...spans.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

/** Returns the links of a page that lead to no file, or to no heading of that file. */
export function brokenLinks(page: string): string[] {
  return linksOf(readFileSync(page, "utf8")).filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).has(anchor);
  });
}
