import { writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { defineConfig, type Options } from "tsup";
import { joinSource } from "./bench/native/join.js";
import { classNames, topLevelConst } from "./scripts/topLevelConst.js";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Sources that are shipped as files of their own, and the names of these files in dist. */
const SHIPPED: Readonly<Record<string, string>> = {
  "src/index.js": "index.js",
  "src/buffers/index.js": "buffers.js",
  "src/buffers/internal.js": "internal/buffers.js",
  "src/codec/index.js": "codec.js",
};

/**
 * What stands above a shipped file imports it, as a program does: no class exists twice. `dist` is
 * the way to that folder from the file that is built.
 */
function importShipped(dist: string): Plugin {
  return {
    name: "import-shipped",
    setup(build) {
      build.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path, resolveDir }) => {
        const source = relative(process.cwd(), resolve(resolveDir, path)).replaceAll("\\", "/");
        const file = SHIPPED[source];
        return file === undefined ? null : { path: `${dist}${file}`, external: true };
      });
    },
  };
}

const shippedCore = importShipped("./");

/** The layout's fingerprint is computed when the core is built, and shipped as a number. */
const shippedFingerprint: Plugin = {
  name: "shipped-fingerprint",
  setup(build) {
    build.onLoad({ filter: /[\\/]layout[\\/]fingerprint\.ts$/ }, async ({ path }) => {
      const { outputFiles } = await build.esbuild.build({
        entryPoints: [path],
        bundle: true,
        format: "esm",
        write: false,
      });
      const [{ text = "" } = {}] = outputFiles;
      const { FINGERPRINT } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
      return { contents: `export const FINGERPRINT = ${FINGERPRINT};`, loader: "ts" };
    });
  },
};

const constants: NonNullable<Options["plugins"]>[number] = {
  name: "top-level-const",
  renderChunk: (code) => ({ code: classNames(topLevelConst(code)) }),
};

const common: Options = {
  format: "esm",
  target: "es2022",
  dts: false,
  outDir: "dist",
};

export default defineConfig([
  {
    ...common,
    entry: { index: "src/index.ts" },
    platform: "neutral",
    splitting: false,
    esbuildPlugins: [shippedFingerprint],
    esbuildOptions(options) {
      options.minifySyntax = true;
    },
    plugins: [
      {
        // The seam to Atomics costs nothing here: see src/base/sync.ts.
        name: "inline-sync",
        renderChunk(code) {
          const direct = code
            .replace(/^(?:var|const|let) sync = \{[\s\S]*?^\};\n/m, "")
            .replace(/\bsync\.track\(/g, "(")
            .replace(/\bsync\.(?=\w+\()/g, "Atomics.");
          if (/\bsync\b(?!\.ts)/.test(direct)) throw new Error("the bundle still uses the seam");
          return { code: direct };
        },
      },
      {
        // Relations between constants are asserted where the sources are loaded, by the tests; the
        // bundle's constants cannot be others.
        name: "drop-static-asserts",
        renderChunk(code) {
          return { code: code.replace(/^staticAssert\([\s\S]*?\);$/gm, "") };
        },
      },
      constants,
    ],
  },
  {
    ...common,
    entry: { "internal/buffers": "src/buffers/internal.ts" },
    platform: "neutral",
    splitting: false,
    esbuildPlugins: [importShipped("../")],
    plugins: [constants],
  },
  {
    ...common,
    entry: {
      buffers: "src/buffers/index.ts",
      codec: "src/codec/index.ts",
      trace: "src/trace/index.ts",
    },
    platform: "neutral",
    splitting: false,
    esbuildPlugins: [shippedCore],
    plugins: [constants],
  },
  {
    ...common,
    entry: { node: "src/node/index.ts" },
    platform: "node",
    splitting: false,
    esbuildPlugins: [shippedCore],
    plugins: [constants],
  },
  {
    ...common,
    entry: {
      cli: "bench/command/main.ts",
      subject: "bench/subject/main.ts",
      preload: "bench/record/preload.ts",
    },
    platform: "node",
    splitting: true,
    // The command's libraries are bundled, so that installing the allocator installs nothing else.
    noExternal: [/^(commander|console-table-printer|simple-statistics|yocto-spinner)/],
    // Some of them are CommonJS and ask for Node's modules by `require`.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    esbuildPlugins: [shippedCore],
    esbuildOptions(options) {
      options.chunkNames = "chunk-[hash]";
      options.legalComments = "inline";
    },
    async onSuccess() {
      const source = pathToFileURL("bench/native/subject.c");
      writeFileSync("dist/subject.c", joinSource(source));
    },
  },
  {
    ...common,
    entry: { page: "bench/report/page/main.ts" },
    format: "iife",
    platform: "browser",
    minify: true,
    outExtension: () => ({ js: ".js" }),
    noExternal: ["uplot"],
  },
]);
