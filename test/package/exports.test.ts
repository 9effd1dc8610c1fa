import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

/** What each entry of the package gives a program: values, which exist at run time, and types. */
const ENTRIES: Readonly<Record<string, { values: string; types: string }>> = {
  ".": {
    values:
      "BufferError Heap HeapError NULL OPTION_SENTENCES OPTION_TABLE SharedHeap TraceError " +
      "optionsFromEnv",
    types:
      "BlockInfo BlockState BufferErrorCode ClassStats Counted FrontStats Guarded HeapErrorCode " +
      "HeapMemory HeapOptions HeapStats OptionRow Ptr PtrArray PtrKind Recovered " +
      "SharedHeapOptions SharedHeapStats Signal Tier WorkerStats",
  },
  "./buffers": {
    values: "BufferError BufferPool Bytes BytesPool",
    types:
      "BufferData BufferErrorCode BufferPoolOptions ByteHeap BytesEncoding BytesPattern " +
      "BytesPoolOptions BytesSummary Leak LeakDetection",
  },
  "./codec": {
    values:
      "DelimiterFramer FixedFramer Framer LengthFieldFramer OPCODE Reader WebSocketFrame " +
      "WebSocketFramer WebSocketMessage WebSocketMessageFramer Writer align bits boolean bytes " +
      "bytesPrefixed bytesRest constant crc32 crc32c encodeClose encodeFrame enumerated f32be " +
      "f32le f64be f64le flag framerOf i16be i16le i24be i24le i32be i32le i64be i64beNumber " +
      "i64le i64leNumber i8 int32 int64 int64Number latin1 lazy mapped padding quic quic64 ref " +
      "repeated repeatedUntilEnd sized sleb32 sleb64 sleb64Number slice struct tagged u16be " +
      "u16le u24be u24le u32be u32le u64be u64beNumber u64le u64leNumber u8 union utf16le utf8 " +
      "utf8Prefixed utf8Rest utf8Terminated varint32 varint64 varint64Number when zigzag32 " +
      "zigzag64 zigzag64Number",
    types:
      "AnyField Cases ChoiceOptions CustomFramerOptions DelimiterOptions Description Field " +
      "FrameFinder FrameHeader FrameScanner FrameStream FramerOptions Infer InferInput Length " +
      "LengthFieldOptions LengthOptions LengthPrefix ReaderOptions Ref Releasable Silent " +
      "SliceOf SourceOf Struct StructOptions Tagged TaggedInput UnionField " +
      "WebSocketMessageOptions WebSocketOptions WriterOptions",
  },
  "./node": {
    values:
      "NodeBufferPool acceptWebSocket bytesOf connect duplexOf framesOf readBytes readFileBytes " +
      "readFileChunks readInto serve writeAndFree writeBytes writeFileBytes writeThen",
    types:
      "BytesSocket Connection ReadTarget ServeOptions Service WebSocketAcceptOptions " +
      "WebSocketConnection",
  },
  "./trace": {
    values: "TraceError decodeTrace encodeTrace recorder",
    types: "RecordableHeap RecorderOptions Recording Trace",
  },
};

/** Files that a program gets with these entries, directly or through them. */
const LIBRARY = ["index", "buffers", "internal/buffers", "codec", "node", "trace"];

interface Manifest {
  readonly exports: Readonly<Record<string, string | { types: string; default: string }>>;
}

function filesOf(entry: string): { types: string; default: string } {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  const files = exports[entry];
  if (typeof files !== "object") throw new Error(`no files for ${entry}`);
  return files;
}

/** The names that a declaration file exports. It may have lists of them and nothing else. */
function declaredNames(file: string): { values: string[]; types: string[] } {
  const text = readFileSync(file, "utf8");
  const list = /^export (type )?\{([^}]*)\} from "[^"]+";\n/gm;
  expect(text.replace(list, ""), file).toBe("");
  const names = [...text.matchAll(list)].flatMap(([, type = "", inner = ""]) =>
    inner
      .split(",")
      .map((name) => `${type}${name.trim()}`)
      .filter((name) => name.trim() !== "" && name !== "type "),
  );
  const types = names.filter((name) => name.startsWith("type "));
  return {
    values: names.filter((name) => !name.startsWith("type ")).sort(),
    types: types.map((name) => name.replaceAll("type ", "")).sort(),
  };
}

it("the package has these entries", () => {
  const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as Manifest;
  expect(Object.keys(exports)).toEqual([...Object.keys(ENTRIES), "./package.json"]);
});

describe.each(Object.entries(ENTRIES))("%s", (entry, expected) => {
  const values = expected.values.split(" ");
  it("exports these names and nothing internal", async () => {
    const file = pathToFileURL(filesOf(entry).default).href;
    const module = (await import(file)) as Record<string, unknown>;
    expect(Object.keys(module).sort()).toEqual(values);
  });
  it("declares the same names, and these types", () => {
    expect(declaredNames(filesOf(entry).types)).toEqual({
      values,
      types: expected.types.split(" "),
    });
  });
});

it("no class exists in two files", () => {
  const classes = LIBRARY.flatMap((name) => {
    const text = readFileSync(`dist/${name}.js`, "utf8");
    return [...text.matchAll(/\bclass (\w+)|(\w+) = class\b/g)].map(([, a, b]) => a ?? b);
  });
  expect(classes).toContain("HeapError");
  expect(classes).toContain("Bytes");
  expect(classes.filter((name, index) => classes.indexOf(name) !== index)).toEqual([]);
});
