import { type ChildProcess, fork } from "node:child_process";
import { rmSync } from "node:fs";
import { copyProject } from "../support/planted.js";
import type { Answer, Begun, Request } from "./runner.js";

export type Tier = "fast" | "all";

/** What a process and a file of tests need to start, on a machine that has much else to do. */
const START_MS = 30_000;
/** What a file of tests may take that has not run yet. */
const FIRST_MS = 600_000;
/** A mutant may end the process, which is as good as a test that fails. */
const BROKEN_DOWN: Answer = { hasPassed: false, failedTest: "the process ended", msOf: {} };

/** The tests of a copy of the project, in a process for each tier. */
export class Tests {
  readonly folder: string = copyProject();
  readonly #seed: number;
  readonly #runners = new Map<Tier, ChildProcess>();
  readonly #changed = new Map<Tier, Set<string>>();
  readonly #msOf: Record<string, number>;

  /** `msOf` has how long files of tests take, and is shared by those that run at once. */
  constructor(seed: number, msOf: Record<string, number>) {
    this.#seed = seed;
    this.#msOf = msOf;
  }

  noteChange(file: string): void {
    for (const files of this.#changed.values()) files.add(file);
  }

  /**
   * Runs tests until the first fails. Returns undefined if they take longer than they may together,
   * or if no limit is given, if one file of them takes far longer than it did before.
   */
  async run(
    tier: Tier,
    changed: string,
    tests: readonly string[],
    limitMs?: number,
  ): Promise<Answer | undefined> {
    const runner = this.#runners.get(tier) ?? (await this.#start(tier));
    if (changed !== "") this.#changed.get(tier)?.add(changed);
    const request = { changed: [...(this.#changed.get(tier) ?? [])], tests, msOf: this.#msOf };
    this.#changed.get(tier)?.clear();
    const answer = await this.#ask(runner, request, limitMs);
    if (answer === undefined) this.#kill(tier);
    if (answer === BROKEN_DOWN) this.#runners.delete(tier);
    if (answer?.hasPassed && tier === "fast") Object.assign(this.#msOf, answer.msOf);
    return answer;
  }

  #ask(runner: ChildProcess, request: Request, limitMs?: number): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        runner.removeAllListeners();
        resolve(answer);
      };
      const outOfTime = (): void => settle(undefined);
      let timer = setTimeout(outOfTime, limitMs ?? START_MS);
      runner.on("message", (message: Answer | Begun) => {
        if ("hasPassed" in message) return settle(message);
        if (limitMs !== undefined) return;
        clearTimeout(timer);
        const ms = this.#msOf[message.begun];
        timer = setTimeout(outOfTime, ms === undefined ? FIRST_MS : START_MS + 10 * ms);
      });
      runner.once("exit", () => settle(BROKEN_DOWN));
      runner.send(request);
    });
  }

  /** Ends the processes, and removes the copy. */
  end(): void {
    for (const tier of [...this.#runners.keys()]) this.#kill(tier);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #kill(tier: Tier): void {
    const pid = this.#runners.get(tier)?.pid;
    this.#runners.delete(tier);
    // It leads a group, so that its own processes end too.
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  }

  async #start(tier: Tier): Promise<ChildProcess> {
    const tierEnv = { HAKMEM_TEST_TIER: tier, HAKMEM_TEST_RUNS: "1" };
    const runner = fork("test/mutants/runner.ts", {
      cwd: this.folder,
      execArgv: ["--import", "tsx"],
      env: { ...process.env, ...tierEnv, HAKMEM_TEST_SEED: String(this.#seed) },
      stdio: "ignore",
      detached: true,
    });
    this.#runners.set(tier, runner);
    this.#changed.set(tier, new Set());
    await new Promise((resolve) => runner.once("message", resolve));
    return runner;
  }
}
