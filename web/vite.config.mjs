// Builds the web app into web/dist, which is committed: index.html, and assets with names that change with their content.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: folder("."),
  base: "/static/web/",
  resolve: { alias: { "@tandem/client": folder("../clients/typescript/src/index.ts") } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: folder("dist"),
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { output: { codeSplitting: false } },
  },
  server: { proxy: { "/api": { target: "http://localhost:8000", ws: true } } },
});
