import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FLOOR } from "./floor.js";
import type { HeapModule } from "./heap.js";
import { type Subject, SubjectMissing } from "./subject.js";
import { BUILD_PREFIX } from "./table.js";

/** Loads `index.js` of another build, whose name has the folder of the package or the file. */
async function importBuild(name: string): Promise<HeapModule> {
  const folder = resolve(name.slice(BUILD_PREFIX.length));
  const files = ["dist/index.js", "index.js", ""].map((file) => join(folder, file));
  const file = files.find((one) => existsSync(one) && statSync(one).isFile());
  if (file === undefined) throw new SubjectMissing(`there is no dist/index.js in ${folder}`);
  return (await import(pathToFileURL(file).href)) as HeapModule;
}

/**
 * Returns a subject in JavaScript or wasm. Only the subject that is wanted is imported, so that its
 * process loads no other.
 * @throws {SubjectMissing} if what it needs is not installed.
 */
export async function createSubject(name: string): Promise<Subject<unknown>> {
  return (await create(name)) as Subject<unknown>;
}

async function create(name: string): Promise<unknown> {
  switch (name) {
    case "hakmem":
      return (await import("./heap.js")).createHeapSubject(await import("../../src/index.js"));
    case "hakmem-shared":
      return (await import("./heap.js")).createSharedHeapSubject(
        await import("../../src/index.js"),
      );
    case FLOOR:
      return (await import("./floor.js")).createFloor();
    case "buffer":
      return (await import("./views.js")).createBuffers(8 * 1024);
    case "buffer-64k":
      return (await import("./views.js")).createBuffers(64 * 1024);
    case "uint8array":
      return (await import("./views.js")).createUint8Arrays();
    case "typedarray-pool":
      return await (await import("./views.js")).createTypedarrayPool();
    case "thi.ng":
      return await (await import("./linear.js")).createThiNg();
    case "malloc":
      return await (await import("./linear.js")).createCodemix();
    case "tlsf":
      return await (await import("./linear.js")).createTlsf();
    case "dlmalloc":
      return await (await import("./linear.js")).createDlmalloc();
    default:
      if (name.startsWith(BUILD_PREFIX)) {
        return (await import("./heap.js")).createHeapSubject(await importBuild(name));
      }
      throw new Error(`${name} is no subject in JavaScript or wasm`);
  }
}
