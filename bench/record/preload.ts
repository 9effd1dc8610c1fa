/*
 * Loaded into the user's program before its own code, by `node --import`. It promises that the
 * program does what it does without it, only more slowly.
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { recordBuffers } from "./buffers.js";
import { recordHeaps } from "./heaps.js";
import { writeRecord } from "./output.js";
import { type RecordSettings, SETTINGS_VARIABLE } from "./settings.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Returns the settings and takes them out of the environment, with the option that loads this file,
 * so that processes which the program starts know nothing of the recorder.
 */
function takeSettings(): RecordSettings | undefined {
  const text = process.env[SETTINGS_VARIABLE];
  if (text === undefined || !isMainThread) return undefined;
  const settings = JSON.parse(text) as RecordSettings;
  Reflect.deleteProperty(process.env, SETTINGS_VARIABLE);
  if (settings.nodeOptions === null) Reflect.deleteProperty(process.env, "NODE_OPTIONS");
  else process.env.NODE_OPTIONS = settings.nodeOptions;
  return settings;
}

/**
 * Signals that end the program by default run no exit handlers, so the trace is written first. Our
 * handler stands only while the program has none, because libraries count the handlers to decide
 * whether the process should end.
 */
function writeOnSignal(signal: (typeof SIGNALS)[number], write: () => void): void {
  let isEnding = false;
  const end = (): void => {
    if (process.listenerCount(signal) > 1) return;
    write();
    isEnding = true;
    process.off(signal, end);
    process.kill(process.pid, signal);
  };
  process.on("newListener", (event, listener) => {
    if (event !== signal || listener === end) return;
    // Not at once, because without any handler Node stops listening.
    process.nextTick(() => {
      if (process.listenerCount(signal) > 1) process.off(signal, end);
    });
  });
  process.on("removeListener", (event) => {
    if (event === signal && !isEnding && process.listenerCount(signal) === 0) {
      process.on(signal, end);
    }
  });
  process.on(signal, end);
}

async function start(settings: RecordSettings): Promise<void> {
  const heaps = await recordHeaps();
  const buffers = recordBuffers(settings.every);
  let isWritten = false;
  const write = (): void => {
    if (isWritten) return;
    isWritten = true;
    buffers.stop();
    try {
      writeRecord(settings, heaps, buffers);
    } catch (error) {
      process.stderr.write(`hakmem record: ${(error as Error).message}\n`);
    }
  };
  process.on("exit", write);
  for (const signal of SIGNALS) writeOnSignal(signal, write);
}

const settings = takeSettings();
if (settings !== undefined) await start(settings);
