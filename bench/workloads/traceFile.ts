import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { decodeTrace } from "../../src/trace/decode.js";
import type { Trace } from "../../src/trace/format.js";
import { RunError } from "../base/session.js";

/** Reads a trace's file, compressed or not. Throws a RunError that says what is wrong with it. */
export function readTrace(file: string): Trace {
  try {
    const raw = readFileSync(file);
    return decodeTrace(raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw);
  } catch (error) {
    throw new RunError(`${file}: ${(error as Error).message}`);
  }
}
