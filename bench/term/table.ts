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
