import { Table } from "console-table-printer";

export interface Column {
  readonly name: string;
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Prints a table: boxes on a terminal, Markdown in a pipe or file, ready to be pasted. */
export function printTable(
  columns: readonly Column[],
  rows: readonly Record<string, string>[],
): void {
  if (process.stdout.isTTY) {
    // The library colours every cell white, whatever the terminal's background and NO_COLOR say.
    const table = new Table({
      shouldDisableColors: true,
      columns: columns.map(({ name, title, align }) => ({
        name,
        title,
        alignment: align ?? "right",
      })),
    });
    for (const row of rows) table.addRow(row);
    table.printTable();
    return;
  }
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  console.log(line(columns.map(({ title }) => title)));
  console.log(line(columns.map(({ align }) => (align === "left" ? ":---" : "---:"))));
  for (const row of rows) console.log(line(columns.map(({ name }) => row[name] ?? "")));
}

/** Prints rows of cells under a title; nothing where there are none. The first column is text. */
export function printRows(
  title: string,
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  if (rows.length === 0) return;
  console.log(`\n${title}\n`);
  const columns = titles.map((text, index): Column => {
    return { name: String(index), title: text, align: index === 0 ? "left" : "right" };
  });
  printTable(
    columns,
    rows.map((row) => Object.fromEntries(row.map((cell, index) => [String(index), cell]))),
  );
}

/** Returns a figure as a table's cell: a dash where it was not measured. */
export function cell(value: number, digits = 2): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}
