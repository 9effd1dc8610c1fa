/** The tight loops of bench:shared, in JavaScript and in C, each in a process of its own. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { buildSync } from "esbuild";
import type { Skipped } from "../../base/results.js";
import { writeScript } from "../../measure/scriptFile.js";
import type { SubjectCommand } from "../../measure/subjectProcess.js";
import { Subjects } from "../../measure/subjects.js";
import { joinSource } from "../../native/join.js";
import { compile } from "../../rivals/native.js";
import { cell, printRows } from "../../term/table.js";
import { buildBatches } from "../../workloads/tinyHot.js";
import { buildProcesses } from "../build.js";
import { measureRates, type RatedCommand, type SharedRun } from "./rates.js";
import { BLOCK_BYTES, type MemoryKind, type Mode } from "./ringShared.js";

const FOLDER = "build/studies/shared";
const PEER_FILE = "node_modules/@daneren2005/shared-memory-objects/src/memory-buffer.ts";
const PAIR_BATCH = 256;
/** Batches of one run. */
const PAIR_BATCHES = 64;

export function buildLoops(): void {
  buildProcesses(
    FOLDER,
    ["ringProcess", "ringWorker"].map((name) => `bench/studies/shared/${name}.ts`),
  );
}

/** Returns the ring in C, which is compiled only where native subjects can be. */
async function buildRing(): Promise<string> {
  return await compile("xmalloc", joinSource(new URL("../../native/xmalloc.c", import.meta.url)));
}

/** Bundles the peer from the folder where npm installed it. */
export function buildPeer(folder: string): void {
  const file = resolve(folder, PEER_FILE);
  if (!existsSync(file)) throw new Error(`--peer is ${folder}; there is no ${PEER_FILE} in it`);
  buildSync({
    entryPoints: { peer: file },
    outdir: FOLDER,
    bundle: true,
    format: "esm",
    platform: "node",
  });
}

/** Returns how loops on real workers are started. */
function loopCommand(name: string, mode: Mode, kind: MemoryKind, workers = 1): SubjectCommand {
  const args = [`${FOLDER}/ringProcess.js`, mode, kind, String(workers)];
  return { name, program: process.execPath, args, env: process.env };
}

/** What a row of a table shows: its text, the name of its figures, and the ratio asked for. */
type Row = readonly [text: string, name: string, asked?: string];

/** Returns the subjects of the case "remote pipe", and why some are missing. */
export async function remoteCommands(
  peer: string | undefined,
): Promise<{ commands: RatedCommand[]; skipped: readonly Skipped[] }> {
  const modes = ["pipe", "pair"] as const;
  const peers = modes.map((mode) => loopCommand(`remote peer ${mode}`, mode, "peer"));
  // In C, one thread that does both is the process of all native subjects, with its batch loop.
  const file = resolve(FOLDER, "pair.script");
  writeScript(file, buildBatches("oldest-first", BLOCK_BYTES, PAIR_BATCH, PAIR_BATCHES));
  const natives = await Subjects.find(["mimalloc", "glibc"]);
  const found = natives.commandsFor(file, {});
  const ring = found.length === 0 ? "" : await buildRing();
  const commands = [
    ...modes.map((mode) => loopCommand(`remote ${mode}`, mode, "heap")),
    loopCommand("remote ring", "pipe", "none"),
    ...(peer === undefined ? [] : peers),
    ...found.flatMap(({ name, command }): RatedCommand[] => [
      { name: `remote ${name} pipe`, program: ring, args: [], env: command.env },
      { ...command, name: `remote ${name} pair`, eventsPerOperation: 2 },
    ]),
  ];
  return { commands, skipped: natives.skipped };
}

/** Returns the subjects of the case "two churn". */
export function twoCommands(): SubjectCommand[] {
  return [
    loopCommand("two one", "churn", "heap", 1),
    loopCommand("two two", "churn", "heap", 2),
    loopCommand("two apart", "churn", "heaps", 2),
  ];
}

/** Measures a producer and a consumer beside one worker that does both, and beside rivals. */
export async function measureRemote(run: SharedRun, peer: string | undefined): Promise<void> {
  const { commands, skipped } = await remoteCommands(peer);
  await measureRates(commands, 2, run);
  const rows: readonly Row[] = [
    ["SharedHeap, producer to consumer", "pipe"],
    ["SharedHeap, one worker, batches of 256", "pair", "0.5"],
    ["the ring alone", "ring"],
    ["shared-memory-objects, producer to consumer", "peer pipe", "20"],
    ["shared-memory-objects, one worker", "peer pair"],
    ["mimalloc, two threads", "mimalloc pipe", "0.5"],
    ["mimalloc, one thread", "mimalloc pair"],
    ["glibc, two threads", "glibc pipe"],
    ["glibc, one thread", "glibc pair"],
  ];
  const { figures } = run;
  printRows(
    "Remote free: a producer, a consumer, blocks of 64 B; millions of blocks per second",
    ["", "rate", "remote / it", "asked"],
    rows.map(([text, name, asked = ""]) => [
      text,
      cell(figures.middle(`remote ${name}`)),
      `${cell(figures.ratio("remote pipe", `remote ${name}`))}×`,
      asked,
    ]),
  );
  for (const { name, reason } of skipped) console.log(`\nSkipped ${name}: ${reason}`);
  if (peer !== undefined) return;
  console.log(
    "\nThe peer is measured with --peer DIR, after: " +
      "npm install --prefix DIR @daneren2005/shared-memory-objects@0.0.4",
  );
}

/** Measures two workers that have nothing to do with each other: in one heap, and apart. */
export async function measureTwo(run: SharedRun): Promise<void> {
  await measureRates(twoCommands(), 2, run);
  const rows: readonly Row[] = [
    ["one worker", "one"],
    ["two workers of one heap", "two", "1.8"],
    ["two workers, a heap each (the machine's limit)", "apart"],
  ];
  const { figures } = run;
  printRows(
    "Independent churn, 256 slots of 16..1039 B; millions of operations per second",
    ["", "rate", "to one worker", "asked"],
    rows.map(([text, name, asked = ""]) => [
      text,
      cell(figures.middle(`two ${name}`)),
      `${cell(figures.ratio(`two ${name}`, "two one"))}×`,
      asked,
    ]),
  );
}
