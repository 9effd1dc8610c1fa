import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFileBytes, readFileChunks, writeFileBytes } from "../../../src/node/index.js";
import { expectNothingLeft, newPool, pattern } from "./help.js";

const folder = mkdtempSync(join(tmpdir(), "hakmem-files-"));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, "file");

describe("files", () => {
  it.each([0, 1, 65_536, 200_001])("of %i bytes are read whole and in chunks", async (length) => {
    const { heap, pool } = newPool();
    writeFileSync(path, pattern(length));
    const whole = await readFileBytes(path, pool);
    expect(whole.length).toBe(length);
    expect(whole.equals(pattern(length))).toBe(true);
    whole.release();
    const chunks: Buffer[] = [];
    for await (const chunk of readFileChunks(path, pool, 4096)) {
      chunks.push(Buffer.from(chunk.toUnshared()));
      chunk.release();
    }
    expect(Buffer.concat(chunks).equals(pattern(length))).toBe(true);
    await expectNothingLeft(heap);
  });

  it("of unknown size are read to their end", async () => {
    const { heap, pool } = newPool();
    const bytes = await readFileBytes("/proc/self/smaps", pool);
    expect(bytes.toString()).toMatch(/^[0-9a-f]+-[0-9a-f]+ [\s\S]*VmFlags/);
    bytes.release();
    await expectNothingLeft(heap);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 40])("are not read in chunks of %d bytes", async (size) => {
    const { heap, pool } = newPool();
    writeFileSync(path, pattern(10));
    const reading = readFileChunks(path, pool, size).next();
    await expect(reading).rejects.toMatchObject({ code: "ERR_OUT_OF_RANGE" });
    await expectNothingLeft(heap);
  });

  it("are written from chains, which the caller still releases", async () => {
    const { heap, pool } = newPool();
    const [first, second] = [pool.from(pattern(70_000)), pool.from(pattern(5, 3))] as const;
    const chain = first.concat(second);
    await writeFileBytes(path, chain);
    expect(readFileSync(path).equals(Buffer.concat([pattern(70_000), pattern(5, 3)]))).toBe(true);
    for (const bytes of [first, second, chain]) bytes.release();
    await expectNothingLeft(heap);
  });

  it("leave nothing behind if they are missing or too large, or if the reader stops", async () => {
    const { heap, pool } = newPool(2 ** 20);
    await expect(readFileBytes(join(folder, "none"), pool)).rejects.toThrow(/ENOENT/);
    await expect(readFileBytes(folder, pool)).rejects.toThrow();
    writeFileSync(path, Buffer.alloc(2 ** 21));
    await expect(readFileBytes(path, pool)).rejects.toMatchObject({ code: "ERR_INVALID_SIZE" });
    for await (const chunk of readFileChunks(path, pool)) {
      chunk.release();
      break;
    }
    await expectNothingLeft(heap);
  });
});
