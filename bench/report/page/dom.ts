export type Child = Node | string | null;

/** Texts enter the page as text nodes only: data cannot become markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export interface Column<Row> {
  readonly title: string;
  readonly isText?: boolean;
  cell(row: Row): string;
}

/** A table in a box of its own to scroll in; the first column heads the rows. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  classOf: (row: Row) => string = () => "",
): HTMLElement {
  const head = columns.map(({ title, isText }, at) =>
    element("th", { scope: "col", class: isText || at === 0 ? "text" : "" }, title),
  );
  const body = rows.map((row) => {
    const cells = columns.map(({ cell, isText }, at) =>
      at === 0
        ? element("th", { scope: "row" }, cell(row))
        : element("td", { class: isText ? "text" : "" }, cell(row)),
    );
    return element("tr", { class: classOf(row) }, ...cells);
  });
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head)),
      element("tbody", {}, ...body),
    ),
  );
}

/** Names and values, in one line where they fit. */
export function facts(pairs: readonly (readonly [name: string, value: string])[]): HTMLElement {
  const items = pairs.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value)),
  );
  return element("dl", { class: "facts" }, ...items);
}

/** A heading over a part of a section; null if nothing is under it. */
export function part(title: string, ...children: readonly Child[]): HTMLElement | null {
  if (children.every((child) => child === null)) return null;
  return element("div", { class: "part" }, element("h3", {}, title), ...children);
}

export function notes(kind: "caution" | "note", lines: readonly string[]): HTMLElement | null {
  if (lines.length === 0) return null;
  return element("ul", { class: `notes ${kind}` }, ...lines.map((line) => element("li", {}, line)));
}

export function hint(text: string): HTMLElement {
  return element("p", { class: "hint" }, text);
}
