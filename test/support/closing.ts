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

const NUMBERS = ["passed", "failed", "skipped", "propertyRuns", "schedules"] as const;

function emptyRow(): Row {
  return { passed: 0, failed: 0, skipped: 0, propertyRuns: 0, schedules: 0 };
}

/** Returns the options by which vitest runs a test alone. */
function selectionOf(test: TestCase): string {
  const names = [test.name];
  for (let at = test.parent; at.type === "suite"; at = at.parent) names.unshift(at.name);
  const pattern = `^ ?${names.join(" ").replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
  return `-t '${pattern.replaceAll("'", "'\\''")}'`;
}

/** Returns the command that runs a file of tests again, as it was run. */
function commandOf({ project, relativeModuleId }: TestModule): string {
  return `${variables()} npx vitest run --project ${project.name} ${relativeModuleId}`;
}

function cellsOf(name: string, { passed, failed, propertyRuns, schedules }: Row): string[] {
  return [name, ...[passed + failed, propertyRuns, schedules].map((n) => n.toLocaleString("en"))];
}

/** Tells the seed first; how to repeat what failed, what was covered, and the sums last. */
export default class Closing implements Reporter {
  private readonly rows = new Map<string, Row>();
  private readonly skipped = new Map<string, number>();
  private readonly repeats: string[] = [];

  onTestRunStart(): void {
    for (const kept of [this.rows, this.skipped]) kept.clear();
    this.repeats.length = 0;
    console.log(`\nTier and seed: ${variables()}\n`);
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    for (const module of modules) this.add(module);
    if (this.repeats.length > 0) {
      console.log(["To repeat what failed:", ...this.repeats, ""].join("\n"));
    }
    for (const [why, times] of this.skipped) console.log(`${times} skipped, ${why}`);
    this.printSums(errors.length);
  }

  private add(module: TestModule): void {
    const row = this.rows.get(module.project.name) ?? emptyRow();
    this.rows.set(module.project.name, row);
    const command = commandOf(module);
    const errors = module.errors().length;
    row.failed += errors;
    if (errors > 0) this.repeats.push(command);
    for (const test of module.children.allTests()) {
      const result = test.result();
      const { counts } = test.meta();
      row.propertyRuns += counts?.propertyRuns ?? 0;
      row.schedules += counts?.schedules ?? 0;
      if (result.state === "passed") {
        row.passed++;
      } else if (result.state === "failed") {
        row.failed++;
        this.repeats.push(`${command} ${selectionOf(test)}`);
      } else {
        row.skipped++;
        const note = result.state === "skipped" ? result.note : undefined;
        const why = `${module.relativeModuleId}: ${note ?? "by -t, or by a condition in the file"}`;
        this.skipped.set(why, (this.skipped.get(why) ?? 0) + 1);
      }
    }
  }

  /** @param otherErrors failures that are of no test. */
  private printSums(otherErrors: number): void {
    const sum = emptyRow();
    const table = [["project", "tests", "property runs", "schedules"]];
    for (const [name, row] of this.rows) {
      for (const key of NUMBERS) sum[key] += row[key];
      table.push(cellsOf(name, row));
    }
    table.push(cellsOf(`tier ${TIER}`, sum));
    for (const [name = "", ...cells] of table) {
      console.log(name.padEnd(12) + cells.map((cell) => cell.padStart(16)).join(""));
    }
    const { passed, failed, skipped } = sum;
    const rest = skipped > 0 ? `, ${skipped} skipped` : "";
    console.log(`\n${passed} passed, ${failed + otherErrors} failed${rest}`);
  }
}
