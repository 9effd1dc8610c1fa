import { realpathSync } from "node:fs";
import nodeModule from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type RecordableHeap, type Recording, recorder } from "../../src/trace/recorder.js";

const MAKERS = ["create", "over", "open", "restore"] as const;

type Maker = (...args: unknown[]) => RecordableHeap;
type HeapClass = Record<(typeof MAKERS)[number], Maker>;

/** Returns the module that `import "hakmem"` gives in the program's folder, if it has one. */
function resolveHakmem(): string | undefined {
  const here = join(process.cwd(), "here.js");
  const script = process.argv[1];
  const places: string[] = script === undefined ? [here] : [script, here];
  try {
    // A script behind a link, as in node_modules/.bin, finds its packages by its real path.
    if (script !== undefined) places.unshift(realpathSync(script));
  } catch {
    // The script lacks its extension; only the folder matters.
  }
  for (const place of places) {
    try {
      return nodeModule.createRequire(place).resolve("hakmem");
    } catch {
      // It cannot be resolved from here.
    }
  }
  return undefined;
}

function watchMakers(heapClass: HeapClass, recordings: Recording[]): void {
  // `restore` calls `open`, so the heap would be recorded twice.
  const known = new WeakSet<RecordableHeap>();
  for (const name of MAKERS) {
    const make = heapClass[name];
    const value: Maker = function (this: unknown, ...args) {
      const heap = make.apply(this, args);
      if (!known.has(heap)) {
        known.add(heap);
        recordings.push(recorder(heap));
      }
      return heap;
    };
    Object.defineProperty(heapClass, name, {
      value,
      writable: true,
      configurable: true,
    });
  }
}

/**
 * Records every heap that the program makes. The list grows as it does; it keeps no heap alive.
 * A program without hakmem has none.
 */
export async function recordHeaps(): Promise<readonly Recording[]> {
  const recordings: Recording[] = [];
  const file = resolveHakmem();
  if (file === undefined) return recordings;
  try {
    const module = (await import(pathToFileURL(file).href)) as { Heap?: HeapClass };
    if (module.Heap !== undefined) watchMakers(module.Heap, recordings);
  } catch {
    // The program will meet the same error, and say so itself.
  }
  return recordings;
}
