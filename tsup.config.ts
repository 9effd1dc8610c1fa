import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { defineConfig, type Options } from "tsup";
import { joinSource } from "./bench/native/join.js";
import { topLevelConst } from "./scripts/topLevelConst.js";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** What stands above the core uses the shipped core, as a program does: no second copy. */
const shippedCore: Plugin = {
  name: "shipped-core",
  setup(build) {
    build.onResolve({ filter: /^(\.\.\/)+(src\/)?index\.js$/ }, () => ({
      path: "./index.js",
      external: true,
    }));
    build.onResolve({ filter: /^\.\.\/(buffers|codec)\/index\.js$/ }, ({ path }) => ({
      path: `./${path.split("/")[1]}.js`,
      external: true,
    }));
  },
};

const constants: NonNullable<Options["plugins"]>[number] = {
  name: "top-level-const",
  renderChunk: (code) => ({ code: topLevelConst(code) }),
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
    entry: { index: "src/index.ts", trace: "src/trace/index.ts" },
    platform: "neutral",
    splitting: false,
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
    entry: { buffers: "src/buffers/index.ts", codec: "src/codec/index.ts" },
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
