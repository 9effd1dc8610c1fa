import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";
import "./counts.js";
import { TIER, variables } from "./tier.js";

interface Row {
  passed: number;
  failed: number;
  skipped: number;
  propertyRuns: number;
  schedules: number;
}

function emptyRow(): Row {
  return { passed: 0, failed: 0, skipped: 0, propertyRuns: 0, schedules: 0 };
}

const NUMBERS = ["passed", "failed", "skipped", "propertyRuns", "schedules"] as const;

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A pattern for `-t` that matches the test by its full name alone. */
function patternOf(test: TestCase): string {
  const name = test.fullName.replaceAll(" > ", " ");
  return `^ ?${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
}

/** Tells the seed first; how to repeat what failed, what was covered, and the sums last. */
export default class Closing implements Reporter {
  onTestRunStart(): void {
    console.log(`\nTier and seed: ${variables()}\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const rows = new Map<string, Row>();
    const skipped = new Map<string, number>();
    const repeats: string[] = [];
    for (const module of modules) {
      const project = module.project.name;
      const row = rows.get(project) ?? emptyRow();
      rows.set(project, row);
      const repeat = `${variables()} npx vitest run --project ${project} ${module.relativeModuleId}`;
      if (module.errors().length > 0) {
        row.failed += module.errors().length;
        repeats.push(repeat);
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        const { counts } = test.meta();
        row.propertyRuns += counts?.propertyRuns ?? 0;
        row.schedules += counts?.schedules ?? 0;
        if (result.state === "passed") row.passed++;
        else if (result.state === "failed") {
          row.failed++;
          repeats.push(`${repeat} -t ${quote(patternOf(test))}`);
        } else {
          row.skipped++;
          const note = (result.state === "skipped" && result.note) || "see the file";
          const why = `${module.relativeModuleId}: ${note}`;
          skipped.set(why, (skipped.get(why) ?? 0) + 1);
        }
      }
    }
    this.printRepeats(repeats);
    for (const [why, times] of skipped) console.log(`${times} skipped, ${why}`);
    this.printSums(rows, errors.length);
  }

  private printRepeats(repeats: readonly string[]): void {
    if (repeats.length === 0) return;
    console.log("To repeat what failed:");
    for (const line of repeats) console.log(`  ${line}`);
    console.log("");
  }

  private printSums(rows: ReadonlyMap<string, Row>, otherErrors: number): void {
    const sum = emptyRow();
    const table = [["project", "tests", "property runs", "schedules"]];
    for (const [name, row] of rows) {
      for (const key of NUMBERS) sum[key] += row[key];
      table.push(cellsOf(name, row));
    }
    table.push(cellsOf(`tier ${TIER}`, sum));
    for (const [name = "", ...numbers] of table) {
      console.log(name.padEnd(12) + numbers.map((cell) => cell.padStart(16)).join(""));
    }
    const { passed, failed, skipped } = sum;
    const rest = skipped > 0 ? `, ${skipped} skipped` : "";
    console.log(`\n${passed} passed, ${failed + otherErrors} failed${rest}`);
  }
}

function cellsOf(name: string, { passed, failed, propertyRuns, schedules }: Row): string[] {
  return [name, ...[passed + failed, propertyRuns, schedules].map((n) => n.toLocaleString("en"))];
}
