import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { FLOOR } from "./floor.js";
import type { HeapModule } from "./heap.js";
import { type Subject, SubjectMissing } from "./subject.js";
import { buildFolderOf, SHARED_BUILD_PREFIX } from "./table.js";

/** Loads `index.js` of another build, from the folder of the package or the file itself. */
async function importBuild(path: string): Promise<HeapModule> {
  const folder = resolve(path);
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
      return await createBuild(name);
  }
}

async function createBuild(name: string): Promise<unknown> {
  const folder = buildFolderOf(name);
  if (folder === undefined) throw new Error(`${name} is no subject in JavaScript or wasm`);
  const { createHeapSubject, createSharedHeapSubject } = await import("./heap.js");
  const create = name.startsWith(SHARED_BUILD_PREFIX) ? createSharedHeapSubject : createHeapSubject;
  return create(await importBuild(folder));
}
