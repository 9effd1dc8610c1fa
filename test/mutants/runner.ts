/*
 * A process that runs tests in a copy of the project again and again, so that only what has changed
 * is transformed anew. It takes one request as a message, answers by one, and is killed if a
 * mutant hangs.
 */
import { join } from "node:path";
import type { TestCase, TestModule, TestSpecification } from "vitest/node";
import { BaseSequencer, createVitest } from "vitest/node";

export interface Request {
  /** The files that have changed since the last request. */
  readonly changed: readonly string[];
  /** Files and folders of tests. */
  readonly tests: readonly string[];
  /** How many milliseconds each file of tests took before; files that took less come first. */
  readonly msOf: Readonly<Record<string, number>>;
}

/** Says which file of tests begins, between a request and its answer. */
export interface Begun {
  readonly begun: string;
}

export interface Answer {
  readonly hasPassed: boolean;
  /** The first test that failed, if one did. */
  readonly failedTest: string;
  /** How many milliseconds each file of tests took. */
  readonly msOf: Readonly<Record<string, number>>;
}

const folder = process.cwd();
let before: Request["msOf"] = {};

function toFile({ moduleId }: { readonly moduleId: string }): string {
  return moduleId.replace(`${folder}/`, "");
}

/** The first test that fails ends the run, so those that take least come first. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const ms = (file: TestSpecification): number => before[toFile(file)] ?? 0;
    return [...files].sort((left, right) => ms(left) - ms(right));
  }
}

function failedTestOf(modules: readonly TestModule[]): string {
  for (const module of modules) {
    const file = toFile(module);
    const [failed] = module.children.allTests("failed") as Iterable<TestCase>;
    if (failed !== undefined) return `${file}: ${failed.fullName}`;
    if (module.errors().length > 0) return file;
  }
  return "";
}

const vitest = await createVitest("test", {
  watch: false,
  bail: 1,
  maxWorkers: 1,
  reporters: [{ onTestModuleStart: (module) => void process.send?.({ begun: toFile(module) }) }],
  sequence: { sequencer: QuickestFirst },
});

async function run({ changed, tests, msOf }: Request): Promise<Answer> {
  before = msOf;
  for (const file of changed) vitest.invalidateFile(join(folder, file));
  // What failed before would count as this run's.
  vitest.state.idMap.clear();
  vitest.state.filesMap.clear();
  const found = await vitest.globTestSpecifications([...tests]);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(found);
  const hasPassed = unhandledErrors.length === 0 && testModules.every((module) => module.ok());
  const taken = testModules.map((module) => [toFile(module), module.diagnostic().duration]);
  return { hasPassed, failedTest: failedTestOf(testModules), msOf: Object.fromEntries(taken) };
}

process.on("message", (request: Request) => {
  run(request).then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
