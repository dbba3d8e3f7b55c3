import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

const repository = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The page is served below /console/ by every cell; the file names carry a digest of their content. */
export default defineConfig({
  root: repository("ops/console"),
  base: "/console/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: {
    alias: [
      // What servers need besides (checks, conversions to and from JSON) is half the size of the page.
      {
        find: /^.*\/build\/schemas\/messages\.js$/,
        replacement: repository("build/console-messages/messages.js"),
      },
    ],
  },
  build: {
    outDir: repository("build/console"),
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // Nothing as data: URLs, which the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
