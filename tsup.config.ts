import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: "esm",
  target: "es2022",
  platform: "neutral",
  dts: false,
  clean: true,
  splitting: false,
  esbuildOptions(options) {
    options.minifySyntax = true;
  },
  plugins: [
    {
      // Relations between constants are asserted where the sources are loaded, by the tests; the
      // bundle's constants cannot be others.
      name: "drop-static-asserts",
      renderChunk(code) {
        return { code: code.replace(/^staticAssert\([\s\S]*?\);$/gm, "") };
      },
    },
    {
      // esbuild turns a bundled module's top-level `const` into `var`, which V8 must load and check
      // on every use; a `const` it puts into machine code as an immediate.
      name: "top-level-const",
      renderChunk(code) {
        return { code: code.replace(/^var (?=[\w$]+ = )/gm, "const ") };
      },
    },
  ],
});
